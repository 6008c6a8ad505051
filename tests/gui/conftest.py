"""Real widgets without a screen; every job has ended before the next test."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path

import psutil
import pytest
import shiboken6
from busy_window import Desk, busy_desk
from compare_bench import Opened, comparing, open_and_wait, save_stamp
from inspect_panels import shown_panel
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from run_folders import make_run
from small_models import Bench, make_bench

from fakd_gui.app import garbage_collector, make_application
from fakd_gui.library.panel import LibraryPanel
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.session.jobs import Job
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.state import TrainState
from fakd_gui.window.main_window import MainWindow

PATIENCE_MS = 60_000
"""Whatever a test waits for happens in this time, however busy the machine is."""

FILES_OF_LIBRARIES = 8
"""Files that torch, Qt and the memory-mapped images open on their first use and keep."""


class PatientBot(QtBot):
    """Waits for as long as a busy machine may need, unless a test says otherwise."""

    waitActive, waitExposed, waitSignal, waitSignals, waitUntil = (
        partialmethod(wait, timeout=PATIENCE_MS)
        for wait in (
            QtBot.waitActive,
            QtBot.waitExposed,
            QtBot.waitSignal,
            QtBot.waitSignals,
            QtBot.waitUntil,
        )
    )


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


@pytest.fixture(autouse=True)
def _nothing_runs_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No job, thread, timer or open file outlives its test."""
    jobs: weakref.WeakSet[Job] = weakref.WeakSet()
    timers: weakref.WeakSet[QTimer] = weakref.WeakSet()
    start_job, start_timer = Job.start, QTimer.start

    def start_and_note_job(job: Job) -> None:
        jobs.add(job)
        start_job(job)

    def start_and_note_timer(timer: QTimer, *interval: int) -> None:
        timers.add(timer)
        start_timer(timer, *interval)

    monkeypatch.setattr(Job, "start", start_and_note_job)
    monkeypatch.setattr(QTimer, "start", start_and_note_timer)
    threads, files = set(threading.enumerate()), psutil.Process().num_fds()
    yield
    assert [job.name for job in jobs if shiboken6.isValid(job) and job.running] == []
    left = [thread.name for thread in set(threading.enumerate()) - threads if not thread.daemon]
    assert left == []
    assert active(timers) == []
    assert psutil.Process().num_fds() - files <= FILES_OF_LIBRARIES


def active(timers: weakref.WeakSet[QTimer]) -> list[str]:
    """Active timers, after everything unused was deleted, except for the garbage collector's."""

    def still() -> list[str]:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        ticking = [timer for timer in timers if shiboken6.isValid(timer) and timer.isActive()]
        return [
            f"{timer.interval()} ms in {timer.parent()}"
            for timer in ticking
            if timer is not garbage_collector().timer
        ]

    found = still()
    if found:
        gc.collect()  # It is switched off while a window is there.
        found = still()
    return found


@pytest.fixture
def session(tmp_path: Path, qapp: object) -> Iterator[Session]:
    made = Session(runs_root=tmp_path / "runs")
    yield made
    assert stop_all(made)


@pytest.fixture
def window(session: Session, qtbot: QtBot) -> Iterator[MainWindow]:
    """The whole window, shown, on a session of its own."""
    make_application()
    made = MainWindow(session)
    made.resize(1280, 800)
    made.show()
    yield made
    assert stop_all(made, session)
    qtbot.waitUntil(lambda: session.training is None)
    made.close()
    made.deleteLater()


@pytest.fixture
def desk(
    window: MainWindow,
    qtbot: QtBot,
    small_teacher: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    """The whole window with a teacher, photos and a hand on its jobs."""
    with busy_desk(window, qtbot, small_teacher, photos, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def bench(qapp: QApplication, tmp_path: Path) -> Bench:
    """A session with small random networks and a photograph."""
    return make_bench(tmp_path)


@pytest.fixture
def inspected(bench: Bench, qtbot: QtBot) -> Iterator[InspectPanel]:
    """Inspect with the photo, the teacher and one student."""
    yield from shown_panel(bench, qtbot)


@pytest.fixture
def opened(tmp_path: Path, qapp: QApplication, qtbot: QtBot) -> Iterator[Opened]:
    """Compare with the stamp open, every model computed."""
    with comparing(tmp_path, qtbot) as (bench, panel):
        bench.choose_all()
        open_and_wait(panel, save_stamp(bench.folder), qtbot)
        yield bench, panel


@pytest.fixture
def plots(session: Session, qtbot: QtBot) -> RunPlots:
    """Plots, shown and empty."""
    make_application()
    state, host = TrainState(session, session), QWidget()
    made = RunPlots(state, TrainCommands(session, state, host))
    qtbot.addWidget(host)
    qtbot.addWidget(made)
    made.resize(800, 440)
    with qtbot.waitExposed(made):
        made.show()
    return made


@pytest.fixture
def runs(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[LibraryPanel]:
    """The library with three runs, shown."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    make_application()
    for age, name in enumerate(("oldest", "middle", "newest")):
        run = make_run(session.runs_root, name, done=4 if name != "middle" else 2, psnr=28.0 + age)
        os.utime(run / "config.toml", (1000 + age, 1000 + age))
    made = LibraryPanel(session)
    qtbot.addWidget(made)
    made.resize(260, 640)
    with qtbot.waitExposed(made):
        made.show()
    made.scan()
    qtbot.waitUntil(lambda: len(session.library.states) == 3)
    yield made
    assert stop_all(made)


@pytest.fixture
def messages(session: Session) -> list[str]:
    errors: list[str] = []
    session.error.connect(lambda problem: errors.append(problem.text))
    return errors
