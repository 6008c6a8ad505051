"""How long a run will take and what it needs: one small step on this machine, scaled up; for jobs."""

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
"""What one pass of a probe may take, about."""
TERMS_PATCH = 64
"""The largest patch that terms are timed on; what they take grows with the fourth power of its side."""
PROBES = 3
"""The first pass pays for set-up, and others may be disturbed; the fastest counts."""


@dataclass(frozen=True)
class StepTiming:
    """Seconds of a step's parts: of the networks per LR pixel of the batch, of the terms per patch."""

    teacher: float
    student: float
    terms: float
    device: str

    def seconds(self, config: TrainConfig) -> float:
        """Of all steps of `config`, and of filling its teacher cache; validation is not counted."""
        pixels = config.patch**2
        students = self.student * (2 if config.baseline else 1)
        cached = config.cache_patches is not None
        step = config.batch * (pixels * (students + (0 if cached else self.teacher)) + self.terms)
        return config.steps * step + (config.cache_patches or 0) * pixels * self.teacher


@dataclass(frozen=True)
class Estimate:
    """What a run needs, about: bytes of memory and of disk, and what is free of both (None: unknown)."""

    memory: int
    free_memory: int | None
    disk: int
    free_disk: int
    device: str
    seconds: float | None = None

    @property
    def warning(self) -> str:
        """What there is too little of, and what helps; nothing where there is enough."""
        if self.free_memory is not None and self.memory > self.free_memory:
            return (
                f"needs about {in_bytes(self.memory)} of memory, {in_bytes(self.free_memory)} are free: "
                "take a smaller batch or patch"
            )
        if self.disk > self.free_disk:
            return (
                f"the teacher cache takes {in_bytes(self.disk)}, {in_bytes(self.free_disk)} are free: "
                "cache fewer patches, or name another folder"
            )
        return ""

    def in_words(self) -> str:
        """One line: time, memory, disk."""
        parts = [] if self.seconds is None else [f"about {in_words(max(1, self.seconds))}"]
        parts.append(f"{'' if parts else 'about '}{in_bytes(self.memory)} of memory")
        if self.disk:
            parts.append(f"{in_bytes(self.disk)} on disk")
        return f"{', '.join(parts)} ({self.device.upper()})"


def measure_pace(
    config: TrainConfig, student: ModelSpec, teachers: Sequence[ModelSpec], token: CancelToken
) -> StepTiming:
    """Time the networks on as much of a batch as takes a moment, and the recipe's terms on maps of one patch.

    On a GPU, which small work leaves idle, that is a whole batch. Raises `Cancelled` between passes, and
    `RuntimeError` as torch does where there is too little memory.
    """
    import torch

    from fakd_core.distillation.loss import DistillationLoss
    from fakd_core.models.factory import create_model
    from fakd_core.runtime.device import autocast, choose_device, choose_precision, fast_convolutions
    from fakd_core.training.batches import DistillationBatch
    from fakd_core.training.learner import Learner

    device = choose_device(config.device)
    dtype = choose_precision(config.precision, device)

    def placed(spec: ModelSpec) -> SRNetwork:
        """As the trainer has its networks."""
        network = create_model(spec)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    def grey(batch: int, side: int) -> torch.Tensor:
        image = torch.full((batch, 3, side, side), 128.0, device=device)
        return image.contiguous(memory_format=torch.channels_last)

    def lesson(batch: int, patch: int) -> DistillationBatch:
        return DistillationBatch(grey(batch, patch), grey(batch, patch * config.scale))

    def learn(shown: DistillationBatch) -> None:
        learner.measure(shown)
        learner.apply(0.0)

    learner = Learner(placed(student), DistillationLoss.ground_truth_only(), device, dtype, config.ema)

    batch, patch = config.batch, config.patch
    if device.type == "cpu":
        small = min(PROBE_PATCH, patch)
        first = _timed(partial(learn, lesson(1, small)), device, token)
        affordable = int(PROBE_SECONDS / first * (small / patch) ** 2)
        batch, patch = (min(batch, affordable), patch) if affordable else (1, small)
    shown = lesson(batch, patch)
    in_student = _timed(partial(learn, shown), device, token)
    in_teacher = in_terms = 0.0
    for teacher in teachers[:1]:
        network = placed(teacher).eval().requires_grad_(False)

        def answer(network: SRNetwork = network) -> None:
            with torch.no_grad(), fast_convolutions(dtype), autocast(device, dtype):
                network(shown.lr)

        in_teacher = _timed(answer, device, token)
        larger = max(1.0, config.patch / TERMS_PATCH)
        in_terms = larger**4 * _timed(_terms(config, student, teacher, device), device, token)
    pixels = batch * patch**2
    return StepTiming(in_teacher / pixels, in_student / pixels, in_terms, device.type)


def _terms(
    config: TrainConfig, student: ModelSpec, teacher: ModelSpec, device: torch.device
) -> Callable[[], object]:
    """The recipe's loss and gradients on random maps of one patch, of `TERMS_PATCH` at most."""
    import torch

    from fakd_core.distillation.loss import DistillationLoss

    loss = DistillationLoss(config.alpha, config.distill, config.layers)
    patch = min(TERMS_PATCH, config.patch)
    image = torch.zeros(1, 3, patch, patch, device=device)

    def maps(spec: ModelSpec) -> list[torch.Tensor]:
        shapes = [(1, channels, patch, patch) for channels in spec.tap_channels]
        return [torch.randn(shape, device=device, requires_grad=True) for shape in shapes]

    students, teachers = maps(student), maps(teacher)

    def compare() -> object:
        total = loss(image, image, image, students, teachers).total
        return torch.autograd.grad(total, students, allow_unused=True) if total.requires_grad else None

    return compare


def _timed(action: Callable[[], object], device: torch.device, token: CancelToken) -> float:
    import torch

    seconds = []
    for _ in range(PROBES):
        token.raise_if_cancelled()
        begun = time.perf_counter()
        action()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def in_words(seconds: float) -> str:
    """A duration for people: '45 s', '1 min 50 s', '3 h 10 min', '5 days'."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s" if minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    return f"{round(hours / 24)} days"


def in_bytes(size: float) -> str:
    """A size for people: '340 MB', '1.3 GB', '24 GB'."""
    if size < 999.5e6:
        return f"{max(size, 1e6) / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB" if size < 9.95e9 else f"{size / 1e9:.0f} GB"
