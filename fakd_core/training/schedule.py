"""The learning rate as a function of the step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

WARM_UP = 0.02


def learning_rate(
    step: int,
    *,
    lr: float,
    steps: int,
    schedule: Literal["milestones", "cosine"] = "milestones",
    milestones: Sequence[int] = (),
) -> float:
    """The learning rate at `step` (0-based) of `steps`, from the initial `lr`.

    `milestones`: halved at each (the paper's). `cosine`: a linear warm-up over the first 2 % of the
    steps, then half a cosine down to zero.
    """
    if schedule == "milestones":
        return float(lr * 0.5 ** sum(step >= milestone for milestone in milestones))
    warm_up = math.ceil(WARM_UP * steps)
    if step < warm_up:
        return lr * (step + 1) / warm_up
    progress = (step - warm_up) / max(steps - warm_up, 1)
    return lr * 0.5 * (1 + math.cos(math.pi * progress))
