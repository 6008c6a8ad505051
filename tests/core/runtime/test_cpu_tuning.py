"""Freed memory is retained within a block, and returned to the system after it."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from fakd_core.runtime import cpu_tuning
from fakd_core.runtime.cpu_tuning import mmap_zeros, retain_freed_memory

PROGRAM = """
import psutil, torch
from contextlib import nullcontext
from fakd_core.runtime.cpu_tuning import retain_freed_memory

def resident():
    return psutil.Process().memory_info().rss >> 20

start = resident()
with {block}:
    torch.zeros(64 << 18)
    print(resident() - start)
print(resident() - start)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="speaks to glibc")
def test_memory_is_retained_within_the_block_and_returned_after_it() -> None:
    def megabytes_held(block: str) -> list[int]:
        program = PROGRAM.replace("{block}", block)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        return [int(word) for word in done.stdout.split()]

    usually, _ = megabytes_held("nullcontext()")
    within, after = megabytes_held("retain_freed_memory()")
    assert usually < 32
    assert within > 48
    assert after < 32


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="speaks to glibc")
def test_a_nested_block_ends_nothing() -> None:
    program = PROGRAM.replace("{block}", "retain_freed_memory()").replace(
        "    torch.zeros", "    with retain_freed_memory(): pass\n    torch.zeros"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    within, after = (int(word) for word in done.stdout.split())
    assert within > 48
    assert after < 32


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="speaks to glibc")
def test_memory_can_be_trimmed_within_the_block() -> None:
    program = PROGRAM.replace("{block}", "retain_freed_memory()").replace(
        "    torch.zeros(64 << 18)\n",
        "    held = torch.zeros(1), torch.zeros(64 << 18), torch.zeros(1)\n"
        "    held = held[::2]\n"
        "    from fakd_core.runtime.cpu_tuning import trim_heap\n"
        "    trim_heap()\n",
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    within, _ = (int(word) for word in done.stdout.split())
    assert within < 32


def test_every_setting_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[int, int] = {}
    libc = SimpleNamespace(mallopt=settings.__setitem__, malloc_trim=lambda _: None)
    monkeypatch.setattr(cpu_tuning, "_glibc", lambda: libc)
    with retain_freed_memory():
        within = dict(settings)
    arena_max = -8
    assert within[arena_max] == 1
    assert settings[arena_max] == 0, "glibc's value for no limit"
    assert all(settings[parameter] != value for parameter, value in within.items())


def test_mapped_arrays_are_zero_and_writable() -> None:
    array = mmap_zeros((2, 3, 4), np.float32)
    assert array.shape == (2, 3, 4)
    assert array.dtype == np.float32
    assert not array.any()
    array[:] = 1
    assert array.sum() == 24
    assert mmap_zeros((0, 5), np.uint8).shape == (0, 5)


def test_mapped_arrays_are_returned_even_while_memory_is_retained() -> None:
    def resident() -> int:
        return int(psutil.Process().memory_info().rss)

    with retain_freed_memory():
        before = resident()
        array = mmap_zeros((64 << 20,), np.uint8)
        array[:] = 1
        assert resident() - before > 60 << 20
        del array
        assert resident() - before < 4 << 20
