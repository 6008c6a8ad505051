"""Turns the curves of runs into the lines of each plot: which, in what colour, smoothed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fakd_core.events import RAW
from fakd_core.runs.layout import BASELINE
from fakd_core.runs.series import RunSeries
from fakd_gui.train.curves import Line, shade
from fakd_gui.train.plot_card import Level
from fakd_gui.train.run_view import label_of
from fakd_gui.train.smoothing import SmoothedCurve, Values
from fakd_gui.train.state import LEARNING_RATE, LOSS, PSNR, SSIM
from fakd_gui.widgets.theme import Theme

TOTAL = "total"


class RunLines:
    """The lines of one run: of the shown one, or of an overlaid one with a `number`."""

    def __init__(self, series: RunSeries, name: str = "", number: int | None = None) -> None:
        self.series = series
        self._name = name
        self._number = number
        self._curves: dict[str, SmoothedCurve] = {}

    @staticmethod
    def colour_of_run(number: int, theme: Theme) -> str:
        """The colour of an overlaid run's name, which is that of its student."""
        return shade(theme.student, number, theme.panel)

    def lines(self, plot: str, *, weighted: bool, smoothing: float, theme: Theme) -> Iterator[Line]:
        """The lines of one plot; only losses are smoothed, and `weighted` or not."""
        if plot == LOSS:
            steps = self._steps("steps", self.series.step)
            for key, colour, values in self._losses(weighted, theme):
                curve = f"{'weighted' if weighted else 'raw'} {key}"
                yield self._line(
                    key, colour, theme, curve=curve, steps=steps, values=values, smoothing=smoothing
                )
        elif plot == LEARNING_RATE:
            steps = self._steps("steps", self.series.step)
            yield self._line("lr", theme.accent, theme, curve="lr", steps=steps, values=self.series.lr)
        else:
            scores = self.series.psnr if plot == PSNR else self.series.ssim
            steps = self._steps("validations", self.series.validation_step)
            for key, values in scores.items():
                colour = theme.student_colour(int(key.startswith(BASELINE)))
                if key.endswith("ema"):
                    colour = shade(colour, 2, theme.panel)
                yield self._line(
                    key, colour, theme, curve=f"{plot} {key}", steps=steps, values=values, marked=True
                )

    def _losses(self, weighted: bool, theme: Theme) -> Iterator[tuple[str, str, Sequence[float]]]:
        for name, values in self.series.losses.items():
            part = name.removeprefix(RAW)
            if name == BASELINE:
                yield name, theme.student_colour(1), values
            elif (part == name) is weighted:
                yield part, theme.text if part == TOTAL else theme.part_colour(part), values

    def _steps(self, name: str, steps: Sequence[int]) -> Values:
        return self._curves.setdefault(name, SmoothedCurve()).update(steps)

    def _line(
        self,
        key: str,
        colour: str,
        theme: Theme,
        *,
        curve: str,
        steps: Values,
        values: Sequence[float],
        smoothing: float = 0.0,
        marked: bool = False,
    ) -> Line:
        smoothed = self._curves.setdefault(curve, SmoothedCurve())
        drawn = smoothed.update(values, smoothing)
        return Line(
            key=key,
            label=label_of(key),
            colour=colour if self._number is None else shade(colour, self._number, theme.panel),
            # A loss may have been added after the first step.
            steps=steps[len(steps) - len(drawn) :],
            values=drawn,
            exact=smoothed.values if smoothing else drawn,
            run="" if self._number is None else self._name,
            dash=self._number,
            marked=marked,
        )


def levels_of(plot: str, series: RunSeries, theme: Theme) -> list[Level]:
    """The scores of bicubic and the teacher, which the students' are compared with."""
    if plot not in (PSNR, SSIM):
        return []

    known = (("bicubic", series.bicubic, theme.bicubic), ("teacher", series.teacher, theme.teacher))
    return [
        (name, scores.psnr if plot == PSNR else scores.ssim, colour)
        for name, scores, colour in known
        if scores
    ]
