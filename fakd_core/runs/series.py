"""The curves of a run: losses by step and scores by validation, from live events or from its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any

from fakd_core.errors import RunError
from fakd_core.events import RunStarted, Scores, StepEnd, ValidationEnd
from fakd_core.runs.layout import STUDENT, RunLayout
from fakd_core.runs.metrics_files import describe, read_metrics


@dataclass(kw_only=True)
class RunSeries:
    """Every point of a run's curves: losses by the names of `StepEnd`, scores by those of `ValidationEnd`."""

    steps: int = 0
    validation_images: int = 0
    bicubic: Scores | None = None
    teacher: Scores | None = None
    step: list[int] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    validation_step: list[int] = field(default_factory=list)
    psnr: dict[str, list[float]] = field(default_factory=dict)
    ssim: dict[str, list[float]] = field(default_factory=dict)

    def take(self, event: RunStarted | StepEnd | ValidationEnd) -> None:
        """Add the values of a live event; those of a skipped step are not finite and left out."""
        self._add(describe(event))

    def prepend(self, past: RunSeries) -> None:
        """Insert the points of `past` that precede those of this series, for a resumed run."""
        first = self.step[0] if self.step else float("inf")
        steps = sum(step < first for step in past.step)
        first_validation = min([first, *self.validation_step])
        validations = sum(step < first_validation for step in past.validation_step)
        for ours, theirs, count in (
            (self.losses, past.losses, steps),
            (self.psnr, past.psnr, validations),
            (self.ssim, past.ssim, validations),
        ):
            for name, values in theirs.items():
                ours[name] = values[:count] + ours.get(name, [])
        self.step[:0], self.lr[:0] = past.step[:steps], past.lr[:steps]
        self.validation_step[:0] = past.validation_step[:validations]

    def _add(self, line: Mapping[str, Any]) -> None:
        match line["event"]:
            case "start":
                self.steps, self.bicubic = line["steps"], Scores(**line["bicubic"])
                self.validation_images = line.get("validation_images", 0)
                self.teacher = Scores(**line["teacher"]) if line["teacher"] else None
            case "step" if not line.get("skipped"):
                self.step.append(line["step"])
                self.lr.append(line["lr"])
                for name, loss in line["losses"].items():
                    self.losses.setdefault(name, []).append(nan if loss is None else loss)
            case "validation":
                self.validation_step.append(line["step"])
                for name, scores in {STUDENT: line, **line.get("others", {})}.items():
                    self.psnr.setdefault(name, []).append(scores["psnr"])
                    self.ssim.setdefault(name, []).append(scores["ssim"])


def read_series(run: Path) -> RunSeries:
    """The curves of the run in the folder `run`; raises `RunError` if its metrics can't be read."""
    series, path = RunSeries(), RunLayout(run).metrics
    try:
        lines = read_metrics(run)
    except OSError as error:
        raise RunError(f"{path}: can't be read ({error.strerror or error})") from None
    for number, line in enumerate(lines, 1):
        try:
            series._add(line)
        except (KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise RunError(f"{path}: line {number} is damaged ({reason}); remove it") from None
    return series
