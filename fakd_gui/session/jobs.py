"""Jobs on worker threads, with pause, cancel and exactly one end.

superqt's workers are no alternative: they take any RuntimeError for a deleted worker, so that a job would
never end after a shape error or an out-of-memory error of torch.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NoReturn

from PySide6.QtCore import QDeadlineTimer, QObject, QThread, QTimer, Signal

from fakd_core.events import Cancelled, CancelToken
from fakd_gui.session.problem import Problem

Work = Callable[[CancelToken], object]
STOP_MS = 30_000
"""Time that all jobs together have to end when the window closes."""


class Outcome(Enum):
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True)
class JobEnd:
    """The outcome of a job; `problem` says why it failed."""

    outcome: Outcome
    result: object = None
    problem: Problem | None = None


class Job(QObject):
    """Runs `work(token)` on a thread of its own.

    If `work` returns an iterator (a generator function does), each item is emitted as `yielded`; otherwise
    its return value is the result. `finished` is emitted exactly once, whatever happens. `path` is the file
    or folder that the job works on, which its problem names.
    """

    # Not named `event`, which would shadow QObject's method: no job would ever be freed.
    yielded = Signal(object)
    finished = Signal(object)

    def __init__(
        self, name: str, work: Work, parent: QObject | None = None, *, path: Path | None = None
    ) -> None:
        super().__init__(parent)
        self.name = name
        self.path = path
        self.token = CancelToken()
        self._thread = _WorkerThread(self, work)
        self._thread.ended.connect(self._finish)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        self.token.cancel()

    @property
    def running(self) -> bool:
        return self._thread.isRunning()

    @property
    def wanted(self) -> bool:
        """True while it runs and nobody has cancelled it."""
        return self.running and not self.token.cancelled

    def wait(self, milliseconds: int = 10_000) -> bool:
        """Block until the thread has ended; False if it did not in time."""
        return self._thread.wait(milliseconds)

    def _finish(self, end: JobEnd) -> None:
        self._thread.wait()
        self.finished.emit(end)


class _WorkerThread(QThread):
    ended = Signal(object)

    def __init__(self, job: Job, work: Work) -> None:
        super().__init__(job)
        self._job = job
        self._work = work

    def run(self) -> None:
        end = JobEnd(Outcome.FAILED, problem=Problem("The job ended without a result.", self._job.path))
        try:
            end = self._run_work()
        finally:
            self.ended.emit(end)

    def _run_work(self) -> JobEnd:
        token = self._job.token
        try:
            result = self._work(token)
            if isinstance(result, Iterator):
                for item in result:
                    self._job.yielded.emit(item)
                result = None
        except Cancelled:
            return JobEnd(Outcome.CANCELLED)
        except BaseException as error:  # noqa: BLE001 - the job must end whatever is raised
            return JobEnd(Outcome.FAILED, problem=Problem.of(error, self._job.path))
        return JobEnd(Outcome.CANCELLED if token.cancelled else Outcome.COMPLETED, result=result)


class LatestWins(QObject):
    """Runs requests one after another; a new request cancels the current one and replaces a waiting one.

    Only what a request yields and returns while it is the newest is emitted.
    """

    yielded = Signal(object)
    """An item of a generator."""
    result = Signal(object)
    """The return value of a function; None after the last item of a generator."""
    failed = Signal(object)
    """The `Problem`."""
    busy = Signal(bool)

    def __init__(self, name: str, parent: QObject | None = None, **slots: Callable[..., object]) -> None:
        """Connect the signals that `slots` names, as `result=show`."""
        super().__init__(parent)
        for signal, slot in slots.items():
            getattr(self, signal).connect(slot)
        self.name = name
        self._current: Job | None = None
        self._waiting: deque[tuple[Work, Path | None]] = deque()
        self._paused = False

    @property
    def running(self) -> bool:
        return self._current is not None

    @property
    def wanted(self) -> bool:
        """True while a request runs or waits that nobody has cancelled."""
        current = self._current
        return bool(self._waiting) or (current is not None and not current.token.cancelled)

    def submit(self, work: Work, path: Path | None = None) -> None:
        """Run `work(token)`, a function or a generator function, as soon as the current request has ended.

        `path` is the file or folder that it works on, which its problem names.
        """
        self.cancel()
        self._add(work, path)

    def _add(self, work: Work, path: Path | None) -> None:
        self._waiting.append((work, path))
        if self._current is None:
            self._start()

    def cancel(self) -> None:
        """Cancel the current request, and forget those that wait."""
        self._waiting.clear()
        if self._current is not None:
            self._current.cancel()

    def retire(self) -> None:
        """Cancel, emit nothing any more, and be deleted once the request has ended: nobody waits for that.

        For windows that close while they work: give it a parent that stays until the program ends.
        """
        self.cancel()
        self.blockSignals(True)
        if self._current is None:
            self.deleteLater()
        else:
            self._current.finished.connect(self.deleteLater)

    def set_paused(self, paused: bool) -> None:
        """Hold the current request and those to come, or let them go on."""
        self._paused = paused
        if self._current is not None:
            token = self._current.token
            (token.pause if paused else token.resume)()

    def wait(self, milliseconds: int = 10_000) -> bool:
        return self._current is None or self._current.wait(milliseconds)

    def _start(self) -> None:
        work, path = self._waiting.popleft()
        job = Job(self.name, work, self, path=path)
        job.yielded.connect(self._forward)
        job.finished.connect(self._finished)
        self._current = job
        if self._paused:
            job.token.pause()
        self.busy.emit(True)
        job.start()

    def _forward(self, item: object) -> None:
        # A job's items arrive before its end, so they are the current job's.
        if self._current is not None and not self._current.token.cancelled:
            self.yielded.emit(item)

    def _finished(self, end: JobEnd) -> None:
        job, self._current = self._current, None
        job.deleteLater()
        if self._waiting:
            self._start()
        else:
            self.busy.emit(False)
        # A thread may have ended just before it was cancelled: nobody wants the result any more, and in a
        # window that closes it would start the next job. Nor does anybody want to know that it failed.
        if job.token.cancelled:
            return
        if end.outcome is Outcome.COMPLETED:
            self.result.emit(end.result)
        elif end.outcome is Outcome.FAILED:
            self.failed.emit(end.problem)


class InTurn(LatestWins):
    """Runs every request, one after another: for files that the user asked to be written."""

    def submit(self, work: Work, path: Path | None = None) -> None:
        self._add(work, path)


def stop_all(*owners: QObject, milliseconds: int = STOP_MS) -> bool:
    """Stop timers, cancel every job below `owners` and wait for them all; False if one did not end in time.

    Qt aborts the program when a thread's object dies before the thread: call this before closing, and end
    the process (`leave`) if a job goes on.
    """
    deadline = QDeadlineTimer(milliseconds)
    for timer in (timer for owner in owners for timer in owner.findChildren(QTimer)):
        timer.stop()  # It might start a new job.
    pending = [latest for owner in owners for latest in owner.findChildren(LatestWins)]
    jobs = [job for owner in owners for job in owner.findChildren(Job)]
    for worker in (*pending, *jobs):
        worker.cancel()
    return all([job.wait(deadline.remainingTime()) for job in jobs])


def leave(*owners: QObject) -> NoReturn:
    """End the process and its children at once, with a line that names the jobs below `owners` that go on."""
    names = ", ".join(job.name for owner in owners for job in owner.findChildren(Job) if job.running)
    sys.stderr.write(f"error: quit without waiting any longer for what did not stop: {names}\n")
    sys.stderr.flush()
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(1)
