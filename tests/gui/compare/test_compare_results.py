"""Scores of a pane, measured in strips."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import Bench, save_photo

from fakd_core.data.image_files import read_image
from fakd_core.events import Cancelled, CancelToken
from fakd_gui.compare import results


def test_a_large_image_is_measured_in_strips_with_the_same_result(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    hr = read_image(save_photo(bench.folder, "tall", 120, 90))
    sr = np.roll(hr, 1, axis=0)
    whole = results.measure(sr, hr, crop_border=4, token=CancelToken())
    monkeypatch.setattr("fakd_core.evaluation.metrics._STRIP_PIXELS", 23 * 82)
    strips = results.measure(sr, hr, crop_border=4, token=CancelToken())
    assert whole is not None
    assert strips is not None
    assert strips.psnr == pytest.approx(whole.psnr, abs=1e-9)
    assert strips.ssim == pytest.approx(whole.ssim, abs=1e-9)
    same = results.measure(hr, hr, crop_border=4, token=CancelToken())
    assert same is not None
    assert (same.psnr, same.ssim) == (float("inf"), pytest.approx(1))
    cancelled = CancelToken()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        results.measure(sr, hr, crop_border=4, token=cancelled)
