"""The library's panel: eyes, networks of a run, selection of several, scales, filters and many runs."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from library_panels import children, choose, click, click_eye, eye, index_of, names, psnr_of, scan
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot
from run_folders import make_run
from small_models import save_model, save_photo

from fakd_core.data.resize import BICUBIC
from fakd_core.runs.layout import BASELINE, RunLayout
from fakd_gui.library.delegate import TINT, tinted
from fakd_gui.library.filter import Filter
from fakd_gui.library.model import IS_USABLE_ROLE, STATE_ROLE
from fakd_gui.library.panel import COLOUR_NAMES, LibraryPanel
from fakd_gui.library.rows import Sort
from fakd_gui.library.settings_dialog import SettingsDialog
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.library_keys import baseline_ref, picture_key
from fakd_gui.session.session import Session
from fakd_gui.widgets.theme import DARK, LIGHT, Theme
from fakd_gui.window.main_window import MainWindow

TEACHER = "rcan-g5-r5-c32-x4"


@pytest.fixture
def twins(qtbot: QtBot, runs: LibraryPanel, session: Session, tmp_path: Path) -> Path:
    """The run "newest" with a student, its baseline, an average and a snapshot."""
    run = session.runs_root / "newest"
    layout, weights = RunLayout(run), save_model(tmp_path, "weights", 1)
    layout.checkpoints.mkdir()
    layout.snapshots_folder.mkdir()
    for file in (
        layout.best_weights(),
        layout.weights(),
        layout.best_weights(BASELINE),
        layout.best_weights("ema"),
        layout.snapshot(2),
    ):
        shutil.copy(weights, file)
    line = {
        "event": "validation",
        "step": 4,
        "psnr": 30.0,
        "ssim": 0.8,
        "others": {"baseline": {"psnr": 29.5}},
    }
    with layout.metrics.open("a") as file:
        file.write(json.dumps(line) + "\n")
    runs.read_states()
    qtbot.waitUntil(lambda: bool(session.library.states[run].networks))
    return run


def test_a_run_lists_its_networks_with_their_best_psnr(runs: LibraryPanel, twins: Path) -> None:
    listed = [index.data() for index in children(runs, "newest")]
    assert listed == ["baseline, best", "student, last", "average, best", "1 snapshots"]
    assert [psnr_of(index) for index in children(runs, "newest")[:2]] == ["29.50", ""]
    assert index_of(runs, "newest").data(STATE_ROLE) == "done · ×4 · 0.01 M"


def test_an_eye_shows_in_the_workspace_at_hand_alone(
    qtbot: QtBot, runs: LibraryPanel, session: Session, twins: Path
) -> None:
    library = session.library
    runs.set_workspace("Inspect")
    click_eye(qtbot, runs, index_of(runs, "newest"))
    runs.view.expandAll()
    click_eye(qtbot, runs, children(runs, "newest")[0])
    assert library.students("Inspect") == [str(twins), baseline_ref(twins)]
    assert library.students("Compare") == []
    assert (eye(index_of(runs, "newest")), session.compared) == (True, [])
    choose(runs, "newest")
    qtbot.keyClick(runs.view, Qt.Key.Key_Space)
    assert library.students("Inspect") == [baseline_ref(twins)]
    qtbot.keyClick(runs.view, Qt.Key.Key_Space, Qt.KeyboardModifier.ShiftModifier)
    assert library.students("Inspect") == [str(twins)]
    runs.actions["hide_all"].trigger()
    assert library.students("Inspect") == []


def test_what_can_t_be_shown_says_why(
    qtbot: QtBot, runs: LibraryPanel, session: Session, twins: Path
) -> None:
    told: list[str] = []
    session.status_message.connect(told.append)
    runs.set_workspace("Compare")
    click_eye(qtbot, runs, index_of(runs, "oldest"))
    assert told == ["oldest: nothing of it was validated yet"]
    assert eye(index_of(runs, BICUBIC.capitalize(), "Bundled")) is True
    session.set_teacher(TEACHER)
    qtbot.waitUntil(lambda: bool(session.library.headers))
    double = index_of(runs, "rcan-g5-r5-c32-x2", "Bundled")
    assert not double.data(IS_USABLE_ROLE)
    assert "It enlarges by 2, the teacher by 4" in tip_of_bundled(runs, "rcan-g5-r5-c32-x2")
    assert index_of(runs, TEACHER, "Bundled").data(IS_USABLE_ROLE)


def tip_of_bundled(runs: LibraryPanel, name: str) -> str:
    return str(index_of(runs, name, "Bundled").data(Qt.ItemDataRole.ToolTipRole))


def test_several_selected_rows_are_shown_coloured_and_removed_at_once(
    qtbot: QtBot, runs: LibraryPanel, session: Session, tmp_path: Path
) -> None:
    refs = [save_model(tmp_path, name, seed) for seed, name in enumerate(("one", "two"))]
    for ref in refs:
        session.add_student(ref)
    assert names(runs, "Files") == ["one", "two"]
    runs.set_workspace("Compare")
    runs.select(*refs)
    runs.view.setFocus()
    assert len(runs.selected_rows()) == 2
    qtbot.keyClick(runs.view, Qt.Key.Key_Space)
    assert session.library.students("Compare") == []
    click_eye(qtbot, runs, index_of(runs, "one", "Files"))
    assert session.library.students("Compare") == refs
    menu = runs.make_menu()
    colours = next(one for one in menu.findChildren(QMenu) if one.title() == "Colour")
    colours.actions()[COLOUR_NAMES.index("Teal")].trigger()
    assert [session.library.colour_number(ref) for ref in refs] == [2, 2]
    with qtbot.waitSignal(session.undo_offered):
        qtbot.keyClick(runs.view, Qt.Key.Key_Delete)
    assert session.library.files == []
    assert all(Path(ref).exists() for ref in refs)


def test_a_file_is_renamed_in_the_library_only(
    qtbot: QtBot, runs: LibraryPanel, session: Session, tmp_path: Path
) -> None:
    ref = save_model(tmp_path, "one", 1)
    session.add_student(ref)
    index = index_of(runs, "one", "Files")
    runs.filter.setData(index, "better")
    assert names(runs, "Files") == ["better"]
    assert Path(ref).exists()


def test_two_runs_say_what_differs(runs: LibraryPanel, session: Session) -> None:
    other = session.runs_root / "oldest"
    text = (other / "config.toml").read_text()
    (other / "config.toml").write_text(text.replace("steps = 4", "steps = 8"))
    runs.select(session.runs_root / "newest", other)
    assert runs.actions["settings"].text() == "What differs…"
    runs.actions["settings"].trigger()
    dialog = runs.view.findChild(SettingsDialog)
    assert dialog.table.rowCount() == 1
    assert [dialog.table.item(0, column).text() for column in range(3)] == ["Steps", "4", "8"]
    dialog.differences.setChecked(False)
    assert dialog.table.rowCount() > 10
    dialog.close()


def test_filter_and_order(qtbot: QtBot, runs: LibraryPanel, session: Session, twins: Path) -> None:
    runs.set_workspace("Compare")
    runs.filter.choose(Filter.UNFINISHED)
    assert names(runs) == ["middle"]
    runs.filter.choose(Filter.SHOWN)
    assert (names(runs), names(runs, "Bundled")) == ([], ["Bicubic"])
    session.library.show([baseline_ref(twins)], ["Compare"])
    assert names(runs) == ["newest"]
    runs.filter.choose(Filter.ALL)
    runs.model.set_sort(Sort.PSNR)
    assert names(runs) == ["newest", "middle", "oldest"]
    runs.model.set_sort(Sort.NAME)
    assert names(runs) == ["middle", "newest", "oldest"]


def test_a_picture_belongs_to_its_image(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    session, panel = window.session, window.library
    with qtbot.waitSignal(session.image_changed):
        session.open_image(save_photo(tmp_path, "one"))
    session.library.add_picture(save_photo(tmp_path, "other tool"), tmp_path / "one.png")
    window.show_workspace("Compare")
    index = index_of(panel, "other tool.png", "Pictures")
    assert eye(index)
    assert picture_key(tmp_path / "other tool.png") in window.compare.state.keys
    with qtbot.waitSignal(session.image_changed):
        session.open_image(save_photo(tmp_path, "two"))
    assert picture_key(tmp_path / "other tool.png") not in window.compare.state.keys
    assert "It belongs to one.png" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_a_click_on_a_run_shows_its_curves_and_stays_in_the_workspace(
    qtbot: QtBot, window: MainWindow
) -> None:
    run = make_run(window.session.runs_root, "first")
    scan(qtbot, window.library)
    window.show_workspace("Compare")
    click(qtbot, window.library, index_of(window.library, "first"))
    qtbot.waitUntil(lambda: window.train.state.shown.run == run)
    assert window.workspaces.current == "Compare"
    qtbot.keyClick(window.library.view, Qt.Key.Key_Return)
    assert window.workspaces.current == "Train"


def test_300_runs_open_at_once_and_nothing_is_read_on_the_window_s_thread(
    qtbot: QtBot, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        make_run(session.runs_root, f"run {number:03d}", done=1)
    panel = LibraryPanel(session)
    qtbot.addWidget(panel)
    look, threads = os.stat, []
    root, window = str(session.runs_root), threading.get_ident()

    def note(path: object, *where: object, **how: object) -> os.stat_result:
        if str(path).startswith(root):
            threads.append(threading.get_ident())
        return look(path, *where, **how)

    monkeypatch.setattr(os, "stat", note)
    slowest, before = 0.0, time.thread_time()

    def all_read() -> bool:
        # The time that the window's thread computes between two looks: it includes no other thread's.
        nonlocal slowest, before
        slowest, before = max(slowest, time.thread_time() - before), time.thread_time()
        return len(session.library.states) == 300

    panel.show()
    panel.scan()
    qtbot.waitUntil(all_read)
    assert len(names(panel)) == 300
    assert threads
    assert window not in threads
    assert slowest < 0.2
    assert stop_all(panel)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_texts_are_legible_on_the_selected_row(theme: Theme) -> None:
    below = luminance(tinted(theme, TINT))
    for colour in (theme.text, theme.muted, theme.bad):
        low, high = sorted((below, luminance(QColor(colour))))
        assert (high + 0.05) / (low + 0.05) >= 4.5, colour


def luminance(colour: QColor) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.getRgbF()[:3]
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
