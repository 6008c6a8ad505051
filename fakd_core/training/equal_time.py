"""Steps that fit into a time: methods are compared fairly by the clock, not by the step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fakd_core.distillation.loss import DistillationLoss
from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec
from fakd_core.runs.config import TrainConfig
from fakd_core.training.step_timing import StepTimer


@dataclass(frozen=True)
class Price:
    """Seconds of a step on this machine, and those before the first one, for a teacher cache."""

    step: float
    once: float = 0.0

    def steps_in(self, seconds: float) -> int:
        """The steps that `seconds` leave time for, at least 0."""
        return max(0, int((seconds - self.once) / self.step))


def measure_price(
    config: TrainConfig, student: ModelSpec, teachers: Sequence[SRNetwork], token: CancelToken
) -> Price:
    """Measure what a run of `config` takes here, without validation. Slow: call from a worker thread only.

    The `teachers` stay as they are. Raises `Cancelled` once `token` is cancelled.
    """
    if not DistillationLoss(config.alpha, config.distill, config.layers).needs_teacher:
        teachers = ()
    timing = StepTimer(config, token).measure(student, teachers)
    one, two = (timing.seconds(config.model_copy(update={"steps": steps})) for steps in (1, 2))
    return Price(two - one, max(0.0, 2 * one - two))


def fit_steps(config: TrainConfig, price: Price, seconds: float) -> TrainConfig:
    """`config` with the steps that `seconds` leave time for; raises `ConfigError` if there are none."""
    steps = price.steps_in(seconds)
    if not steps:
        raise ConfigError(
            f"{config.run.name}: no step fits into {seconds:.0f} s, as the teacher cache takes "
            f"{price.once:.0f} s and a step {price.step:.2g} s; allow more time, or cache fewer patches"
        )
    return config.model_copy(update={"steps": steps, "validate_every": max(1, steps // 10)})
