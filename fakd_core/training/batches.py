"""Distillation batches: LR and HR patches with the teacher's outputs and feature maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from fakd_core.data.patches import PatchSampler
from fakd_core.distillation.changes import InputChanges
from fakd_core.distillation.positions import PositionDraws
from fakd_core.distillation.upcycling import NO_UPCYCLING, BatchRows, Upcycling
from fakd_core.events import CancelToken, Progress
from fakd_core.inference.upscale import tensor_from_images
from fakd_core.models.layers import SRNetwork
from fakd_core.runtime.device import autocast, fast_convolutions
from fakd_core.runtime.distributed import SINGLE_PROCESS, World
from fakd_core.training.compile import FeaturePass, maybe_compile

TeacherMaps = tuple[Tensor | None, ...]
"""One entry per feature tap, in order; None for a tap that the loss does not compare."""


@dataclass(frozen=True, eq=False)
class DistillationBatch:
    """One batch on the training device, channels last.

    `lr` is (B, 3, h, w), `hr` and `teacher_sr` are (B, 3, h·scale, w·scale), all 0..255. The teacher's
    tensors carry no gradient; they are None without a teacher. `draws` decides on the positions of terms over
    a sample of them, which may be all that the maps hold. `rows` are those with ground truth and those of
    upcycling terms, None if all have it; `changes` are those of the student's inputs.
    """

    lr: Tensor
    hr: Tensor
    teacher_sr: Tensor | None = None
    teacher_maps: TeacherMaps | None = None
    draws: PositionDraws | None = None
    rows: BatchRows | None = None
    changes: InputChanges | None = None

    def ground_truth(self) -> DistillationBatch:
        """The patches that have ground truth, for a student without a teacher."""
        if self.rows is None:
            return DistillationBatch(self.lr, self.hr)
        rows = self.rows.ground_truth.to(self.lr.device)
        return DistillationBatch(self.lr.index_select(0, rows), self.hr.index_select(0, rows))


class BatchSource(Protocol):
    """Makes batches. A batch depends on its step alone, not on the calls before."""

    def prepare(self, token: CancelToken, world: World = SINGLE_PROCESS) -> Iterator[Progress]:
        """Do the work that has to be done before the first batch; by default there is none."""
        return iter(())

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> DistillationBatch:
        """The share of process `rank` of `ranks` in the batch of `step` (0-based)."""
        ...

    def image_names(self, step: int, rank: int = 0, ranks: int = 1) -> tuple[str, ...]:
        """The names of the images that the patches of a batch are cut from."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class OnlineTeacherBatches(BatchSource):
    """Runs a teacher at every step; one of several teachers is drawn by seed and step.

    The teachers, if any, are frozen and on `device`; `dtype` is that of their forward pass. With `average`
    all of them run, and their mean output is compared beside the maps of the one that is drawn.
    """

    sampler: PatchSampler
    teachers: Sequence[SRNetwork]
    upcycling: Upcycling = NO_UPCYCLING
    average: bool = False
    seed: int
    device: torch.device
    dtype: torch.dtype
    compiled: bool = False

    @cached_property
    def _forward_passes(self) -> list[FeaturePass]:
        return [maybe_compile(teacher, self.compiled) for teacher in self.teachers]

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> DistillationBatch:
        patches = self.sampler.batch(step, rank, ranks)
        lr, hr = (tensor_from_images(images, self.device) for images in patches)
        if not self.teachers:
            return DistillationBatch(lr, hr)
        drawn = draw_teacher(step, seed=self.seed, teachers=len(self.teachers))
        with torch.no_grad(), fast_convolutions(self.dtype), autocast(self.device, self.dtype):
            teacher_sr, teacher_maps = self._forward_passes[drawn](lr)
            teacher_sr = teacher_sr.float()
            if self.average:
                others = [run(lr)[0].float() for n, run in enumerate(self._forward_passes) if n != drawn]
                teacher_sr = torch.stack([teacher_sr, *others]).mean(0)
        first = rank * len(lr)
        return DistillationBatch(
            lr,
            hr,
            teacher_sr,
            teacher_maps,
            draws=PositionDraws(self.seed, [(step, first + row) for row in range(len(lr))]),
            rows=self.upcycling.rows(len(lr)),
            changes=self.upcycling.changes(len(lr), seed=self.seed, step=step, first=first),
        )

    def image_names(self, step: int, rank: int = 0, ranks: int = 1) -> tuple[str, ...]:
        return self.sampler.image_names(self.sampler.specs(step, rank, ranks))


def draw_teacher(step: int, *, seed: int, teachers: int) -> int:
    """Draw the index of the teacher for `step`; seed and step alone decide."""
    return int(np.random.default_rng((seed, step, 1)).integers(teachers))
