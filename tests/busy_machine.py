"""Limits of time that hold on a busy machine, too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def computes_for_less_than(seconds: float) -> Iterator[None]:
    """Limit the time that this process computes within the block, on each of torch's threads.

    Other programs, which make it wait for a core, don't count; nor does sleep.
    """
    started = time.process_time()
    yield
    assert (time.process_time() - started) / torch.get_num_threads() < seconds
