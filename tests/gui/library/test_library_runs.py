"""Runs in the library: states, search, curves, renaming, trash and undo, and runs of other programs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from library_panels import choose, click, click_eye, eye, index_of, indexes, names, psnr_of, state_of, tip_of
from PySide6.QtCore import QFile, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QAbstractItemView, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot
from run_folders import make_run

from fakd_core.runs.layout import RunLayout
from fakd_core.runs.lock import run_lock
from fakd_core.runs.states import is_in_use
from fakd_gui.library.model import STATE_ROLE
from fakd_gui.library.panel import LibraryPanel
from fakd_gui.session import run_folders
from fakd_gui.session.opening import Action
from fakd_gui.session.session import Session

# -- states ------------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first_with_their_states(runs: LibraryPanel) -> None:
    assert names(runs) == ["newest", "middle", "oldest"]
    said = [index.data(STATE_ROLE) for index in indexes(runs)]
    assert said == ["done", "stopped at 2 of 4", "done"]
    assert [psnr_of(index) for index in indexes(runs)] == ["30.00", "29.00", "28.00"]


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("config.toml", "steps = maybe", "config.toml"),
        ("metrics.jsonl", '{"event": "validation", "psnr"\n', "metrics.jsonl: damaged"),
        ("metrics.jsonl", "\x00\x00\n", "metrics.jsonl: damaged"),
    ],
)
def test_a_damaged_run_is_marked_with_the_reason(
    qtbot: QtBot, runs: LibraryPanel, session: Session, file: str, text: str, reason: str
) -> None:
    run = session.runs_root / "oldest"
    (run / file).write_text(text)
    os.utime(run / "config.toml", (500, 500))
    session.library.states = {}
    runs.read_states()
    qtbot.waitUntil(lambda: state_of(runs, run) == "damaged")
    assert reason in tip_of(runs, "oldest")
    assert names(runs)[:2] == ["newest", "middle"]


def test_a_run_trained_by_another_process_is_neither_renamed_nor_deleted(
    qtbot: QtBot, runs: LibraryPanel, messages: list[str]
) -> None:
    run = choose(runs, "middle")
    with run_lock(RunLayout(run).lock):
        assert is_in_use(run)
        runs.read_states()
        qtbot.waitUntil(lambda: state_of(runs, run) == "training, 2 of 4")
        qtbot.keyClick(runs.view, Qt.Key.Key_Delete)
        qtbot.keyClick(runs.view, Qt.Key.Key_F2)
        assert [error.split(":")[0] for error in messages] == ["middle is being trained"] * 2
        assert run.exists()
    assert not is_in_use(run)


def test_runs_created_and_removed_by_other_programs_are_noticed(
    qtbot: QtBot, runs: LibraryPanel, session: Session
) -> None:
    make_run(session.runs_root, "from elsewhere")
    qtbot.waitUntil(lambda: names(runs)[0] == "from elsewhere")
    shutil.rmtree(session.runs_root / "middle")
    qtbot.waitUntil(lambda: "middle" not in names(runs))
    assert len(session.runs) == 3


# -- finding and showing -----------------------------------------------------------------------------


def test_search_by_words_of_name_state_and_models(qtbot: QtBot, runs: LibraryPanel) -> None:
    qtbot.keyClicks(runs.search, "done EDSR")
    assert names(runs) == ["newest", "oldest"]
    qtbot.keyClicks(runs.search, " old")
    assert names(runs) == ["oldest"]
    runs.search.clear()
    assert len(names(runs)) == 3


def test_a_click_and_return_show_a_run(qtbot: QtBot, runs: LibraryPanel, session: Session) -> None:
    shown: list[str] = []
    session.run_selected.connect(lambda run: shown.append(run.name))
    click(qtbot, runs, index_of(runs, "middle"))
    qtbot.keyClick(runs.view, Qt.Key.Key_Down)
    assert shown == ["middle"]
    qtbot.keyClick(runs.view, Qt.Key.Key_Return)
    assert shown == ["middle", "oldest"]


def test_in_train_an_open_eye_overlays_curves_and_shows_nothing_else(
    qtbot: QtBot, runs: LibraryPanel, session: Session
) -> None:
    shown: list[object] = []
    session.run_selected.connect(shown.append)
    for name in ("middle", "oldest"):
        click_eye(qtbot, runs, index_of(runs, name))
    assert [run.name for run in session.compared] == ["middle", "oldest"]
    assert shown == []
    choose(runs, "middle")
    qtbot.keyClick(runs.view, Qt.Key.Key_Space)
    assert [run.name for run in session.compared] == ["oldest"]
    session.compare_runs([session.runs_root / "newest"])
    assert not eye(index_of(runs, "oldest"))
    assert eye(index_of(runs, "newest"))
    runs.actions["hide_all"].trigger()
    assert session.compared == []


def test_the_menu_does_what_it_says(
    qtbot: QtBot, runs: LibraryPanel, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = choose(runs, "newest")
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    entries = {action.text().split("\t")[0]: action for action in runs.make_menu().actions()}
    assert not entries["Resume"].isEnabled()  # It is finished.
    assert not entries["Export…"].isEnabled()  # It has no student.
    loaded: list[object] = []
    session.openers[Action.LOAD_SETTINGS] = loaded.append
    entries["Use its settings"].trigger()
    assert loaded == [[run / "config.toml"]]
    entries["Open folder"].trigger()
    assert opened == [QUrl.fromLocalFile(str(run))]
    entries["Show"].trigger()
    assert session.compared == [run]
    assert "Hide" in [action.text() for action in runs.make_menu().actions()]


# -- renaming and deleting ---------------------------------------------------------------------------


def edit_name(qtbot: QtBot, runs: LibraryPanel, text: str) -> None:
    qtbot.keyClick(runs.view, Qt.Key.Key_F2)
    editor = runs.view.findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, text)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    # Qt takes the text a moment later.
    qtbot.waitUntil(lambda: runs.view.state() is not QAbstractItemView.State.EditingState)


def test_f2_renames_the_folder_and_every_reference_to_it(
    qtbot: QtBot, runs: LibraryPanel, session: Session
) -> None:
    run = choose(runs, "middle")
    session.add_student(str(run))
    session.compare_runs([run])
    edit_name(qtbot, runs, "better name")
    to = session.runs_root / "better name"
    assert (to / "config.toml").is_file()
    assert not run.exists()
    assert session.compared == [to]
    assert session.library.students("Compare") == [str(to)]
    assert names(runs) == ["newest", "better name", "oldest"]
    assert runs.selected() == to
    assert state_of(runs, to) == "stopped at 2 of 4"


@pytest.mark.parametrize("name", ["oldest", "a/b", "..", " ", "x" * 300])
def test_an_invalid_name_is_refused(qtbot: QtBot, runs: LibraryPanel, messages: list[str], name: str) -> None:
    run = choose(runs, "middle")
    edit_name(qtbot, runs, name)
    assert len(messages) == 1
    assert ("already exists" in messages[0]) is (name == "oldest")
    assert run.exists()
    assert sorted(names(runs)) == ["middle", "newest", "oldest"]


def test_deleting_moves_to_the_trash_and_undo_restores(
    qtbot: QtBot, runs: LibraryPanel, session: Session, tmp_path: Path
) -> None:
    run = choose(runs, "middle")
    session.compare_runs([run])
    before = sorted(path.name for path in run.iterdir())
    with qtbot.waitSignal(session.undo_offered) as offered:
        qtbot.keyClick(runs.view, Qt.Key.Key_Delete)
    text, take_back, _ = offered.args
    assert text == "Moved middle to the trash"
    assert not run.exists()
    assert names(runs) == ["newest", "oldest"]
    assert session.compared == []
    assert [path.name for path in (tmp_path / "data/Trash/files").iterdir()] == ["middle"]
    take_back()
    assert sorted(path.name for path in run.iterdir()) == before
    assert names(runs) == ["newest", "middle", "oldest"]
    assert session.compared == [run]
    assert list((tmp_path / "data/Trash/info").iterdir()) == []


def test_undo_restores_a_run_beside_one_that_took_its_name(
    qtbot: QtBot, runs: LibraryPanel, session: Session, messages: list[str]
) -> None:
    run = choose(runs, "middle")
    session.add_student(str(run))
    trash = runs.actions["remove"]
    with qtbot.waitSignal(session.undo_offered) as offered:
        button = next(one for one in runs.findChildren(QToolButton) if one.defaultAction() == trash)
        button.click()
    assert session.library.students("Compare") == []
    make_run(session.runs_root, "middle")
    assert offered.args[1]()
    assert messages == []
    assert run.exists()
    beside = session.runs_root / "middle-1"
    assert (beside / "config.toml").exists()
    assert session.library.students("Compare") == [str(beside)]
    # Redone, it is the restored run that goes, not the one that took its place.
    assert offered.args[2]()
    assert run.exists()
    assert not beside.exists()


class NoTrash(QFile):
    """A file on a system that has no trash for it."""

    def moveToTrash(self) -> bool:
        return False


def test_without_a_trash_of_the_system_a_run_goes_to_one_beside_it_and_comes_back(
    qtbot: QtBot, runs: LibraryPanel, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = choose(runs, "middle")
    before = sorted(path.name for path in run.iterdir())
    monkeypatch.setattr(run_folders, "QFile", NoTrash)
    with qtbot.waitSignal(session.undo_offered) as offered:
        qtbot.keyClick(runs.view, Qt.Key.Key_Delete)
    assert offered.args[0] == f"Moved middle to the trash, {run.with_name('.trash')}"
    assert not run.exists()
    assert names(runs) == ["newest", "oldest"]
    runs.scanner.scan()
    qtbot.waitUntil(lambda: not runs.scanner.scanning.wanted)
    assert names(runs) == ["newest", "oldest"], "what is in the trash isn't listed"
    assert offered.args[1]()
    assert sorted(path.name for path in run.iterdir()) == before


def test_a_run_that_can_not_be_moved_stays(
    qtbot: QtBot, runs: LibraryPanel, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = choose(runs, "middle")
    monkeypatch.setattr(run_folders, "QFile", NoTrash)
    run.with_name(".trash").write_text("in the way")
    qtbot.keyClick(runs.view, Qt.Key.Key_Delete)
    assert run.exists()
    assert "middle" in names(runs)
    assert "can't be moved to the trash" in messages[-1]
