"""From the numbers of a run to the lines of each plot, smoothed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fakd_core.runs.series import TOTAL, RunSeries
from fakd_gui.train.curves import Line, relative
from fakd_gui.train.plot_card import Level
from fakd_gui.train.smoothing import Trace, Values
from fakd_gui.widgets.theme import Theme

LOSS, PSNR, SSIM, RATE = "Loss", "Validation PSNR (dB)", "Validation SSIM", "Learning rate"
BASELINE = "baseline"
STUDENT = "student"


class Drawing:
    """One run as the plots draw it: itself, or, with a `number`, laid over another."""

    def __init__(self, series: RunSeries, name: str = "", number: int | None = None) -> None:
        self.series = series
        self._name = name
        self._number = number
        self._traces: dict[str, Trace] = {}

    @staticmethod
    def colour_of_run(number: int, theme: Theme) -> str:
        """The colour of a run laid over, for its name: that of its student."""
        return relative(theme.student, number, theme.panel)

    def lines(self, plot: str, weighted: bool, smoothing: float, theme: Theme) -> Iterator[Line]:
        """The lines of one plot; the loss alone is smoothed, and `weighted` or as it was before."""
        if plot == LOSS:
            steps = self._steps("step", self.series.step)
            for key, label, colour, values in self._losses(weighted, theme):
                trace = f"weighted {key}" if weighted else f"raw {key}"
                yield self._line(trace, key, label, colour, steps, values, theme, smoothing)
        elif plot == RATE:
            steps = self._steps("step", self.series.step)
            yield self._line("lr", "lr", "rate", theme.accent, steps, self.series.lr, theme)
        else:
            steps = self._steps("validation", self.series.validation_step)
            own = self.series.psnr if plot == PSNR else self.series.ssim
            others = self.series.other_psnr if plot == PSNR else self.series.other_ssim
            twins = BASELINE in others
            for key, values in {STUDENT: own, **others}.items():
                colour = theme.student_colour(int(key.startswith(BASELINE)))
                if key.endswith("ema"):
                    colour = relative(colour, 2, theme.panel)
                label, trace = label_of(key, twins), f"{plot} {key}"
                yield self._line(trace, key, label, colour, steps, values, theme, marked=True)

    def _losses(self, weighted: bool, theme: Theme) -> Iterator[tuple[str, str, str, Sequence[float]]]:
        for name, values in (self.series.weighted if weighted else self.series.raw).items():
            yield name, name, theme.total if name == TOTAL else theme.part_colour(name), values
        if self.series.baseline:
            yield BASELINE, label_of(BASELINE, True), theme.student_colour(1), self.series.baseline

    def _steps(self, name: str, steps: Sequence[int]) -> Values:
        return self._traces.setdefault(name, Trace()).take(steps)

    def _line(
        self,
        trace: str,
        key: str,
        label: str,
        colour: str,
        steps: Values,
        values: Sequence[float],
        theme: Theme,
        smoothing: float = 0.0,
        marked: bool = False,
    ) -> Line:
        kept = self._traces.setdefault(trace, Trace())
        drawn = kept.take(values, smoothing)
        exact = kept.values if smoothing else drawn
        # A part may have come in later than the first step.
        steps = steps[len(steps) - len(drawn) :]
        if self._number is None:
            return Line(key, label, colour, steps, drawn, exact, marked=marked)
        colour = relative(colour, self._number, theme.panel)
        return Line(key, label, colour, steps, drawn, exact, self._name, self._number, marked)


def label_of(key: str, twins: bool) -> str:
    """What a student of a run is called, by its name in `ValidationEnd`."""
    labels = {
        STUDENT: "with FAKD" if twins else "student",
        "ema": "with FAKD, EMA" if twins else "EMA",
        BASELINE: "without FAKD",
        "baseline-ema": "without FAKD, EMA",
    }
    return labels.get(key, key)


def levels_of(plot: str, series: RunSeries, theme: Theme) -> list[Level]:
    """What the student is measured against: the bicubic's and the teacher's score."""
    if plot not in (PSNR, SSIM):
        return []
    pairs = (("bicubic", series.bicubic, theme.bicubic), ("teacher", series.teacher, theme.teacher))
    return [
        (name, scores.psnr if plot == PSNR else scores.ssim, colour)
        for name, scores, colour in pairs
        if scores
    ]
