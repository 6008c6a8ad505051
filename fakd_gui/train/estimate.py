"""How long a run will take and what it needs: one small step on this machine, scaled up; for jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fakd_core.events import CancelToken

if TYPE_CHECKING:
    import torch

    from fakd_core.config import ModelSpec, TrainConfig

PROBE_PATCH = 24
TERMS_PATCH = 64
"""The largest patch that terms are timed on; what they take grows with the fourth power of its side."""
PROBES = 2
"""The first pass pays for set-up; the last counts."""


@dataclass(frozen=True)
class Pace:
    """Seconds of a step's parts: of the networks per LR pixel of the batch, of the terms per patch."""

    teacher: float
    student: float
    terms: float
    device: str

    def seconds(self, config: TrainConfig) -> float:
        """Of all steps of `config`, and of filling its teacher cache; validation is not counted."""
        pixels = config.patch**2
        students = self.student * (2 if config.twin else 1)
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
        parts = [] if self.seconds is None else [f"about {in_words(self.seconds)}"]
        parts.append(f"{'' if parts else 'about '}{in_bytes(self.memory)} of memory")
        if self.disk:
            parts.append(f"{in_bytes(self.disk)} on disk")
        return f"{', '.join(parts)} ({self.device.upper()})"


def measure_pace(
    config: TrainConfig, student: ModelSpec, teachers: Sequence[ModelSpec], token: CancelToken
) -> Pace:
    """Time the networks on one small patch, and the recipe's terms on maps of the run's patch.

    Where a small patch says little, on a GPU, the networks are timed on a whole batch. Raises `Cancelled`
    between passes, and `RuntimeError` as torch does where there is too little memory.
    """
    import torch

    from fakd_core.device import autocast, choose_device, choose_precision, fast_convolutions
    from fakd_core.learner import Learner
    from fakd_core.lessons import Lesson
    from fakd_core.losses import DistillationLoss
    from fakd_core.models import create_model

    device = choose_device(config.device)
    dtype = choose_precision(config.precision, device)
    batch, patch = (1, min(PROBE_PATCH, config.patch))
    if device.type != "cpu":
        batch, patch = config.batch, config.patch
    lr = torch.full((batch, 3, patch, patch), 128.0, device=device)
    hr = torch.full((batch, 3, patch * config.scale, patch * config.scale), 128.0, device=device)
    learner = Learner(
        create_model(student).to(device), DistillationLoss.ground_truth_only(), device, dtype, config.ema
    )
    in_student = _timed(lambda: learner.learn(Lesson(lr, hr), 0.0), device, token)
    in_teacher = in_terms = 0.0
    for teacher in teachers[:1]:
        network = create_model(teacher).to(device).eval().requires_grad_(False)

        def answer(network: torch.nn.Module = network) -> None:
            with torch.no_grad(), fast_convolutions(dtype), autocast(device, dtype):
                network(lr)

        in_teacher = _timed(answer, device, token)
        larger = max(1.0, config.patch / TERMS_PATCH)
        in_terms = larger**4 * _timed(_terms(config, student, teacher, device), device, token)
    pixels = batch * patch**2
    return Pace(in_teacher / pixels, in_student / pixels, in_terms, device.type)


def _terms(
    config: TrainConfig, student: ModelSpec, teacher: ModelSpec, device: torch.device
) -> Callable[[], object]:
    """The recipe's loss and gradients on random maps of one patch, of `TERMS_PATCH` at most."""
    import torch

    from fakd_core.config import TAP_COUNT
    from fakd_core.losses import DistillationLoss

    loss = DistillationLoss(config.alpha, config.distill, config.layers)
    patch = min(TERMS_PATCH, config.patch)
    image = torch.zeros(1, 3, patch, patch, device=device)

    def maps(n_feats: int) -> list[torch.Tensor]:
        shape = (1, n_feats, patch, patch)
        return [torch.randn(shape, device=device, requires_grad=True) for _ in range(TAP_COUNT)]

    students, teachers = maps(student.n_feats), maps(teacher.n_feats)

    def compare() -> object:
        total = loss(image, image, image, students, teachers).total
        return torch.autograd.grad(total, students, allow_unused=True) if total.requires_grad else None

    return compare


def _timed(action: Callable[[], object], device: torch.device, token: CancelToken) -> float:
    import torch

    seconds = 0.0
    for _ in range(PROBES):
        token.raise_if_cancelled()
        begun = time.perf_counter()
        action()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - begun
    return seconds


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
