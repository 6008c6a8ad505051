"""The learning rate as a function of the step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Protocol

WARM_UP = 0.02


class Schedule(Protocol):
    """The learning rate at `step` (0-based) of a run, or of the same run with other `steps`."""

    def __call__(self, step: int, steps: int = ...) -> float: ...


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


def describe_new_steps(schedule: Schedule, step: int, *, before: int, steps: int) -> str:
    """Say what happens to the learning rate of a run whose number of steps was changed after `step` steps.

    Empty if the number is the same, or no step was made or is left.
    """
    if before == steps or step in (0, steps):
        return ""
    last, following = schedule(step - 1, before), schedule(step, steps)
    text = f"steps was changed from {before} to {steps}: the learning rate goes on at {following:.3g}"
    if math.isclose(following, schedule(step, before), rel_tol=1e-6):
        return text
    return (
        f"{text}, and was {last:.3g} at step {step}: its schedule is stretched over all steps; for a new "
        "schedule from the weights so far use --continue RUN --steps N"
    )
