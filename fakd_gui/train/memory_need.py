"""How much memory and disk a run needs, counted without running it; for jobs."""

from __future__ import annotations

import shutil
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from fakd_core.models.spec import ModelSpec
    from fakd_core.runs.config import TrainConfig

BYTES = 4  # of a float32
HALF = 2
ADAM_COPIES = 4
"""A weight, its gradient, and Adam's two moments."""

# Measured on a CPU over batches of 2..16 and four pairs of networks; what is counted with them came
# within a quarter of the memory that a step took.
_WORKING_MAPS = 3  # Of the upsampler's size, on the way back through it.
_LIBRARIES = 60_000_000  # Code and scratch space of the convolutions.


def training_bytes(
    config: TrainConfig, student: ModelSpec, teachers: tuple[ModelSpec, ...], half: bool
) -> int:
    """About how much memory a step takes at its peak, with weights and optimiser; `half`: in 16 bits.

    The student's tensors that wait for the backward pass are counted, those of one patch times the batch;
    working space is what was measured.
    """
    students = 2 if config.baseline else 1
    weights, saved = _student_bytes(student, config.patch)
    copies = ADAM_COPIES + (config.ema is not None)
    fixed = _LIBRARIES + students * copies * weights
    working = _WORKING_MAPS * BYTES * student.n_feats * (config.patch * student.scale) ** 2
    maps = 0
    for teacher in teachers:
        area = config.patch**2
        per_patch = area * (_map_channels(config, teacher) + 3 * teacher.scale**2)
        maps = max(maps, BYTES * per_patch)
    running = 0
    if config.teacher_cache is None:
        for teacher in teachers:
            teacher_weights, forward = _teacher_bytes(teacher, config.patch)
            fixed += teacher_weights
            running = max(running, forward)
    width = 0.5 if half else 1.0
    return round(fixed + config.batch * max(running * width, (saved + working) * width + maps))


def cache_bytes(config: TrainConfig, teachers: tuple[ModelSpec, ...]) -> int:
    """What the teacher cache takes on disk; 0 without one."""
    if config.cache_patches is None:
        return 0
    from fakd_core.data.patches import PATCHES_PER_BLOCK

    patches = -(-config.cache_patches // PATCHES_PER_BLOCK) * PATCHES_PER_BLOCK
    compared = config.distill.strip().lower() not in ("", "none")
    area = config.patch**2
    return sum(
        patches * HALF * area * (3 * one.scale**2 + compared * _map_channels(config, one)) for one in teachers
    )


def _map_channels(config: TrainConfig, teacher: ModelSpec) -> int:
    """Of all maps that the loss compares, together."""
    return sum(channels for tap, channels in enumerate(teacher.tap_channels) if tap in config.layers)


def free_disk(folder: Path) -> int:
    """Bytes free where `folder` is or would be made."""
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(there).free


def free_memory(device: torch.device) -> int | None:
    """Bytes that could be taken on `device` now; None where the system does not say."""
    import torch

    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    if sys.platform == "linux":
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


@lru_cache(maxsize=64)
def _student_bytes(spec: ModelSpec, patch: int) -> tuple[int, int]:
    """Bytes of the weights, and of what one patch leaves for the backward pass."""
    import torch
    from torch.autograd.graph import saved_tensors_hooks

    from fakd_core.models.factory import create_model

    # Kept, so that no two storages have the same address.
    storages: dict[int, torch.UntypedStorage] = {}

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage._cdata] = storage
        return tensor

    with torch.device("meta"):
        shadow = create_model(spec).train()
        weights = {parameter.untyped_storage()._cdata for parameter in shadow.parameters()}
        with saved_tensors_hooks(count, lambda tensor: tensor):
            shadow.forward_features(torch.empty(1, 3, patch, patch))
    saved = sum(storage.nbytes() for key, storage in storages.items() if key not in weights)
    return BYTES * sum(parameter.numel() for parameter in shadow.parameters()), saved


@lru_cache(maxsize=64)
def _teacher_bytes(spec: ModelSpec, patch: int) -> tuple[int, int]:
    """Bytes of the weights, and of the tensors of one patch at the peak of the forward pass."""
    import torch

    from fakd_core.models.cost import activation_bytes
    from fakd_core.models.factory import create_model

    with torch.device("meta"):
        shadow = create_model(spec)
    weights = BYTES * sum(parameter.numel() for parameter in shadow.parameters())
    return weights, activation_bytes(shadow, patch, patch)
