"""Shared by the benchmarks: paired rounds, peak memory of a fresh process, the machine's convolution peak."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

import torch
from torch.nn import functional as F

from fakd_core.runtime.cpu_tuning import retain_freed_memory

RESULT = "result: "
# One convolution of the body of RCAN, SAN and the students: 64 features, 3x3.
PEAK_FEATURES = 64
PEAK_REPEATS = 10


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def take_turns(
    ways: Mapping[str, Callable[[], object]], rounds: int, as_in_training: frozenset[str] = frozenset()
) -> dict[str, list[float]]:
    """Seconds of every way in every round, after an unmeasured warm-up.

    Ways named in `as_in_training` run as a training does, with freed memory kept for the next step.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, work in ways.items():
            with retain_freed_memory() if name in as_in_training else nullcontext():
                if name in as_in_training:
                    # Freed memory is retained from the second step of a training on.
                    work()
                took = seconds(work)
            if number:
                times[name].append(took)
    return times


def ratio(slow: list[float], fast: list[float]) -> float:
    """Median of the ratios of paired rounds: what else ran on the machine hits both sides of a pair."""
    return statistics.median(s / f for s, f in zip(slow, fast, strict=True))


def convolution(batch: int, side: int) -> tuple[Callable[[], object], float]:
    """A 3x3 convolution 64 -> 64 of (batch, 64, side, side), forward, repeated; and its GFLOPs in all."""
    features = torch.randn(batch, PEAK_FEATURES, side, side).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(PEAK_FEATURES, PEAK_FEATURES, 3, 3).contiguous(memory_format=torch.channels_last)

    def work() -> None:
        with torch.inference_mode():
            for _ in range(PEAK_REPEATS):
                F.conv2d(features, weight, padding=1)

    return work, PEAK_REPEATS * 2 * batch * PEAK_FEATURES**2 * 9 * side**2 / 1e9


def peak_megabytes() -> float:
    """Peak resident memory of this process.

    Not getrusage's: a process begins with the peak of the one that started it.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def in_fresh_process(module: str, *arguments: str) -> str:
    """The last line that `python -m module arguments` prints."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout.strip().splitlines()[-1]


def result(what: str, target: str, measured: str) -> None:
    """Print one line of the table in docs/performance.md."""
    print(f"{RESULT}{what} | {target} | {measured}", flush=True)
