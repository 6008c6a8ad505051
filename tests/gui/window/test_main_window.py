"""The window as a user operates it: drops, menus, errors, and the demo's tour."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest
from busy_machine import computes_for_less_than
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QMenu, QWidget
from pytestqt.qtbot import QtBot

from fakd_core.data.image_files import read_image
from fakd_core.events import RAW
from fakd_core.runs.series import read_series
from fakd_gui.app import main
from fakd_gui.demo import TourGuide, tour
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.window.main_window import MainWindow

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


def drop(window: QWidget, *paths: Path) -> None:
    """A real drop event in the middle of a window or a widget."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    centre = window.rect().center()
    # Qt delivers a drop only to what accepted the drag.
    QApplication.sendEvent(window, QDragEnterEvent(centre, *how))
    QApplication.sendEvent(window, QDropEvent(QPointF(centre), *how))


BUNDLED = Path("rcan-g5-r1-c32-x4-fakd")
"""A teacher above bicubic, whose training says nothing of it."""


def set_up_tiny_run(qtbot: QtBot, window: MainWindow, teacher: Path, photos: Path, **changes: object) -> None:
    form, state = window.train.form, window.train.state
    names = {"teacher": (str(teacher),), "student": STUDENT, "train_data": str(photos)}
    sizes = {"steps": 4, "batch": 2, "patch": 12, "validate_every": 2}
    state.fill({**names, **sizes, "init_from_teacher": False, **changes})
    qtbot.waitUntil(lambda: not state.is_checking)
    assert form.problems() == []
    qtbot.waitUntil(window.train.start_button.isEnabled)


def test_start_button_trains_shows_curves_and_adds_the_student(
    qtbot: QtBot, window: MainWindow, photos: Path
) -> None:
    set_up_tiny_run(qtbot, window, BUNDLED, photos)
    with qtbot.waitSignal(window.session.training_finished):
        qtbot.mouseClick(window.train.start_button, Qt.MouseButton.LeftButton)
        assert window.train.stop_button.isVisible()
    series = window.train.state.shown.series
    assert series.step == [1, 2, 3, 4]
    weighted = {name for name in series.losses if not name.startswith(RAW)}
    assert weighted == {"total", "DS", "TS", "SA"}
    assert series.validation_step == [2, 4]
    run = window.session.runs[0]
    assert window.session.library.students("Compare") == [str(run)]
    assert read_series(run).losses == series.losses
    assert window.train.start_button.isVisible()
    assert not window.banner.isVisible()


def test_stop_ends_within_a_second_and_the_run_resumes_from_the_list(
    qtbot: QtBot, window: MainWindow, small_teacher: Path, photos: Path
) -> None:
    set_up_tiny_run(qtbot, window, small_teacher, photos, steps=5000, validate_every=5000)
    window.train.actions.start()
    qtbot.waitUntil(lambda: len(window.train.state.shown.series.step) > 3)
    with computes_for_less_than(1), qtbot.waitSignal(window.session.training_finished):
        qtbot.mouseClick(window.train.stop_button, Qt.MouseButton.LeftButton)
    stopped_at = window.train.state.shown.series.step[-1]
    window.library.select(window.session.runs[0])
    with qtbot.waitSignal(window.session.training_started):
        window.library.resume_button.click()
    qtbot.waitUntil(lambda: window.train.state.shown.series.step[-1:] > [stopped_at + 3])
    steps = window.train.state.shown.series.step
    assert steps[: stopped_at + 3] == list(range(1, stopped_at + 4))
    parts = window.train.state.shown.series.losses
    assert {len(values) for values in parts.values()} == {len(steps)}
    with qtbot.waitSignal(window.session.training_finished):
        window.train.actions.stop()


def test_whole_form_is_reachable_at_the_minimum_size(qtbot: QtBot, window: MainWindow) -> None:
    window.resize(window.minimumSize())
    form = window.train.form
    qtbot.waitUntil(lambda: form.widget().width() <= form.viewport().width())
    assert window.width() == window.minimumWidth()
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: window.library.width() >= 130)


