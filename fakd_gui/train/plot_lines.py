"""Turns the curves of runs into the lines of each plot: which, in what colour, smoothed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fakd_core.events import RAW
from fakd_core.runs.gain import gains
from fakd_core.runs.layout import BASELINE, STUDENT, average_of
from fakd_core.runs.series import RunSeries
from fakd_gui.train.curves import Line, shade
from fakd_gui.train.plot_card import Level
from fakd_gui.train.run_view import label_of
from fakd_gui.train.smoothing import SmoothedCurve
from fakd_gui.train.state import GAIN, LEARNING_RATE, LOSS, PSNR, SSIM
from fakd_gui.widgets.theme import Theme

TOTAL = "total"
LOSS_OF_BASELINE = "baseline's DS"
"""The baseline's only loss, to the ground truth, drawn with the weight of the student's DS."""


class RunLines:
    """The lines of one run: of the shown one, or of an overlaid one with a `number`."""

    def __init__(self, series: RunSeries, name: str = "", number: int | None = None) -> None:
        self.series = series
        self.name = name
        self.number = number
        self._curves: dict[object, SmoothedCurve] = {}

    def lines(self, plot: str, *, weighted: bool, smoothing: float, theme: Theme) -> Iterator[Line]:
        """The lines of one plot that have a point; losses and gains are smoothed, losses also `weighted`."""
        is_of_validations = plot in (PSNR, GAIN, SSIM)
        all_steps = self.series.validation_step if is_of_validations else self.series.step
        steps = self._curves.setdefault(is_of_validations, SmoothedCurve()).update(all_steps)
        if plot not in (LOSS, GAIN):
            smoothing = 0.0
        for key, colour, values in self._values(plot, weighted, theme):
            if not values:
                continue
            curve = self._curves.setdefault((plot, key, weighted), SmoothedCurve())
            weight = self._weight_of_baseline() if (plot, key, weighted) == (LOSS, BASELINE, True) else 1.0
            smoothed = curve.update(values, smoothing)
            exact = curve.values
            if weight != 1.0:
                smoothed, exact = smoothed * weight, exact * weight
            drawn = smoothed if smoothing else exact
            yield Line(
                key=key,
                label=LOSS_OF_BASELINE if (plot, key) == (LOSS, BASELINE) else label_of(key),
                colour=self.shade(colour, theme),
                # A loss may have been added after the first step.
                steps=steps[len(steps) - len(drawn) :],
                values=drawn,
                exact=exact,
                run=self.name if self.number is not None else "",
                dash=self.number,
                marked=is_of_validations,
            )

    def shade(self, colour: str, theme: Theme) -> str:
        """The colour of this run's curve where that of the shown run is `colour`."""
        return colour if self.number is None else shade(colour, self.number, theme.panel)

    def _values(self, plot: str, weighted: bool, theme: Theme) -> Iterator[tuple[str, str, Sequence[float]]]:
        """The key, the colour and the values of each curve of `plot`."""
        if plot == LEARNING_RATE:
            yield "lr", theme.accent, self.series.lr
        elif plot == LOSS:
            for name, values in self.series.losses.items():
                part = name.removeprefix(RAW)
                if name == BASELINE:
                    yield name, theme.student_colour(1), values
                elif (part == name) is weighted:
                    yield part, theme.text if part == TOTAL else theme.part_colour(part), values
        elif plot == GAIN:
            yield "student", theme.student, gains(self.series)
            averages = gains(self.series, average_of(STUDENT), average_of(BASELINE))
            yield "ema", shade(theme.student, 2, theme.panel), averages
        else:
            for key, values in (self.series.psnr if plot == PSNR else self.series.ssim).items():
                colour = theme.student_colour(int(key.startswith(BASELINE)))
                yield key, shade(colour, 2, theme.panel) if key.endswith("ema") else colour, values

    def _weight_of_baseline(self) -> float:
        """The weight of the student's loss to the ground truth, so that the baseline's is drawn like it."""
        own, raw = self.series.losses.get("DS", []), self.series.losses.get(f"{RAW}DS", [])
        for weighted, value in zip(own, raw, strict=False):
            if value and math.isfinite(weighted) and math.isfinite(value):
                return weighted / value
        return 1.0

    @property
    def has_baseline(self) -> bool:
        return BASELINE in self.series.psnr


def levels_of(plot: str, series: RunSeries, theme: Theme) -> list[Level]:
    """The scores of bicubic and the teacher, which the students' are compared with."""
    if plot == GAIN and BASELINE in series.psnr:
        return [("baseline", 0.0, theme.student_colour(1))]
    if plot not in (PSNR, SSIM):
        return []
    known = (("bicubic", series.bicubic, theme.bicubic), ("teacher", series.teacher, theme.teacher))
    return [
        (name, scores.psnr if plot == PSNR else scores.ssim, colour)
        for name, scores, colour in known
        if scores
    ]
