"""Threads take turns on a GPU, in the order in which they asked, and on a CPU they don't."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import torch

from fakd_core.events import CancelToken
from fakd_core.runtime.cancellation import cancellable
from fakd_core.runtime.turns import _queues, holds_turn, turn

GPU, CPU = torch.device("cuda"), torch.device("cpu")


def test_threads_get_their_turns_in_the_order_in_which_they_asked() -> None:
    """So a training and what is looked at alternate, however quickly one of them asks again."""
    order: list[int] = []

    def work(number: int) -> None:
        with turn(GPU):
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    with turn(GPU):
        for waiting, thread in enumerate(threads, 1):
            thread.start()
            while len(_queues["cuda", 0]._threads) <= waiting:
                time.sleep(0.001)
    for thread in threads:
        thread.join(30)
    assert order == [0, 1, 2, 3, 4]


def test_turns_may_be_nested_and_end_with_an_error() -> None:
    with ExitStack() as nested:
        for _ in range(3):
            nested.enter_context(turn(GPU))
        assert holds_turn()
    assert not holds_turn()
    done = threading.Event()

    def enter() -> None:
        with turn(torch.device("cuda:0")):
            done.set()

    with turn(GPU):
        threading.Thread(target=enter).start()
        assert not done.wait(0.05)
    assert done.wait(30)


def test_on_a_cpu_nobody_waits() -> None:
    with turn(CPU):
        assert not holds_turn()
        entered = threading.Event()

        def enter() -> None:
            with turn(CPU):
                entered.set()

        threading.Thread(target=enter).start()
        assert entered.wait(30)


def test_a_pause_does_not_hold_the_device() -> None:
    """Compare pauses its ranking while it computes: both run on the same GPU."""
    token, done = CancelToken(), threading.Event()

    def work() -> None:
        with turn(GPU), cancellable(token):
            token.pause()
            torch.ones(2).sum()
            done.set()

    threading.Thread(target=work, daemon=True).start()
    assert done.wait(30)
