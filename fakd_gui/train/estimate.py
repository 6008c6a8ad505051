"""How long a run will take: the pace of one small step on this machine, scaled up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fakd_core.events import CancelToken

if TYPE_CHECKING:
    from fakd_core.config import ModelSpec
    from fakd_core.models import SRNetwork

PROBE_PATCH = 24
PROBES = 2
"""The first step pays for set-up; the last counts."""


@dataclass(frozen=True)
class Pace:
    """Seconds that a training step takes per LR pixel of its batch."""

    per_pixel: float
    device: str

    def seconds(self, steps: int, batch: int, patch: int) -> float:
        return self.per_pixel * steps * batch * patch * patch


def measure_pace(student: ModelSpec, teachers: Sequence[SRNetwork], token: CancelToken) -> Pace:
    """Time a step (teacher forward, student forward and backward) on one small patch.

    Raises `Cancelled` between its steps.
    """
    import torch

    from fakd_core.device import choose_device
    from fakd_core.models import create_model

    device = choose_device("auto")
    network = create_model(student).to(device)
    copies = [create_model(teacher.spec).to(device).eval() for teacher in teachers[:1]]
    patch = torch.full((1, 3, PROBE_PATCH, PROBE_PATCH), 128.0, device=device)
    seconds = 0.0
    for _ in range(PROBES):
        token.raise_if_cancelled()
        begun = time.perf_counter()
        with torch.no_grad():
            for teacher in copies:
                teacher(patch)
        float(network(patch).mean().backward() or 0)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - begun
    return Pace(seconds / PROBE_PATCH**2, device.type)


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
