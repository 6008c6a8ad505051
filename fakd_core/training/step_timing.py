"""Times the parts of a training step on this machine, from which the time of a run follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fakd_core.events import CancelToken

if TYPE_CHECKING:
    import torch

    from fakd_core.models.layers import SRNetwork
    from fakd_core.models.spec import ModelSpec
    from fakd_core.runs.config import TrainConfig

PROBE_PATCH = 24
PROBE_SECONDS = 0.4
"""Approximate time of one timed pass."""
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
        step = config.batch * (pixels * (students + (0 if cached else self.teacher)) + self.terms)
        return config.steps * step + (config.cache_patches or 0) * pixels * self.teacher


def measure_step(
    config: TrainConfig, student: ModelSpec, teachers: Sequence[ModelSpec], token: CancelToken
) -> StepTiming:
    """Time the networks on as much of a batch as takes a moment, and the loss terms on one patch.

    A GPU, which small work leaves idle, gets a whole batch.

    Raises:
        Cancelled: the token was cancelled between two passes.
        RuntimeError: torch ran out of memory.
    """
    import torch

    from fakd_core.distillation.loss import DistillationLoss
    from fakd_core.models.factory import create_model
    from fakd_core.runtime.device import autocast, choose_device, choose_precision, fast_convolutions
    from fakd_core.training.batches import DistillationBatch
    from fakd_core.training.learner import Learner

    device = choose_device(config.device)
    dtype = choose_precision(config.precision, device)

    def make(spec: ModelSpec) -> SRNetwork:
        network = create_model(spec)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    def grey(batch: int, side: int) -> torch.Tensor:
        image = torch.full((batch, 3, side, side), 128.0, device=device)
        return image.contiguous(memory_format=torch.channels_last)

    def make_batch(batch: int, patch: int) -> DistillationBatch:
        return DistillationBatch(grey(batch, patch), grey(batch, patch * config.scale))

    loss = DistillationLoss.ground_truth_only()
    learner = Learner(student=make(student), loss=loss, device=device, dtype=dtype, ema=config.ema)

    def learn(batch: DistillationBatch) -> None:
        learner.measure(batch)
        learner.apply(0.0)

    batch, patch = config.batch, config.patch
    if device.type == "cpu":
        small = min(PROBE_PATCH, patch)
        first = _time(partial(learn, make_batch(1, small)), device, token)
        affordable = int(PROBE_SECONDS / first * (small / patch) ** 2)
        batch, patch = (min(batch, affordable), patch) if affordable else (1, small)
    probe = make_batch(batch, patch)
    student_seconds = _time(partial(learn, probe), device, token)
    teacher_seconds = terms_seconds = 0.0
    for teacher in teachers[:1]:
        network = make(teacher).eval().requires_grad_(False)

        def infer(network: SRNetwork = network) -> None:
            with torch.no_grad(), fast_convolutions(dtype), autocast(device, dtype):
                network(probe.lr)

        teacher_seconds = _time(infer, device, token)
        larger = max(1.0, config.patch / MAX_TERMS_PATCH)
        terms_seconds = larger**4 * _time(_make_terms(config, student, teacher, device), device, token)
    pixels = batch * patch**2
    return StepTiming(teacher_seconds / pixels, student_seconds / pixels, terms_seconds)


def _make_terms(
    config: TrainConfig, student: ModelSpec, teacher: ModelSpec, device: torch.device
) -> Callable[[], object]:
    """A function that computes the loss and its gradients for random maps of one patch."""
    import torch

    from fakd_core.distillation.loss import DistillationLoss

    loss = DistillationLoss(config.alpha, config.distill, config.layers)
    patch = min(MAX_TERMS_PATCH, config.patch)
    image = torch.zeros(1, 3, patch, patch, device=device)

    def random_maps(spec: ModelSpec) -> list[torch.Tensor]:
        shapes = [(1, channels, patch, patch) for channels in spec.tap_channels]
        return [torch.randn(shape, device=device, requires_grad=True) for shape in shapes]

    students, teachers = random_maps(student), random_maps(teacher)

    def compute() -> object:
        total = loss(image, image, image, students, teachers).total
        return torch.autograd.grad(total, students, allow_unused=True) if total.requires_grad else None

    return compute


def _time(action: Callable[[], object], device: torch.device, token: CancelToken) -> float:
    import torch

    seconds = []
    for _ in range(PROBES):
        token.raise_if_cancelled()
        started = time.perf_counter()
        action()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return min(seconds)
