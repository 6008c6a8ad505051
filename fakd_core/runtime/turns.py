"""Turns of threads on a GPU: a training and what is looked at in the window share it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def turn(device: torch.device) -> Iterator[None]:
    """Have `device` to this thread alone in the block; threads get it in the order in which they asked.

    A step of a training and a tile of an image then take turns, so that neither waits for more than one piece
    of the other's work. And torch's backend for Apple's GPUs is not safe for several threads: they end the
    process (https://github.com/pytorch/pytorch/pull/197836). Blocks may be nested, and must not contain a
    `yield` or a pause. Does nothing for a CPU, whose cores the system shares out.
    """
    if device.type == "cpu":
        yield
        return
    with _guard:
        queue = _queues.setdefault((device.type, device.index or 0), _Queue())
    queue.enter()
    before, _held.any = holds_turn(), True
    try:
        yield
    finally:
        _held.any = before
        queue.leave()


def holds_turn() -> bool:
    """True within a turn of this thread, which must not wait then."""
    return getattr(_held, "any", False)


class _Queue:
    """A reentrant lock that goes to the thread that has waited longest."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._threads: deque[int] = deque()
        """The thread at work, then those that wait."""
        self._depth = 0

    def enter(self) -> None:
        thread = threading.get_ident()
        with self._changed:
            if not (self._depth and self._threads[0] == thread):
                self._threads.append(thread)
                self._changed.wait_for(lambda: self._threads[0] == thread)
            self._depth += 1

    def leave(self) -> None:
        with self._changed:
            self._depth -= 1
            if not self._depth:
                self._threads.popleft()
                self._changed.notify_all()


_held = threading.local()
_guard = threading.Lock()
_queues: dict[tuple[str, int], _Queue] = {}
