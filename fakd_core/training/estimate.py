"""Estimates how long a run takes and how much memory and disk space it needs, without training.

Memory is counted on torch's meta device, where nothing is computed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.autograd.graph import saved_tensors_hooks

from fakd_core.data.patches import PATCHES_PER_BLOCK
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.distillation.positions import sample_size
from fakd_core.distillation.recipe import parse_recipe
from fakd_core.events import CancelToken
from fakd_core.files import free_disk
from fakd_core.models.cost import activation_bytes
from fakd_core.models.factory import create_model
from fakd_core.models.layers import SRNetwork
from fakd_core.models.meta import storage_key
from fakd_core.models.spec import ModelSpec
from fakd_core.runs.config import TrainConfig
from fakd_core.runtime.device import DTYPES, choose_device, choose_precision, free_memory, is_out_of_memory
from fakd_core.training.fastest_precision import find_fastest_precision
from fakd_core.training.step_timing import StepTimer, StepTiming

FLOAT_BYTES = 4
HALF_BYTES = 2
ADAM_COPIES = 4
"""A weight, its gradient, and Adam's two moments."""
# Measured on a CPU with batches of 2..16 and four pairs of networks; with them, the count was within a
# quarter of the memory that a step took.
_WORKING_MAPS = 3
"""Maps of the upsampler's size that are alive during its backward pass."""
_LIBRARY_BYTES = 60_000_000
"""Code and scratch space of the convolutions."""


Timings = dict[Hashable, StepTiming]
"""Measured timings by all that they depend on, so that other settings don't need a new measurement."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The approximate needs of a run: bytes of memory and disk, and seconds (None: not measured)."""

    memory: int
    free_memory: int
    disk: int
    free_disk: int
    device: str
    precision: str
    seconds: float | None = None

    @property
    def warning(self) -> str:
        """A warning of too little memory or disk space, and a remedy; empty if there is enough."""
        if self.memory > self.free_memory:
            return (
                f"needs about {format_bytes(self.memory)} of memory but only "
                f"{format_bytes(self.free_memory)} is free; use a smaller batch or patch"
            )
        if self.disk > self.free_disk:
            return (
                f"the teacher cache needs {format_bytes(self.disk)} but only {format_bytes(self.free_disk)} "
                "is free; cache fewer patches, or choose another folder"
            )
        return ""

    def summary(self) -> str:
        """Time, memory and disk space in one line."""
        parts = [] if self.seconds is None else [f"about {format_duration(max(1, self.seconds))}"]
        parts.append(f"{'' if parts else 'about '}{format_bytes(self.memory)} of memory")
        if self.disk:
            parts.append(f"{format_bytes(self.disk)} on disk")
        half = "" if self.precision == "fp32" else f", {self.precision}"
        return f"{', '.join(parts)} ({self.device.upper()}{half})"

    def report(self) -> str:
        """Time, memory and disk space in words and numbers, a line each, and the warning if there is one."""
        time = "not measured: too little memory"
        if self.seconds is not None:
            time = f"about {format_duration(max(1, self.seconds))} ({self.seconds:.0f} s), without validation"
        memory = (
            f"about {format_bytes(self.memory)} ({self.memory} bytes), {format_bytes(self.free_memory)} free"
        )
        disk = "no teacher cache"
        if self.disk:
            disk = f"{format_bytes(self.disk)} ({self.disk} bytes) for the teacher cache"
        lines = {
            "device": f"{self.device}, {self.precision}",
            "time": time,
            "memory": memory,
            "disk": f"{disk}, {format_bytes(self.free_disk)} free",
            "warning": self.warning,
        }
        return "\n".join(f"{name + ':':9}{text}" for name, text in lines.items() if text)


