"""The curves of a run: losses by step and scores by validation, from live events or from its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakd_core.errors import RunError
from fakd_core.events import RAW, RunStarted, Scores, StepEnd, ValidationEnd
from fakd_core.runs.layout import BASELINE, RunLayout
from fakd_core.runs.metrics_files import read_metrics

TOTAL = "total"


@dataclass(kw_only=True)
class RunSeries:
    """Every point of a run's curves.

    `weighted` and `raw` have one list per loss term, `weighted` also the total. `baseline` is the loss of the
    student trained without a teacher. `other_psnr` and `other_ssim` are the scores of the further students of
    the run by their names in `ValidationEnd`.
    """

    steps: int = 0
    bicubic: Scores | None = None
    teacher: Scores | None = None
    step: list[int] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    weighted: dict[str, list[float]] = field(default_factory=dict)
    raw: dict[str, list[float]] = field(default_factory=dict)
    baseline: list[float] = field(default_factory=list)
    validation_step: list[int] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    other_psnr: dict[str, list[float]] = field(default_factory=dict)
    other_ssim: dict[str, list[float]] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)
    """Steps whose loss or gradient was not finite; they are not on the curves."""

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
        """Add the values of a live event."""
        match event:
            case RunStarted():
                self._start(event.steps, event.bicubic, event.teacher)
            case StepEnd(skipped=str()):
                self.skipped.append(event.step)
            case StepEnd():
                self._add(event.step, event.lr, event.losses)
            case ValidationEnd():
                self._add_validation(event.step, event.student, event.others)

    def prepend(self, past: RunSeries) -> None:
        """Insert the points of `past` that precede those of this series, for a resumed run."""
        first = self.step[0] if self.step else float("inf")
        kept = sum(step < first for step in past.step)
        first_validation = self.validation_step[0] if self.validation_step else float("inf")
        validated = sum(step < min(first, first_validation) for step in past.validation_step)
        for ours, theirs, count in (
            (self.weighted, past.weighted, kept),
            (self.raw, past.raw, kept),
            (self.other_psnr, past.other_psnr, validated),
            (self.other_ssim, past.other_ssim, validated),
        ):
            for name, values in theirs.items():
                ours[name] = values[:count] + ours.get(name, [])
        self.baseline[:0] = past.baseline[:kept]
        self.skipped[:0] = [step for step in past.skipped if step < first]
        self.step[:0], self.lr[:0] = past.step[:kept], past.lr[:kept]
        self.validation_step[:0] = past.validation_step[:validated]
        self.psnr[:0], self.ssim[:0] = past.psnr[:validated], past.ssim[:validated]

    def _read(self, line: Mapping[str, Any]) -> None:
        match line["event"]:
            case "start":
                teacher = line["teacher"]
                levels = Scores(**line["bicubic"]), Scores(**teacher) if teacher else None
                self._start(line["steps"], *levels)
            case "step" if line.get("skipped"):
                self.skipped.append(line["step"])
            case "step":
                losses = {name: _float(loss) for name, loss in line["losses"].items()}
                self._add(line["step"], line["lr"], losses)
            case "validation":
                others = {name: Scores(**scores) for name, scores in line.get("others", {}).items()}
                self._add_validation(line["step"], Scores(line["psnr"], line["ssim"]), others)

    def _start(self, steps: int, bicubic: Scores, teacher: Scores | None) -> None:
        self.steps, self.bicubic, self.teacher = steps, bicubic, teacher

    def _add(self, step: int, lr: float, losses: Mapping[str, float]) -> None:
        self.step.append(step)
        self.lr.append(lr)
        for name, loss in losses.items():
            if name == BASELINE:
                self.baseline.append(loss)
            elif name.startswith(RAW):
                self.raw.setdefault(name.removeprefix(RAW), []).append(loss)
            else:
                self.weighted.setdefault(name, []).append(loss)

    def _add_validation(self, step: int, student: Scores, others: Mapping[str, Scores]) -> None:
        self.validation_step.append(step)
        self.psnr.append(student.psnr)
        self.ssim.append(student.ssim)
        for name, scores in others.items():
            self.other_psnr.setdefault(name, []).append(scores.psnr)
            self.other_ssim.setdefault(name, []).append(scores.ssim)


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
