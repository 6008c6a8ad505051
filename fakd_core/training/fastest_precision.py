"""The precision in which a run's networks are trained fastest, measured on this machine and remembered."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path

import torch

from fakd_core.events import CancelToken
from fakd_core.files import cache_folder, write_text
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec
from fakd_core.runs.config import TrainConfig
from fakd_core.runtime.device import DTYPES, choose_device, choose_precision
from fakd_core.training.step_timing import StepTimer

_PASS_SECONDS = 0.06
"""Approximate time of a timed pass, of which there are about two dozen."""
_SHORT_RUN_SECONDS = 30
"""A run shorter than this in float32 isn't worth the time to measure."""


@dataclass(frozen=True)
class FastestPrecision:
    """A value of the setting `precision`; `reason` is what was measured just now, in words."""

    name: str
    reason: str = ""


def find_fastest_precision(
    config: TrainConfig, student: ModelSpec, teachers: Sequence[SRNetwork], token: CancelToken
) -> FastestPrecision:
    """Find what `auto` means for a new run; measuring takes a second or two, once for each kind of run.

    On a CPU with instructions for bfloat16, float32 and bfloat16 are timed, as either may be faster. For
    other devices, and a compiled or a very short run, it is what `choose_precision` says.
    Raises `Cancelled` once `token` is cancelled.
    """
    device = choose_device(config.device)
    full, half = torch.float32, torch.bfloat16
    unmeasured = FastestPrecision(DTYPES[choose_precision("auto", device)])
    if device.type != "cpu" or config.compile or not _has_bfloat16():
        return unmeasured
    known, key = _read(), _key(config, student, teachers)
    if known.get(key) in (DTYPES[full], DTYPES[half]):
        return FastestPrecision(known[key])

    def measure(dtype: torch.dtype, pass_seconds: float) -> float:
        timed = config.model_copy(update={"precision": DTYPES[dtype]})
        return StepTimer(timed, token, pass_seconds).measure(student, teachers).seconds(config)

    try:
        if measure(full, 0) < _SHORT_RUN_SECONDS:
            return unmeasured
        seconds = {full: inf, half: inf}
        for dtype in (full, half, half, full):  # In turns, as other work of the machine comes and goes.
            seconds[dtype] = min(seconds[dtype], measure(dtype, _PASS_SECONDS))
    except RuntimeError:  # Short of memory, which the run itself says.
        return unmeasured
    fastest = min(seconds, key=seconds.__getitem__)
    with suppress(OSError):
        write_text(_path(), json.dumps(_read() | {key: DTYPES[fastest]}, indent=1))
    gain = seconds[full] / seconds[half]
    found = f"is {gain:.1f} times as fast as" if gain > 1 else f"takes {1 / gain:.1f} times as long as"
    return FastestPrecision(
        DTYPES[fastest], f"precision {DTYPES[fastest]}: on this machine bfloat16 {found} float32 here"
    )


def _has_bfloat16() -> bool:
    """Check for instructions: without them a single pass may take minutes. The operator isn't public."""
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):
        return False


def _path() -> Path:
    return cache_folder() / "precisions.json"


def _key(config: TrainConfig, student: ModelSpec, teachers: Sequence[SRNetwork]) -> str:
    """The machine and what is computed on it, on one line."""
    live = teachers[0].spec if teachers and config.cache_patches is None else None
    machine = (platform.node(), torch.backends.cpu.get_cpu_capability(), os.cpu_count(), torch.__version__)
    work = (student, live, config.patch, config.batch, config.baseline)
    return repr((*machine, torch.get_num_threads(), *work))


def _read() -> dict[str, str]:
    try:
        known = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
