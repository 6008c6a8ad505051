"""The curves of a run: losses by step and scores by validation, from live events or from its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakd_core.errors import RunError
from fakd_core.events import RunStarted, Scores, StepEnd, ValidationEnd
from fakd_core.runs.layout import STUDENT, RunLayout
from fakd_core.runs.metrics_files import read_metrics


@dataclass(kw_only=True)
class RunSeries:
    """Every point of a run's curves: losses by the names of `StepEnd`, scores by those of `ValidationEnd`."""

    steps: int = 0
    bicubic: Scores | None = None
    teacher: Scores | None = None
    step: list[int] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    validation_step: list[int] = field(default_factory=list)
    psnr: dict[str, list[float]] = field(default_factory=dict)
    ssim: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def from_metrics(cls, lines: Iterable[Mapping[str, Any]]) -> RunSeries:
        """Build the curves from the lines that `fakd_core.runs.metrics_files.read_metrics` returns.

        Raises:
            RunError: a line lacks a value.
        """
        series = cls()
        for number, line in enumerate(lines, 1):
            try:
                series._read(line)
            except (KeyError, TypeError, AttributeError) as error:
                raise RunError(f"its metrics are damaged in line {number}: {error}") from None
        return series

    def take(self, event: RunStarted | StepEnd | ValidationEnd) -> None:
        """Add the values of a live event; those of a skipped step are not finite and left out."""
        match event:
            case RunStarted():
                self.steps, self.bicubic, self.teacher = event.steps, event.bicubic, event.teacher
            case StepEnd(skipped=None):
                self._add_step(event.step, event.lr, event.losses)
            case ValidationEnd():
                self._add_validation(event.step, {STUDENT: event.student, **event.others})

    def prepend(self, past: RunSeries) -> None:
        """Insert the points of `past` that precede those of this series, for a resumed run."""
        first = self.step[0] if self.step else float("inf")
        steps = sum(step < first for step in past.step)
        validations = sum(step < min([first, *self.validation_step]) for step in past.validation_step)
        for ours, theirs, count in (
            (self.losses, past.losses, steps),
            (self.psnr, past.psnr, validations),
            (self.ssim, past.ssim, validations),
        ):
            for name, values in theirs.items():
                ours[name] = values[:count] + ours.get(name, [])
        self.step[:0], self.lr[:0] = past.step[:steps], past.lr[:steps]
        self.validation_step[:0] = past.validation_step[:validations]

    def _read(self, line: Mapping[str, Any]) -> None:
        match line["event"]:
            case "start":
                self.steps, self.bicubic = line["steps"], Scores(**line["bicubic"])
                self.teacher = Scores(**line["teacher"]) if line["teacher"] else None
            case "step" if not line.get("skipped"):
                losses = {name: _float(loss) for name, loss in line["losses"].items()}
                self._add_step(line["step"], line["lr"], losses)
            case "validation":
                others = {name: Scores(**scores) for name, scores in line.get("others", {}).items()}
                student = Scores(line["psnr"], line["ssim"])
                self._add_validation(line["step"], {STUDENT: student, **others})

    def _add_step(self, step: int, lr: float, losses: Mapping[str, float]) -> None:
        self.step.append(step)
        self.lr.append(lr)
        for name, loss in losses.items():
            self.losses.setdefault(name, []).append(loss)

    def _add_validation(self, step: int, scores: Mapping[str, Scores]) -> None:
        self.validation_step.append(step)
        for name, score in scores.items():
            self.psnr.setdefault(name, []).append(score.psnr)
            self.ssim.setdefault(name, []).append(score.ssim)


def _float(value: float | None) -> float:
    """Non-finite values are null in the file: JSON has neither NaN nor infinity."""
    return float("nan") if value is None else value


def read_series(run: Path) -> RunSeries:
    """The curves of the run in the folder `run`.

    Raises:
        RunError: its metrics are damaged or can't be read.
    """
    path = RunLayout(run).metrics
    try:
        return RunSeries.from_metrics(read_metrics(run))
    except OSError as error:
        raise RunError(f"{path}: can't be read ({error.strerror or error})") from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RunError(
            f"{path}: damaged: expected a line of metrics ({type(error).__name__}: {error}); remove it"
        ) from None
