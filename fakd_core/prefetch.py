"""Making the next thing in a thread while this one is worked on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

_Made = TypeVar("_Made")


class Prefetcher(Generic[_Made]):
    """`prefetcher(n)` is `make(n)`; the `depth` numbers after `n` are made meanwhile, for calls to come.

    What is given does not depend on what was asked before; only calls in ascending order are quick. What
    `make` raises comes out of the call for that number.
    """

    def __init__(self, make: Callable[[int], _Made], depth: int = 1, end: int | None = None) -> None:
        """`make` is called in up to `depth` threads at once, for numbers below `end` alone."""
        self._make = make
        self._depth = depth
        self._end = end
        self._pool = ThreadPoolExecutor(depth, thread_name_prefix="prefetch")
        self._futures: dict[int, Future[_Made]] = {}

    def __call__(self, number: int) -> _Made:
        stop = number + self._depth + 1
        wanted = range(number, stop if self._end is None else min(stop, self._end))
        for other in self._futures.keys() - set(wanted):
            self._futures.pop(other).cancel()
        for coming in wanted:
            if coming not in self._futures:
                self._futures[coming] = self._pool.submit(self._make, coming)
        return self._futures.pop(number).result()

    def close(self) -> None:
        """End the threads; waits for what they are at."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Prefetcher[_Made]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
