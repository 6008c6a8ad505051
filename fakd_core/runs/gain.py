"""The gain over the baseline: how much better the student is than the same one trained without a teacher."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, stdev

from fakd_core.runs.layout import BASELINE, STUDENT
from fakd_core.runs.series import RunSeries

MIN_VALIDATIONS = 3
MAX_VALIDATIONS = 10
FEW_IMAGES = 5
"""The mean over fewer images than this depends on which they are."""


@dataclass(frozen=True)
class Gain:
    """The mean gain in dB over the latest validations, and twice its standard error."""

    mean: float
    noise: float
    validations: int

    @property
    def is_within_noise(self) -> bool:
        return abs(self.mean) <= self.noise


def gains(series: RunSeries, student: str = STUDENT, baseline: str = BASELINE) -> list[float]:
    """PSNR of `student` minus that of `baseline` at each validation, in dB; empty without a baseline."""
    ours, theirs = series.psnr.get(student, []), series.psnr.get(baseline, [])
    # A baseline that was added later has no first validations.
    count = min(len(ours), len(theirs))
    both = zip(ours[len(ours) - count :], theirs[len(theirs) - count :], strict=True)
    return [0.0 if own == other else own - other for own, other in both]


def latest_gain(series: RunSeries) -> Gain | None:
    """The gain over the second half of the validations, at most `MAX_VALIDATIONS`; None for too few."""
    known = [gain for gain in gains(series) if math.isfinite(gain)]
    latest = known[-min(max(len(known) // 2, MIN_VALIDATIONS), MAX_VALIDATIONS) :]
    if len(latest) < MIN_VALIDATIONS:
        return None
    return Gain(fmean(latest), 2 * stdev(latest) / math.sqrt(len(latest)), len(latest))


def describe_gain(series: RunSeries) -> str:
    """A sentence on what the teacher adds, and whether it is more than noise; empty without a baseline."""
    if not gains(series):
        return ""
    gain = latest_gain(series)
    if gain is None:
        return f"Fewer than {MIN_VALIDATIONS} validations: too early to say what FAKD adds."
    images = series.validation_images
    place = f"the last {gain.validations} validations"
    if 0 < images < FEW_IMAGES:
        place += f" on {images} {'image' if images == 1 else 'images'} only"
    value = f"{gain.mean:+.2f} ± {gain.noise:.2f} dB".replace("-", "−")
    if gain.is_within_noise:
        return f"The difference to the baseline, {value} in {place}, is within the noise."
    return f"FAKD adds {value} to the baseline in {place}."
