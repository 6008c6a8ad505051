"""The gain over the baseline, and when it is within the noise."""

from __future__ import annotations

import math

import pytest

from fakd_core.runs.gain import describe_gain, gains, latest_gain
from fakd_core.runs.series import RunSeries


def series(gain: list[float], images: int = 100) -> RunSeries:
    psnr = {"student": [30.0 + one for one in gain], "baseline": [30.0] * len(gain)}
    return RunSeries(psnr=psnr, validation_images=images, validation_step=list(range(len(gain))))


def test_the_gain_is_the_difference_at_each_validation() -> None:
    made = series([0.1, -0.2])
    assert gains(made) == pytest.approx([0.1, -0.2])
    made.psnr["baseline"] = [math.inf]
    made.psnr["student"] = [29.0, math.inf]
    assert gains(made) == [0.0], "it is aligned at the end, and equal images differ by nothing"
    assert gains(RunSeries()) == []


def test_the_latest_half_counts_with_twice_its_standard_error() -> None:
    found = latest_gain(series([0.0] * 4 + [0.2, 0.3, 0.4, 0.3]))
    assert found is not None
    assert (found.validations, found.is_within_noise) == (4, False)
    assert found.mean == pytest.approx(0.3)
    assert found.noise == pytest.approx(2 * 0.0816 / 2, abs=1e-3)


@pytest.mark.parametrize(
    ("gain", "images", "text"),
    [
        ([], 0, ""),
        ([0.5, 0.5], 9, "Fewer than 3 validations: too early to say what FAKD adds."),
        ([0.1, 0.12, 0.11], 9, "FAKD adds +0.11 ± 0.01 dB to the baseline in the last 3 validations."),
        (
            [0.1, -0.2, 0.05],
            2,
            "The difference to the baseline, −0.02 ± 0.19 dB in the last 3 validations on 2 images only, "
            "is within the noise.",
        ),
    ],
)
def test_a_sentence_says_what_fakd_adds(gain: list[float], images: int, text: str) -> None:
    assert describe_gain(series(gain, images)) == text
