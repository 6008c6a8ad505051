"""PSNR and SSIM against published scores and scikit-image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from fakd_core.data.folders import find_images
from fakd_core.data.image_files import read_image
from fakd_core.errors import DataError
from fakd_core.evaluation import metrics
from fakd_core.evaluation.metrics import mae_y, psnr_rgb, psnr_y, rgb_to_y, ssim_y
from fakd_core.events import Cancelled, CancelToken

images = hnp.arrays(np.uint8, (20, 24, 3))


def test_published_rcan_outputs_have_the_published_scores(shared: Callable[[str], Path]) -> None:
    root = shared("data/rcan_set5_x4")
    pairs = [(read_image(path), read_image(root / "HR" / path.name)) for path in find_images(root / "SR")]
    assert len(pairs) == 5
    assert np.mean([psnr_y(sr, hr, 4) for sr, hr in pairs]) == pytest.approx(32.634, abs=5e-4)
    assert np.mean([ssim_y(sr, hr, 4) for sr, hr in pairs]) == pytest.approx(0.9002, abs=5e-5)


@given(images, images, st.integers(0, 4))
@settings(max_examples=50, deadline=None)
def test_symmetric_and_in_range(sr: np.ndarray, hr: np.ndarray, crop: int) -> None:
    assert psnr_y(sr, hr, crop) == psnr_y(hr, sr, crop)
    assert ssim_y(sr, hr, crop) == pytest.approx(ssim_y(hr, sr, crop))
    assert -1 <= ssim_y(sr, hr, crop) <= 1 + 1e-12
    cut = (slice(crop, 20 - crop), slice(crop, 24 - crop))
    if (sr[cut] != hr[cut]).any():
        assert psnr_rgb(sr, hr, crop) == pytest.approx(
            peak_signal_noise_ratio(sr[cut], hr[cut], data_range=255)
        )


@given(images)
@settings(max_examples=30, deadline=None)
def test_identical_images_are_perfect(img: np.ndarray) -> None:
    assert psnr_y(img, img, 2) == psnr_rgb(img, img, 2) == float("inf")
    assert ssim_y(img, img, 2) == pytest.approx(1)


def test_psnr_y_uses_unrounded_luma_inside_the_border() -> None:
    hr = np.full((16, 16, 3), 100, np.uint8)
    sr = hr.copy()
    sr[0] = 0  # within the border: not measured
    sr[4:-4, 4:-4, 0] += 1
    error = float(rgb_to_y(sr[8, 8]) - rgb_to_y(hr[8, 8]))
    assert psnr_y(sr, hr, 4) == pytest.approx(20 * np.log10(255 / error))


def test_floats_are_clipped_and_rounded_first() -> None:
    hr = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    sr = np.where(hr == 0, -30.0, np.where(hr == 255, 300.0, hr + 0.4)).astype(np.float32)
    assert psnr_y(sr, hr, 0) == float("inf")


def test_mismatched_pairs_are_refused_with_their_sizes() -> None:
    small = np.zeros((12, 30, 3), np.uint8)
    with pytest.raises(DataError, match=r"\(12, 30, 3\) and \(13, 30, 3\)"):
        psnr_y(small, np.zeros((13, 30, 3), np.uint8), 0)
    with pytest.raises(DataError, match=r"\(12, 30\)"):
        psnr_y(small[..., 0], small[..., 0], 0)
    with pytest.raises(DataError, match=r"30x12 cut by 1 .* at least 11x11"):
        ssim_y(small, small, 1)
    with pytest.raises(DataError, match="cut by 6"):
        psnr_y(small, small, 6)


@pytest.mark.parametrize(("height", "rows"), [(40, 7), (41, 30), (41, 31), (43, 1)])
def test_scores_in_strips_equal_those_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, height: int, rows: int
) -> None:
    rng = np.random.default_rng(height)
    hr = rng.integers(0, 256, (height, 33, 3), dtype=np.uint8)
    sr = np.clip(hr.astype(int) + rng.integers(-20, 20, hr.shape), 0, 255).astype(np.uint8)
    whole = psnr_y(sr, hr, 2), ssim_y(sr, hr, 2), psnr_rgb(sr, hr, 2), mae_y(sr, hr)
    assert whole[3] == pytest.approx(np.abs(rgb_to_y(sr) - rgb_to_y(hr)).mean())
    expected = structural_similarity(
        rgb_to_y(sr[2:-2, 2:-2]),
        rgb_to_y(hr[2:-2, 2:-2]),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    assert whole[1] == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr(metrics, "_STRIP_PIXELS", 29 * rows)
    strips = psnr_y(sr, hr, 2), ssim_y(sr, hr, 2), psnr_rgb(sr, hr, 2), mae_y(sr, hr)
    assert strips == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("score", [psnr_y, ssim_y])
def test_scoring_a_large_image_can_be_cancelled_between_strips(
    monkeypatch: pytest.MonkeyPatch, score: Callable
) -> None:
    token, strips = CancelToken(), 0

    def count_and_cancel(img: np.ndarray) -> np.ndarray:
        nonlocal strips
        strips += 1
        token.cancel()
        return rgb_to_y(img)

    monkeypatch.setattr(metrics, "_STRIP_PIXELS", 40 * 8)
    monkeypatch.setattr(metrics, "rgb_to_y", count_and_cancel)
    img = np.zeros((90, 40, 3), dtype=np.uint8)
    with pytest.raises(Cancelled):
        score(img, img, 0, cancel=token)
    assert strips == 2  # Both images' first strip.
