"""A job has exactly one end, whatever its work does; of requests only the latest has a result."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from fakd_core.errors import DataError
from fakd_core.events import CancelToken
from fakd_gui.session.jobs import InTurn, Job, JobEnd, LatestWins, Outcome, stop_all


def run(qtbot: QtBot, job: Job) -> tuple[list[object], JobEnd]:
    events: list[object] = []
    ends: list[JobEnd] = []
    job.yielded.connect(events.append)
    job.finished.connect(ends.append)
    job.start()
    qtbot.waitUntil(lambda: bool(ends))
    qtbot.wait(20)
    assert len(ends) == 1
    assert not job.running
    return events, ends[0]


def test_events_arrive_in_order_before_the_end(qtbot: QtBot) -> None:
    def work(token: CancelToken) -> Iterator[int]:
        yield from range(100)

    events, end = run(qtbot, Job("count", work))
    assert events == list(range(100))
    assert end.outcome is Outcome.COMPLETED


def test_work_is_off_the_gui_thread(qtbot: QtBot) -> None:
    _, end = run(qtbot, Job("where", lambda token: threading.get_ident()))
    assert end.result not in (None, threading.get_ident())


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (DataError("photo.png: damaged"), "photo.png: damaged"),
        (RuntimeError("shape mismatch"), "Unexpected RuntimeError: shape mismatch"),
        (MemoryError(), "Not enough memory"),
        (SystemExit(3), "Unexpected SystemExit"),
    ],
)
def test_every_error_is_one_failed_end_with_a_message(
    qtbot: QtBot, error: BaseException, message: str
) -> None:
    def work(token: CancelToken) -> Iterator[int]:
        yield 1
        raise error

    events, end = run(qtbot, Job("fail", work))
    assert (events, end.outcome) == ([1], Outcome.FAILED)
    assert end.problem is not None
    assert message in end.problem.text


def test_paused_job_waits_and_cancelled_job_ends(qtbot: QtBot) -> None:
    counted: list[int] = []

    def work(token: CancelToken) -> Iterator[int]:
        while True:
            token.wait_while_paused()
            token.raise_if_cancelled()
            counted.append(1)
            threading.Event().wait(0.002)
            yield len(counted)

    job = Job("endless", work)
    ends: list[JobEnd] = []
    job.finished.connect(ends.append)
    job.start()
    qtbot.waitUntil(lambda: len(counted) > 3)
    job.token.pause()
    qtbot.wait(30)
    at_pause = len(counted)
    qtbot.wait(60)
    assert len(counted) == at_pause
    job.cancel()
    qtbot.waitUntil(lambda: bool(ends))
    assert ends[0].outcome is Outcome.CANCELLED


def test_only_the_latest_request_has_a_result(qtbot: QtBot) -> None:
    latest = LatestWins("requests")
    results: list[object] = []
    latest.result.connect(results.append)

    def answer(number: int) -> object:
        def work(token: CancelToken) -> int:
            for _ in range(20):
                token.raise_if_cancelled()
                threading.Event().wait(0.005)
            return number

        return work

    with qtbot.waitSignal(latest.result):
        for number in range(6):
            latest.submit(answer(number))  # type: ignore[arg-type]
    qtbot.wait(50)
    assert results == [5]
    assert not latest.running


def test_result_before_a_cancel_is_not_emitted_after_it(qtbot: QtBot) -> None:
    latest = LatestWins("requests")
    results: list[object] = []
    latest.result.connect(results.append)
    latest.submit(lambda token: 1)
    # The thread ends by itself, but the event loop reports that only after the cancel.
    assert latest.wait()
    latest.cancel()
    qtbot.waitUntil(lambda: not latest.running)
    assert results == []


def test_generator_items_arrive_in_order_and_none_of_an_overtaken_request(qtbot: QtBot) -> None:
    latest = LatestWins("requests")
    items: list[object] = []
    latest.yielded.connect(items.append)
    yielded = threading.Event()

    def first(token: CancelToken) -> Iterator[str]:
        yield "first"
        yielded.set()
        while True:
            token.check()
            yield "overtaken"
            threading.Event().wait(0.001)

    def second(token: CancelToken) -> Iterator[int]:
        yield from range(3)

    latest.submit(first)
    assert yielded.wait(60)
    # What the thread yielded so far comes with the event loop, after the request was overtaken.
    latest.submit(second)
    with qtbot.waitSignal(latest.result) as ended:
        pass
    assert items == [0, 1, 2]
    assert ended.args == [None]


def test_paused_request_resumes(qtbot: QtBot) -> None:
    latest = LatestWins("requests")
    items: list[object] = []
    latest.yielded.connect(items.append)

    def count(token: CancelToken) -> Iterator[int]:
        for number in range(3):
            token.check()
            yield number

    latest.set_paused(True)
    latest.submit(count)
    qtbot.wait(50)
    assert items == []
    latest.set_paused(False)
    qtbot.waitUntil(lambda: items == [0, 1, 2])
    qtbot.waitUntil(lambda: not latest.running)


def test_objects_held_by_work_are_freed_with_the_job(qtbot: QtBot) -> None:
    class Maps:
        """Stands for the feature maps that a job works on."""

    latest = LatestWins("maps", None)
    held: list[weakref.ref[Maps]] = []
    for _ in range(3):
        maps = Maps()
        held.append(weakref.ref(maps))
        with qtbot.waitSignal(latest.result):
            latest.submit(lambda token, maps=maps: id(maps))  # type: ignore[misc]
        del maps

    def freed() -> bool:
        gc.collect()
        return not any(one() for one in held)

    qtbot.waitUntil(freed)


def test_only_first_and_last_of_a_thousand_requests_run(qtbot: QtBot) -> None:
    latest = LatestWins("requests")
    started: list[int] = []
    results: list[object] = []
    busy: list[bool] = []
    latest.result.connect(results.append)
    latest.busy.connect(busy.append)

    def request(number: int) -> Callable[[CancelToken], int]:
        def work(token: CancelToken) -> int:
            started.append(number)
            for _ in range(number == 0 and 1000):
                token.check()
                threading.Event().wait(0.005)
            return number

        return work

    latest.submit(request(0))
    qtbot.waitUntil(lambda: started == [0])
    for number in range(1, 1000):
        latest.submit(request(number))
        assert len(latest.findChildren(Job)) == 1
    qtbot.waitUntil(lambda: bool(results))
    assert (started, results, busy[-1]) == ([0, 999], [999], False)


def test_requests_faster_than_the_work_run_one_at_a_time(qtbot: QtBot) -> None:
    latest = LatestWins("requests")
    at_once = most = started = 0
    results: list[object] = []
    latest.result.connect(results.append)

    def request(number: int) -> Callable[[CancelToken], int]:
        def work(token: CancelToken) -> int:
            nonlocal at_once, most, started
            at_once, started = at_once + 1, started + 1
            most = max(most, at_once)
            try:
                for _ in range(10):
                    token.check()
                    threading.Event().wait(0.005)
            finally:
                at_once -= 1
            return number

        return work

    for number in range(1000):
        latest.submit(request(number))
        if number % 10 == 0:
            qtbot.wait(1)
    qtbot.waitUntil(lambda: 999 in results)
    qtbot.waitUntil(lambda: not latest.running)
    assert most == 1
    assert started <= 200
    assert len(results) <= 2
    assert results[-1] == 999


def test_a_cancelled_request_that_fails_tells_nobody(qtbot: QtBot) -> None:
    failures: list[object] = []
    latest = LatestWins("requests", failed=failures.append)
    begun, go_on = threading.Event(), threading.Event()

    def fail(token: CancelToken) -> None:
        begun.set()
        assert go_on.wait(60)
        raise DataError("photo.png: damaged")

    latest.submit(fail)
    assert begun.wait(60)
    latest.cancel()
    assert (latest.running, latest.wanted) == (True, False)
    go_on.set()
    qtbot.waitUntil(lambda: not latest.running)
    assert failures == []
    latest.submit(fail)
    qtbot.waitUntil(lambda: len(failures) == 1)


def test_a_retired_worker_ends_by_itself_in_silence(qtbot: QtBot) -> None:
    owner, told = QObject(), list[object]()
    latest = LatestWins("requests", owner, result=told.append, failed=told.append, busy=told.append)
    go_on = threading.Event()
    latest.submit(lambda token: go_on.wait(60))
    told.clear()
    latest.retire()
    assert latest.running
    go_on.set()
    qtbot.waitUntil(lambda: owner.children() == [])
    assert told == []
    idle = LatestWins("idle", owner)
    idle.retire()
    qtbot.waitUntil(lambda: owner.children() == [])


def test_all_jobs_together_have_one_deadline(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, go_on = QObject(), threading.Event()
    jobs = [Job(f"hangs {number}", lambda token: go_on.wait(60), owner) for number in range(5)]
    waits: list[int] = []
    wait = Job.wait
    monkeypatch.setattr(Job, "wait", lambda job, longest: (waits.append(longest), wait(job, longest))[1])
    for job in jobs:
        job.start()
    assert not stop_all(owner, milliseconds=200)
    assert 0 <= waits[0] <= 200
    assert waits[1:] == [0] * 4
    go_on.set()
    assert stop_all(owner)


def test_files_are_written_in_turn_and_none_is_left_out(qtbot: QtBot) -> None:
    written, failures = list[object](), list[object]()
    writing = InTurn("write", result=written.append, failed=failures.append)

    def write(number: int) -> Callable[[CancelToken], int]:
        def work(token: CancelToken) -> int:
            threading.Event().wait(0.01)
            token.raise_if_cancelled()
            if number == 1:
                raise DataError("a full disk")
            return number

        return work

    for number in range(4):
        writing.submit(write(number))
        assert len(writing.findChildren(Job)) == 1
    qtbot.waitUntil(lambda: written == [0, 2, 3])
    assert len(failures) == 1
    for number in range(4, 7):
        writing.submit(write(number))
    writing.cancel()
    qtbot.waitUntil(lambda: not writing.running)
    assert written == [0, 2, 3]
