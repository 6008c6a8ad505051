"""The learning rate as a function of the step."""

from __future__ import annotations

import math

from fakd_core.runs.config import TrainConfig

WARM_UP = 0.02


def learning_rate(config: TrainConfig, step: int) -> float:
    """The learning rate of step `step` (0-based).

    `milestones`: halved at each (the paper's). `cosine`: a linear warm-up over the first 2 % of the
    steps, then half a cosine down to zero.
    """
    if config.schedule == "milestones":
        return float(config.lr * 0.5 ** sum(step >= milestone for milestone in config.milestones))
    warm_up = math.ceil(WARM_UP * config.steps)
    if step < warm_up:
        return config.lr * (step + 1) / warm_up
    progress = (step - warm_up) / max(config.steps - warm_up, 1)
    return config.lr * 0.5 * (1 + math.cos(math.pi * progress))
