"""Scores of a pane and bicubic, in strips."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from small_models import Bench, save_photo

from fakd_core.data.image_files import read_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.events import Cancelled, CancelToken
from fakd_gui.compare import results
from fakd_gui.compare.panes import BICUBIC
from fakd_gui.compare.results import PaneEvent, PaneProgress, PaneResult, compute_results
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.session import Session


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


def test_bicubic_is_made_in_strips_and_can_be_cancelled(session: Session) -> None:
    lr = np.random.default_rng(0).integers(0, 256, (300, 20, 3), dtype=np.uint8)
    image, token = OpenedImage(Path("tall.png"), 4, lr=lr, hr=None), CancelToken()

    def events(token: CancelToken) -> Iterator[PaneEvent]:
        return compute_results(image, [BICUBIC], models=session.models, known={}, token=token)

    *_, result = events(token)
    assert isinstance(result, PaneResult)
    assert np.array_equal(result.pixels, imresize_bicubic(lr, 4))
    begun = events(token)
    assert [event.progress.done for event in islice(begun, 2) if isinstance(event, PaneProgress)] == [0, 512]
    token.cancel()
    with pytest.raises(Cancelled):
        next(begun)
