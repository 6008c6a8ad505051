"""Fixtures for several tests of the core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from second_device import register
from stores import stored
from teacher_caches import CPU, Make, frozen
from tiny_runs import STUDENT

from fakd_core import load_model
from fakd_core.data.datasets import open_dataset
from fakd_core.data.patches import PatchSampler
from fakd_core.models.layers import SRNetwork
from fakd_core.training.cached_batches import CachedTeacherBatches

# Before the first backward pass of the process: autograd counts the devices then, once.
register()


@pytest.fixture
def teacher(small_teacher: Path) -> SRNetwork:
    return frozen(load_model(small_teacher))


@pytest.fixture
def sampler(photos: Path) -> PatchSampler:
    return PatchSampler(stored(open_dataset(photos, 4)), (0, 2, 3), patch=12, batch=4, seed=5)


@pytest.fixture
def make_batches(sampler: PatchSampler, teacher: SRNetwork, tmp_path: Path) -> Make:
    """Batches from a pool of 70 patches, which takes three blocks; not yet prepared."""

    def make(**changes: Any) -> CachedTeacherBatches:
        settings = {
            "folder": tmp_path / "cache",
            "sampler": sampler,
            "teachers": [("teacher", teacher)],
            "layers": (1, 3),
            "patches": 70,
            "batch": 4,
            "seed": 5,
            "device": CPU,
        }
        return CachedTeacherBatches(**{**settings, **changes})

    return make


@pytest.fixture
def settings(photos: Path, small_teacher: Path, tmp_path: Path) -> dict[str, Any]:
    """A run of six steps in `run`, with two validations."""
    return {
        "teacher": str(small_teacher),
        "student": STUDENT,
        "train_data": photos,
        "run": tmp_path / "run",
        "steps": 6,
        "batch": 2,
        "patch": 12,
        "lr": 1e-3,
        "val_images": 2,
        "validate_every": 3,
        "precision": "fp32",
    }


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute on one thread, as processes with OMP_NUM_THREADS=1 do: sums in another order differ."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
