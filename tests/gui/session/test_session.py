"""The shared session: runs, models, one training at a time, and a clean end."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from tiny_trainings import make_config, train_to_the_end

from fakd_core.data.datasets import open_dataset
from fakd_core.data.pixel_store import open_store
from fakd_core.events import CancelToken, StepEnd, run_to_end
from fakd_gui.session.jobs import Outcome, stop_all
from fakd_gui.session.run_folders import free_run_folder, scan_runs
from fakd_gui.session.session import Session
from fakd_gui.window.main_window import MainWindow


def test_finished_training_is_listed_with_its_student(
    qtbot: QtBot, session: Session, small_teacher: Path, photos: Path
) -> None:
    run = session.runs_root / "first"
    assert (
        train_to_the_end(qtbot, session, make_config(run, small_teacher, photos)).outcome is Outcome.COMPLETED
    )
    assert (session.runs, session.library.students("Compare"), session.training) == ([run], [str(run)], None)
    assert list(scan_runs(session.runs_root, ()).started) == [run]


def test_folder_without_images_fails_and_leaves_no_run(
    qtbot: QtBot, session: Session, small_teacher: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    errors: list[str] = []
    session.error.connect(lambda problem: errors.append(problem.text))
    run = session.runs_root / "first"
    end = train_to_the_end(qtbot, session, make_config(run, small_teacher, empty))
    assert end.outcome is Outcome.FAILED
    assert len(errors) == 1
    assert "no images" in errors[0]
    assert session.runs == []
    assert not run.exists()


def test_error_is_shown_until_esc(
    qtbot: QtBot, window: MainWindow, small_teacher: Path, tmp_path: Path
) -> None:
    train_to_the_end(
        qtbot, window.session, make_config(tmp_path / "run", small_teacher, tmp_path / "nowhere")
    )
    assert window.banner.isVisible()
    assert "nowhere" in window.banner.messages[0]
    window.session.report(window.banner.messages[0])
    assert len(window.banner.messages) == 1
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.banner.isVisible()


def test_one_training_at_a_time(qtbot: QtBot, session: Session, small_teacher: Path, photos: Path) -> None:
    config = make_config(session.runs_root / "first", small_teacher, photos, steps=5000)
    session.start_training(config)
    with pytest.raises(RuntimeError, match="running already"):
        session.start_training(config)


def python_threads() -> set[threading.Thread]:
    """All threads but Python's stand-ins for Qt's, which it keeps after their end."""
    return {thread for thread in threading.enumerate() if type(thread).__name__ != "_DummyThread"}


def test_stop_all_stops_the_training_and_its_threads(
    qtbot: QtBot, session: Session, small_teacher: Path, photos: Path
) -> None:
    before = python_threads()
    run = session.runs_root / "first"
    events: list[object] = []
    job = session.start_training(make_config(run, small_teacher, photos, steps=5000))
    job.yielded.connect(events.append)
    qtbot.waitUntil(lambda: any(isinstance(event, StepEnd) for event in events))
    assert stop_all(session)
    assert not job.running
    assert python_threads() <= before
    assert (run / "checkpoints" / "last.pt").is_file()


def test_preparation_is_shown_and_can_be_stopped(
    qtbot: QtBot, window: MainWindow, small_teacher: Path, photos: Path, tmp_path: Path
) -> None:
    run, monitor = tmp_path / "run", window.train.monitor
    messages: list[str] = []
    run_to_end(open_store(open_dataset(photos, 4), CancelToken()))
    job = window.session.start_training(make_config(run, small_teacher, photos))
    job.yielded.connect(lambda _: messages.append(monitor.log.text()))
    # On the training's own thread: it goes no step further.
    job.yielded.connect(lambda _: job.cancel(), Qt.ConnectionType.DirectConnection)
    with qtbot.waitSignal(window.session.training_finished) as ended:
        pass
    assert ended.args[0].outcome is Outcome.CANCELLED
    assert messages == ["Preparing: reading the validation images, 0 of 1."]
    assert monitor.log.text() == "Stopped before the first step; nothing was written."
    assert not run.exists()
    assert window.session.runs == []


def test_folder_that_is_no_run_is_not_selected(session: Session, tmp_path: Path) -> None:
    errors: list[str] = []
    selected: list[Path] = []
    session.error.connect(lambda problem: errors.append(problem.text))
    session.run_selected.connect(selected.append)
    session.select_run(tmp_path)
    assert (session.runs, selected) == ([], [])
    assert str(tmp_path) in errors[0]


def test_runs_are_found_newest_first_and_new_names_are_free(tmp_path: Path) -> None:
    import os

    assert scan_runs(tmp_path / "nowhere", ()).started == {}
    for age, name in enumerate(["new-1", "old-1"]):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.toml").write_text("")
        os.utime(tmp_path / name / "config.toml", (1000 - age, 1000 - age))
    (tmp_path / "no-run").mkdir()
    assert [run.name for run in scan_runs(tmp_path, ()).started] == ["new-1", "old-1"]
    assert free_run_folder(tmp_path, "new").name == "new-2"


def test_a_folder_s_images_that_can_not_be_read_are_counted(session: Session, tmp_path: Path) -> None:
    said: list[str] = []
    session.status_message.connect(said.append)
    session.error.connect(lambda problem: said.append(problem.text))
    (tmp_path / "a.heic").touch()
    session.open_paths([tmp_path], "Compare")
    (tmp_path / "b.jfif").touch()
    session.open_paths([tmp_path], "Compare")
    assert said == [f"{tmp_path}: left out 1 .heic, which can't be read here; save them as PNG or JPEG"] * 2