def test_pause_and_resume(qtbot: QtBot, window: MainWindow, small_teacher: Path, photos: Path) -> None:
    set_up_tiny_run(qtbot, window, small_teacher, photos, steps=5000, validate_every=5000)
    window.train.actions.start()
    series = window.train.state.shown.series
    qtbot.waitUntil(lambda: len(window.train.state.shown.series.step) > 2)
    window.train.pause_button.click()
    qtbot.wait(300)
    series = window.train.state.shown.series
    held = len(series.step)
    qtbot.wait(300)
    assert len(series.step) == held
    assert window.train.pause_button.text() == "Resume"
    window.train.pause_button.click()
    qtbot.waitUntil(lambda: len(series.step) > held)
    with qtbot.waitSignal(window.session.training_finished):
        window.train.actions.stop()


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("distill", "10*XA", "XA"),
        ("teacher", ("nowhere.pth",), "nowhere.pth"),
        ("student", "rcan:n_feats=0", "n_feats"),
        ("train_data", "/nowhere", "nowhere"),
        ("alpha", "much", "number"),
        ("patch", 2048, "smaller than the patch"),
    ],
)
def test_invalid_setting_is_marked_and_start_is_disabled(
    qtbot: QtBot, window: MainWindow, field: str, value: object, reason: str
) -> None:
    form, state = window.train.form, window.train.state
    if isinstance(value, str) and field == "alpha":
        form.editors["alpha"].widget.setText(value)
    else:
        state.fill({field: value})
    qtbot.waitUntil(lambda: not state.is_checking)
    assert reason in form.fields[field].problem
    assert not window.train.start_button.isEnabled()
    assert reason in window.train.start_button.toolTip()
    assert window.train.actions.start() is None


def test_file_that_is_no_image_is_reported(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    fake = tmp_path / "text.png"
    fake.write_text("not an image")
    drop(window, fake)
    qtbot.waitUntil(window.banner.isVisible)
    assert "text.png" in window.banner.messages[-1]
    window.banner.close_button.click()
    assert not window.banner.isVisible()


def test_dropped_files_open_in_their_workspaces(
    qtbot: QtBot, window: MainWindow, photos: Path, small_teacher: Path, tmp_path: Path
) -> None:
    drop(window, photos)
    assert window.train.form.editors["train_data"].widget.text() == str(photos)
    with qtbot.waitSignal(window.session.image_changed):
        drop(window, photos / "coffee0.png")
    assert window.workspaces.currentWidget() is window.compare
    drop(window, small_teacher)
    menu = next(menu for menu in window.findChildren(QMenu) if menu.isVisible())
    assert FileDrops.place == window.mapToGlobal(window.rect().center())
    next(action for action in menu.actions() if action.text() == "Use as teacher").trigger()
    menu.close()
    qtbot.waitUntil(lambda: window.session.teacher == str(small_teacher))
    qtbot.waitUntil(lambda: FileDrops.place is None)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"nothing")
    drop(window, damaged)
    # The next question comes a moment after the last one closed.
    qtbot.waitUntil(lambda: any(menu.isVisible() for menu in window.findChildren(QMenu)))
    menu = next(menu for menu in window.findChildren(QMenu) if menu.isVisible())
    next(action for action in menu.actions() if action.text() == "Add as student").trigger()
    menu.close()
    qtbot.waitUntil(lambda: "damaged.safetensors" in "".join(window.banner.messages))
    assert window.session.library.students("Compare") == []
    settings = tmp_path / "settings.toml"
    settings.write_text("steps = 777\nbatch = 3\n")
    drop(window, settings)
    assert window.workspaces.currentWidget() is window.train
    assert window.train.state.config_values()["steps"] == 777
    notes = tmp_path / "notes.txt"
    notes.write_text("")
    drop(window, notes)
    assert "notes.txt" in window.banner.messages[-1]


