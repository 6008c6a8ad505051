"""The list while runs come, go, change or are trained: what is typed stays, nothing waits for the disk."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from library_panels import choose, names, scan
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QLineEdit
from pytestqt.qtbot import QtBot
from run_folders import make_run

from fakd_core.runs.config import TrainConfig
from fakd_gui.library.panel import LibraryPanel
from fakd_gui.session.session import Session


def test_a_run_that_is_being_set_up_is_not_moved(
    qtbot: QtBot, runs: LibraryPanel, session: Session, messages: list[str], tmp_path: Path
) -> None:
    run = session.runs_root / "new"
    with qtbot.waitSignal(session.training_finished):
        session.start_training(TrainConfig(student="s", train_data=tmp_path, run=run))
        assert not runs.actions.can_move(run, "renamed")
        assert messages == ["new is being trained: it can be renamed when training has ended."]


def test_new_runs_and_states_leave_the_name_that_is_being_typed(
    qtbot: QtBot, runs: LibraryPanel, session: Session
) -> None:
    run = choose(runs, "middle")
    qtbot.keyClick(runs.view, Qt.Key.Key_F2)
    editor = runs.view.findChild(QLineEdit)
    assert not editor.acceptDrops()
    editor.selectAll()
    qtbot.keyClicks(editor, "typed")
    make_run(session.runs_root, "another")
    os.utime(session.runs_root / "oldest" / "config.toml", (5000, 5000))
    scan(qtbot, runs)
    assert names(runs) == ["another", "oldest", "newest", "middle"]
    session.library.states |= {run: replace(session.library.states[run], done=3)}
    runs.model.rebuild()
    assert runs.view.state() is QAbstractItemView.State.EditingState
    assert editor.text() == "typed"
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: (session.runs_root / "typed").is_dir())
    shutil.rmtree(session.runs_root / "another")
    scan(qtbot, runs)
    assert names(runs) == ["oldest", "newest", "typed"]
    assert runs.selected() == session.runs_root / "typed"


def test_a_run_named_by_another_path_is_listed_once(
    qtbot: QtBot, runs: LibraryPanel, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    link = tmp_path / "link"
    link.symlink_to(session.runs_root)
    listed = list(session.runs)
    for run in (Path("runs/middle"), Path("runs/../runs/middle"), link / "middle"):
        session.select_run(run)
        scan(qtbot, runs)
        assert session.runs == listed
    assert session.library.chosen["Inspect"] == []
    # What is new is found once, too, whichever path came first.
    new = make_run(session.runs_root, "new")
    session.select_run(link / "new")
    scan(qtbot, runs)
    assert [run for run in session.runs if run.samefile(new)] == [link / "new"]


def test_activation_reads_the_runs_on_a_thread_and_changes_nothing(
    qtbot: QtBot, runs: LibraryPanel, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(runs, "middle")
    threads: list[int] = []
    look, changes = os.stat, []

    def note_thread(path: object, *where: object, **how: object) -> os.stat_result:
        if "runs" in str(path):
            threads.append(threading.get_ident())
        return look(path, *where, **how)

    for changed in (session.runs_changed, session.compared_changed, runs.model.dataChanged):
        changed.connect(lambda *_: changes.append(1))
    monkeypatch.setattr(os, "stat", note_thread)
    with qtbot.waitSignal(runs.scanner.reading.result):
        QGuiApplication.instance().applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)
    assert threads
    assert threading.get_ident() not in threads
    assert changes == []


def test_a_training_says_why_no_other_run_is_resumed(
    qtbot: QtBot, runs: LibraryPanel, session: Session, messages: list[str], tmp_path: Path
) -> None:
    run = choose(runs, "middle")
    with qtbot.waitSignal(session.training_finished):
        session.start_training(TrainConfig(student="s", train_data=tmp_path, run=session.runs_root / "new"))
        assert not runs.resume_button.isEnabled()
        assert "Stop the training of new first" in runs.resume_button.toolTip()
        runs.actions.resume(run)
        assert messages == ["middle isn't resumed. Stop the training of new first."]
    assert runs.resume_button.isEnabled()
    assert "last checkpoint" in runs.resume_button.toolTip()
