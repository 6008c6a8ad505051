"""Times the parts of a training step on this machine, from which the time of a run follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from fakd_core.distillation.loss import DistillationLoss
from fakd_core.events import CancelToken
from fakd_core.models.cost import device_of
from fakd_core.models.factory import create_model
from fakd_core.models.layers import SRNetwork
from fakd_core.models.meta import cpu_copy
from fakd_core.models.spec import ModelSpec
from fakd_core.runs.config import TrainConfig
from fakd_core.runtime.cancellation import cancellable
from fakd_core.runtime.device import (
    autocast,
    choose_device,
    choose_precision,
    fast_convolutions,
    synchronize,
)
from fakd_core.runtime.turns import turn
from fakd_core.training.batches import DistillationBatch
from fakd_core.training.learner import Learner

PROBE_PATCH = 24
PROBE_SECONDS = 0.4
"""Approximate time of one timed pass, unless another is given."""
MAX_TERMS_PATCH = 64
"""The largest patch on which the loss terms are timed; their cost grows with its side to the fourth power."""
PROBES = 3
"""Timed passes, of which the fastest counts: the first pays for set-up, and any may be disturbed."""


@dataclass(frozen=True)
class StepTiming:
    """Seconds of the parts of a step: of the networks per LR pixel, of the loss terms per patch."""

    teacher: float
    student: float
    terms: float

    def seconds(self, config: TrainConfig) -> float:
        """Time of all steps of `config` and of filling its teacher cache, without validation."""
        pixels = config.patch**2
        students = self.student * (2 if config.baseline else 1)
        cached = config.cache_patches is not None
        every_teacher = self.teacher * len(config.teacher)
        teacher = every_teacher if config.average_teachers else self.teacher
        step = config.batch * (pixels * (students + (0 if cached else teacher)) + self.terms)
        return config.steps * step + (config.cache_patches or 0) * pixels * every_teacher


class StepTimer:
    """Times the steps of a run: cancelling `token` raises `Cancelled` at the next operation of torch.

    A timed pass takes about `pass_seconds` on a CPU.
    """

    def __init__(self, config: TrainConfig, token: CancelToken, pass_seconds: float = PROBE_SECONDS) -> None:
        self._config = config
        self._token = token
        self._pass_seconds = pass_seconds
        self._device = choose_device(config.device)
        self._dtype = choose_precision(config.precision, self._device)

    def measure(self, student: ModelSpec, teachers: Sequence[SRNetwork]) -> StepTiming:
        """Time the networks on as much of a batch as takes a moment, and the loss terms on one patch.

        A GPU, which small work leaves idle, gets a whole batch. Raises `RuntimeError` if memory runs out.
        """
        with turn(self._device):
            return self._measure(student, teachers)

    def _measure(self, student: ModelSpec, teachers: Sequence[SRNetwork]) -> StepTiming:
        learner = Learner(
            self._place(create_model(student)),
            loss=DistillationLoss.ground_truth_only(),
            device=self._device,
            dtype=self._dtype,
            ema=self._config.ema,
        )
        count, patch = self._affordable_batch(learner)
        batch, pixels = self._make_batch(count, patch), count * patch**2
        student_seconds = self._time(lambda: _learn(learner, batch))
        if not teachers:
            return StepTiming(0.0, student_seconds / pixels, 0.0)
        # The network at hand may be in use, and its file gone.
        with turn(device_of(teachers[0])):
            copied = cpu_copy(teachers[0])
        teacher = self._place(copied).eval().requires_grad_(False)
        teacher_seconds = self._time(lambda: self._infer(teacher, batch.lr))
        larger = max(1.0, self._config.patch / MAX_TERMS_PATCH)
        terms_seconds = larger**4 * self._time(self._make_terms(student, teacher.spec))
        return StepTiming(teacher_seconds / pixels, student_seconds / pixels, terms_seconds)

    def _affordable_batch(self, learner: Learner) -> tuple[int, int]:
        """The number of patches and their side on which one pass takes about `pass_seconds`."""
        batch, patch = self._config.batch, self._config.patch
        if self._device.type != "cpu":
            return batch, patch
        small = min(PROBE_PATCH, patch)
        probe = self._make_batch(1, small)
        seconds = self._time(lambda: _learn(learner, probe))
        affordable = int(self._pass_seconds / seconds * (small / patch) ** 2)
        return (min(batch, affordable), patch) if affordable else (1, small)

    def _infer(self, teacher: SRNetwork, lr: torch.Tensor) -> None:
        with torch.no_grad(), fast_convolutions(self._dtype), autocast(self._device, self._dtype):
            teacher(lr)

    def _make_terms(self, student: ModelSpec, teacher: ModelSpec) -> Callable[[], object]:
        """A function that computes the loss and its gradients for random maps of one patch."""
        config, device = self._config, self._device
        loss = DistillationLoss(config.alpha, config.distill, config.layers)
        patch = min(MAX_TERMS_PATCH, config.patch)
        image = torch.zeros(1, 3, patch * config.scale, patch * config.scale, device=device)

        def random_maps(spec: ModelSpec) -> list[torch.Tensor]:
            shapes = [(1, channels, patch, patch) for channels in spec.tap_channels]
            return [torch.randn(shape, device=device, requires_grad=True) for shape in shapes]

        students, teachers = random_maps(student), random_maps(teacher)

        def compute() -> object:
            total = loss(image, image, image, students, teachers).total
            return torch.autograd.grad(total, students, allow_unused=True) if total.requires_grad else None

        return compute

    def _place(self, network: SRNetwork) -> SRNetwork:
        network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    def _make_batch(self, count: int, patch: int) -> DistillationBatch:
        sides = (patch, patch * self._config.scale)
        grey = (torch.full((count, 3, side, side), 128.0, device=self._device) for side in sides)
        lr, hr = (images.contiguous(memory_format=torch.channels_last) for images in grey)
        return DistillationBatch(lr, hr)

    def _time(self, action: Callable[[], object]) -> float:
        """Seconds of the fastest of `PROBES` calls."""
        seconds = []
        for _ in range(PROBES):
            self._token.raise_if_cancelled()
            started = time.perf_counter()
            with cancellable(self._token):
                action()
            synchronize(self._device)
            seconds.append(time.perf_counter() - started)
        return min(seconds)


def _learn(learner: Learner, batch: DistillationBatch) -> None:
    learner.measure(batch)
    learner.apply(0.0)