def test_the_banner_lies_over_the_content_and_moves_nothing(qtbot: QtBot, window: MainWindow) -> None:
    def places() -> list[QPoint]:
        parts = (window.workspaces, window.compare, window.workspaces.tabBar(), window.library)
        return [part.mapTo(window, QPoint()) for part in parts]

    before, tabs = places(), window.workspaces.tabBar()
    for number in range(3):
        window.session.report(f"photo-{number}.png: a problem with a long text, {'word ' * 60}")
        qtbot.wait(1)
        assert places() == before
    assert window.banner.geometry().top() == tabs.geometry().bottom() + 1
    assert window.banner.width() == window.centralWidget().width()
    shown = window.banner.height()
    window.resize(window.width() // 2, window.height())
    qtbot.waitUntil(lambda: window.banner.height() > shown)


def test_keys_switch_workspaces(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitActive(window):
        window.activateWindow()
    for number, panel in enumerate([window.train, window.compare, window.inspect, window.benchmark], 1):
        qtbot.keyClick(window, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        assert window.workspaces.currentWidget() is panel


def test_full_screen_hides_the_bars_until_escape(qtbot: QtBot, window: MainWindow) -> None:
    bars = (window.menuBar(), window.statusBar(), window.workspaces.tabBar(), window.compare.bar)
    with qtbot.waitActive(window):
        window.activateWindow()
    window.show_workspace("Compare")
    window.compare.setFocus()
    assert all(bar.isVisible() for bar in bars)
    window.actions["full_screen"].trigger()
    assert window.isFullScreen()
    assert not any(bar.isVisible() for bar in bars)
    qtbot.keyClick(window.compare, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    assert all(bar.isVisible() for bar in bars)
    assert not window.actions["full_screen"].isChecked()


def test_demo_tour_takes_a_screenshot_of_every_workspace(
    qtbot: QtBot, window: MainWindow, photos: Path, tmp_path: Path
) -> None:
    set_up_tiny_run(qtbot, window, BUNDLED, photos)
    ended: list[int] = []
    guide = TourGuide(tour(window, tmp_path / "shots"), ended.append)
    window.session.error.connect(lambda problem: guide.fail(problem.text))
    guide.advance()
    qtbot.waitUntil(lambda: bool(ended))
    assert ended == [0]
    pictures = {path.stem: read_image(path) for path in (tmp_path / "shots").glob("*.png")}
    assert set(pictures) == {"workbench", "train", "compare", "inspect", "benchmark"}
    for name, picture in pictures.items():
        assert picture.shape[:2] == (800, 1280)
        assert picture.std() > 20, f"{name} is blank"


def test_failed_tour_prints_the_reason(
    qtbot: QtBot, window: MainWindow, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    guide = TourGuide(iter(()), ended.append)
    guide.fail("photo.png: damaged")
    assert ended == [1]
    assert "photo.png: damaged" in capsys.readouterr().err


def test_wrong_arguments_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--bogus"])
    assert end.value.code == 2
    assert "--bogus" in capsys.readouterr().err


def test_calls_into_qt_keep_python_constants_alive(window: MainWindow) -> None:
    """PySide6 6.12.0 dropped a reference per call, until Python 3.11 aborted."""
    calls = 1000
    gc.collect()  # What is freed meanwhile drops references, too.
    before = [sys.getrefcount(constant) for constant in (None, True, False)]
    for _ in range(calls):
        window.setWindowTitle("FAKD Workbench")
        window.mapToGlobal(QPoint(0, 0))
        window.inspect.state.query_changed.emit(1, 2)
    after = [sys.getrefcount(constant) for constant in (None, True, False)]
    assert all(later > earlier - calls / 2 for earlier, later in zip(before, after, strict=True))


def test_a_dropped_file_that_is_no_model_becomes_no_student(
    window: MainWindow, qtbot: QtBot, small_teacher: Path, tmp_path: Path
) -> None:
    junk = tmp_path / "junk.pth"
    junk.write_text("not a model")
    window.show_workspace("Compare")
    with qtbot.waitSignal(window.session.error) as reported:
        window.open_paths([junk])
    assert "junk.pth" in reported.args[0].text
    assert window.session.library.students("Compare") == []
    window.open_paths([small_teacher])
    qtbot.waitUntil(lambda: window.session.library.students("Compare") == [str(small_teacher)])


def test_no_field_swallows_dropped_files(qtbot: QtBot, window: MainWindow, photos: Path) -> None:
    window.train.form.recipe.show_rows()
    window.train.form.presets.naming.show()
    fields = [widget for kind in (QLineEdit, QAbstractSpinBox) for widget in window.findChildren(kind)]
    assert len(fields) > 10
    assert [field.accessibleName() for field in fields if field.acceptDrops()] == []
    with qtbot.waitSignal(window.session.image_changed):
        drop(window.library.search, photos / "coffee0.png")
