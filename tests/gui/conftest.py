"""Real widgets without a screen; every job has ended before the next test."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from pytestqt.qtbot import QtBot

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from fakd_gui.app import make_application
from fakd_gui.jobs import Job, stop_all
from fakd_gui.main_window import MainWindow
from fakd_gui.session import Session

FILES_OF_LIBRARIES = 8
"""What torch, Qt and the memory-mapped images open on their first use and keep."""


@pytest.fixture(autouse=True)
def _nothing_runs_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No job, thread or open file outlives its test."""
    started: list[Job] = []
    start = Job.start

    def start_and_note(job: Job) -> None:
        started.append(job)
        start(job)

    monkeypatch.setattr(Job, "start", start_and_note)
    threads, files = set(threading.enumerate()), open_files()
    yield
    assert [job.name for job in started if shiboken6.isValid(job) and job.running] == []
    left = [thread.name for thread in set(threading.enumerate()) - threads if not thread.daemon]
    assert left == []
    assert open_files() - files <= FILES_OF_LIBRARIES


def open_files() -> int:
    """How many file descriptors this process holds; 0 where the system does not say."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.is_dir() else 0


@pytest.fixture
def session(tmp_path: Path, qapp: object) -> Iterator[Session]:
    made = Session(runs_root=tmp_path / "runs")
    yield made
    assert made.shut_down()


@pytest.fixture
def window(session: Session, qtbot: QtBot) -> Iterator[MainWindow]:
    """The whole window, shown, on a session of its own."""
    make_application()
    made = MainWindow(session)
    made.resize(1280, 800)
    made.show()
    yield made
    assert stop_all(made, session)
    qtbot.waitUntil(lambda: session.training is None, timeout=5000)
    made.close()
    made.deleteLater()
