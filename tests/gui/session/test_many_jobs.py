"""Thousands of short jobs, started and stopped, leave nothing behind."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from pytestqt.qtbot import QtBot
from tiny_trainings import make_config

from fakd_core.events import CancelToken, StepEnd
from fakd_gui.session.jobs import Job, JobEnd, LatestWins, Outcome
from fakd_gui.session.session import Session

GROWTH = 16 << 20
"""Bytes that the memory of thousands of jobs may add: what allocators keep for the next time."""
MORE_FILES = 4


@dataclass(frozen=True)
class Held:
    """The resources of a process, once everything that was dropped is gone."""

    memory: int
    threads: int
    files: int
    objects: int

    @classmethod
    def now(cls) -> Held:
        # Twice: what a deleted object held is dropped by its deletion.
        for _ in range(2):
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            gc.collect()
        objects = sum(issubclass(type(held), QObject) for held in gc.get_objects())
        process = psutil.Process()
        return cls(process.memory_info().rss, process.num_threads(), process.num_fds(), objects)


def count(token: CancelToken) -> Iterator[int]:
    """Work that ends by itself only after long."""
    for number in range(10_000):
        token.check()
        threading.Event().wait(0.001)
        yield number


def answer(token: CancelToken) -> list[int]:
    return list(range(1000))


def fail(token: CancelToken) -> None:
    raise ValueError("nothing")


WORKS: tuple[Callable[[CancelToken], object], ...] = (count, answer, fail)


def start_and_stop(qtbot: QtBot, cycles: int, owner: QObject) -> None:
    """Jobs that are stopped at once, that end and that fail, one after the other."""
    for number in range(cycles):
        job = Job(f"job {number}", WORKS[number % 3], owner)
        ends: list[JobEnd] = []
        job.finished.connect(ends.append)
        job.start()
        if number % 3 == 0:
            job.cancel()
        assert job.wait(5000)
        while not ends:
            QCoreApplication.processEvents()
        expected = (Outcome.CANCELLED, Outcome.COMPLETED, Outcome.FAILED)[number % 3]
        assert ends[0].outcome is expected
        job.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def ask_and_ask_again(qtbot: QtBot, cycles: int, owner: QObject) -> None:
    """Requests of which every other one is overtaken or cancelled."""
    latest = LatestWins("requests", owner)
    for number in range(cycles):
        latest.submit(WORKS[number % 3])
        if number % 4 == 3:
            latest.cancel()
        if number % 2:
            QCoreApplication.processEvents()
    latest.cancel()
    qtbot.waitUntil(lambda: not latest.running)
    latest.deleteLater()


def check_flat(before: Held, after: Held) -> None:
    assert after.threads <= before.threads
    assert after.files <= before.files + MORE_FILES
    assert after.objects <= before.objects
    assert after.memory - before.memory < GROWTH


@pytest.mark.parametrize("do", [start_and_stop, ask_and_ask_again])
def test_300_short_jobs_leave_nothing(qtbot: QtBot, do: Callable[[QtBot, int, QObject], None]) -> None:
    owner = QObject()
    do(qtbot, 60, owner)  # What is made once is made.
    before = Held.now()
    do(qtbot, 300, owner)
    check_flat(before, Held.now())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("do", [start_and_stop, ask_and_ask_again])
def test_10_000_short_jobs_leave_nothing(qtbot: QtBot, do: Callable[[QtBot, int, QObject], None]) -> None:
    owner = QObject()
    do(qtbot, 1000, owner)
    before = Held.now()
    do(qtbot, 10_000, owner)
    after = Held.now()
    print(f"\n{do.__name__}: before {before}, after 10,000 more {after}")  # noqa: T201 - a measurement
    check_flat(before, after)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_200_trainings_started_and_stopped_leave_nothing(
    qtbot: QtBot, session: Session, small_teacher: Path, photos: Path, tmp_path: Path
) -> None:
    steps: list[StepEnd] = []

    def cycle(number: int) -> None:
        config = make_config(tmp_path / f"run{number}", small_teacher, photos, steps=5000)
        job = session.start_training(config)
        steps.clear()
        job.yielded.connect(lambda event: steps.append(event) if isinstance(event, StepEnd) else None)
        qtbot.waitUntil(lambda: bool(steps))
        with qtbot.waitSignal(session.training_finished):
            job.cancel()

    for number in range(40):
        cycle(number)
    before = Held.now()
    for number in range(40, 240):
        cycle(number)
    after = Held.now()
    print(f"\ntrainings: before {before}, after 200 more {after}")  # noqa: T201 - a measurement
    check_flat(before, after)
