"""What the C library does with the memory that torch frees."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item", bound=np.generic)

# mallopt's parameters, from glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_NEVER = 2**31 - 1
# Where glibc's own adjustment of the two thresholds ends up in a program that frees large blocks.
_USUAL = {_MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20}

# The C library's settings are the whole process's: the last block to end puts them back.
_lock = threading.Lock()
_blocks: list[None] = []


@contextmanager
def retain_freed_memory() -> Iterator[None]:
    """Keep freed memory for the next step rather than give it back to the system and fetch it again.

    Every training step frees hundreds of megabytes and asks for the same again; each page that went back
    comes again as a page fault. Steps of small networks were measured 15 % faster on a CPU with this, large
    ones 5 %. Afterwards the memory goes back. Does nothing where the C library is not glibc.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    with _lock:
        _blocks.append(None)
        # Further arenas, which threads get, can't hold blocks this large.
        for parameter, value in {_ARENA_MAX: 1, _MMAP_THRESHOLD: _NEVER, _TRIM_THRESHOLD: _NEVER}.items():
            libc.mallopt(parameter, value)
    try:
        yield
    finally:
        with _lock:
            _blocks.pop()
            if not _blocks:
                for parameter, value in _USUAL.items():
                    libc.mallopt(parameter, value)
                libc.malloc_trim(0)


def trim_heap() -> None:
    """Give freed memory back now, also within `retain_freed_memory`.

    For moments between unlike kinds of work: what one leaves does not fit the other, and in a program that
    goes from one to the other for hours the holes add up.
    """
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


def mmap_zeros(shape: tuple[int, ...], dtype: type[Item]) -> npt.NDArray[Item]:
    """An array of zeros in memory of its own, which goes back to the system with the array.

    For large arrays that come and go within `retain_freed_memory`: there they would leave holes among what is
    kept, which the next one need not fit. Raises `MemoryError`.
    """
    items = math.prod(shape)
    # No system maps 0 bytes.
    try:
        memory = mmap.mmap(-1, max(1, items * np.dtype(dtype).itemsize))
    except OSError as error:
        raise MemoryError(f"an array of {shape}: {error}") from None
    return np.frombuffer(memory, dtype, items).reshape(shape)


SPIN_COUNT = "1000"


def limit_openmp_spinning() -> None:
    """Let waiting threads give their core up soon; call before torch is first imported.

    OpenMP's threads spin while they wait, by default for so long that a training step took up to 80 times as
    long on two cores once another program wanted one of them. This bound keeps that at 3 times, and costs
    about a tenth on an idle machine (PASSIVE, which never spins, half). What the user set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
