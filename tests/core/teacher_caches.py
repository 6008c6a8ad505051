"""Helpers for tests of teacher caches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from fakd_core.events import CancelToken, Progress
from fakd_core.models.layers import SRNetwork
from fakd_core.training.cached_batches import CachedTeacherBatches

CPU = torch.device("cpu")


def frozen(model: SRNetwork) -> SRNetwork:
    return model.eval().requires_grad_(False)


Make = Callable[..., CachedTeacherBatches]


def prepared(batches: CachedTeacherBatches) -> list[Progress]:
    return list(batches.prepare(CancelToken()))


def files(folder: Path) -> list[str]:
    """Every file of the one cache in `folder`."""
    (cache,) = folder.iterdir()
    return sorted(path.name for path in cache.iterdir())


def block_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("block-*.safetensors"))


THREE_BLOCKS = [*(f"block-{number:05d}.safetensors" for number in range(3)), "key.json"]


def announcement(said: list[Progress]) -> str:
    (note,) = [progress.note for progress in said if progress.note]
    return note