def estimate_run(
    config: TrainConfig,
    student: ModelSpec,
    teachers: Sequence[SRNetwork],
    *,
    timings: Timings,
    measure: bool,
    token: CancelToken,
) -> Estimate:
    """Estimate the needs of a run of `config`. Slow: call from a worker thread only.

    The `teachers` are the loaded networks, which stay as they are: their files aren't read again.
    With `measure`, a step is timed unless its timing is known or memory is short, and added to `timings`.
    Raises `Cancelled` once `token` is cancelled.
    """
    if not DistillationLoss(config.alpha, config.distill, config.layers).needs_teacher:
        teachers = ()  # They only give their layers to start from.
    device = choose_device(config.device)
    if config.precision == "auto" and measure:
        fastest = find_fastest_precision(config, student, teachers, token)
        config = config.model_copy(update={"precision": fastest.name})
    dtype = choose_precision(config.precision, device)
    memory = count_memory(config, student, teachers, half=dtype is not torch.float32)
    free = free_memory(device)
    specs = [teacher.spec for teacher in teachers]
    key = (
        *(student, *specs[:1], str(device), dtype, config.patch, config.ema),
        *(config.distill, config.layers, config.alpha == 0, device.type == "cpu" or config.batch),
    )
    if measure and key not in timings and memory < free:
        try:
            timings[key] = StepTimer(config, token).measure(student, teachers)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            memory = max(memory, free) + 1  # It was more than counted: this makes `warning` say so.
    return Estimate(
        memory=memory,
        free_memory=free,
        disk=count_cache(config, specs),
        free_disk=free_disk(config.teacher_cache_folder or config.run),
        device=device.type,
        precision=DTYPES[dtype],
        seconds=timings[key].seconds(config) if key in timings else None,
    )


# -- memory and disk ----------------------------------------------------------------------------------


def count_memory(
    config: TrainConfig, student: ModelSpec, teachers: Sequence[SRNetwork], *, half: bool
) -> int:
    """Bytes that a step takes at its peak, with weights and optimiser; `half` if it runs in 16 bits.

    The tensors that one patch keeps for the student's backward pass are counted; working space is measured.
    """
    students = 2 if config.baseline else 1
    weights, saved = _student_bytes(student, config.patch)
    copies = ADAM_COPIES + (config.ema is not None)
    fixed = _LIBRARY_BYTES + students * copies * weights
    working = _WORKING_MAPS * FLOAT_BYTES * student.n_feats * (config.patch * student.scale) ** 2
    area = config.patch**2
    maps = max(
        (FLOAT_BYTES * area * (_map_channels(config, one.spec) + 3 * one.spec.scale**2) for one in teachers),
        default=0,
    )
    peak = 0
    if config.teacher_cache is None:
        for teacher in teachers:
            fixed += FLOAT_BYTES * sum(parameter.numel() for parameter in teacher.parameters())
            peak = max(peak, activation_bytes(teacher, config.patch, config.patch))
    width = 0.5 if half else 1.0
    return round(fixed + config.batch * max(peak * width, (saved + working) * width + maps))


def count_cache(config: TrainConfig, teachers: Sequence[ModelSpec]) -> int:
    """Bytes that the teacher cache takes on disk; 0 without one."""
    if config.cache_patches is None:
        return 0
    patches = -(-config.cache_patches // PATCHES_PER_BLOCK) * PATCHES_PER_BLOCK
    kept, area = sample_size(parse_recipe(config.distill).share, config.patch**2), config.patch**2
    values = [area * 3 * one.scale**2 + kept * _map_channels(config, one) for one in teachers]
    return patches * HALF_BYTES * sum(values)


def _map_channels(config: TrainConfig, teacher: ModelSpec) -> int:
    """Channels of all maps that the loss compares."""
    compared = parse_recipe(config.distill).layers(config.layers)
    return sum(channels for tap, channels in enumerate(teacher.tap_channels) if tap in compared)


@lru_cache(maxsize=64)
def _student_bytes(spec: ModelSpec, patch: int) -> tuple[int, int]:
    """Bytes of the weights, and of what one patch keeps for the backward pass."""
    # Held, so that no two storages get the same address.
    storages: dict[int, torch.UntypedStorage] = {}

    def count(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage_key(storage)] = storage
        return tensor

    with torch.device("meta"):
        copy = create_model(spec).train()
        weights = {storage_key(parameter.untyped_storage()) for parameter in copy.parameters()}
        with saved_tensors_hooks(count, lambda tensor: tensor):
            copy.forward_features(torch.empty(1, 3, patch, patch))
    saved = sum(storage.nbytes() for key, storage in storages.items() if key not in weights)
    return FLOAT_BYTES * sum(parameter.numel() for parameter in copy.parameters()), saved


# -- in words -----------------------------------------------------------------------------------------


def format_duration(seconds: float) -> str:
    """A duration in words: '45 s', '1 min 50 s', '3 h 10 min', '5 days'."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s" if minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours < 48 else f"{round(hours / 24)} days"


def format_bytes(size: float) -> str:
    """A size in words: '340 MB', '1.3 GB', '24 GB'."""
    if size < 999.5e6:
        return f"{max(size, 1e6) / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB" if size < 9.95e9 else f"{size / 1e9:.0f} GB"
