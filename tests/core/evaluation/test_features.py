"""Feature maps of a window: their affinities are the distillation's, whatever network they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from external_networks import external_file

from fakd_core import load_model
from fakd_core.data.image_files import read_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.distillation.affinity import affinity_row, spatial_affinity, spatial_affinity_loss
from fakd_core.errors import FeatureTapError
from fakd_core.evaluation.features import (
    MAX_WINDOW_SIDE,
    Spread,
    Window,
    affinity_spread,
    extract_features,
    lattice_stride,
    mean_spreads,
    sa_loss,
    tap_title,
    window_around,
)
from fakd_core.events import Cancelled, CancelToken, Image8
from fakd_core.inference.upscale import tensor_from_image

SWINIR_TAPS = ["conv_first", "layers.0", "layers.2", "conv_after_body + conv_first"]


def lr_of(path: Path, scale: int) -> Image8:
    return imresize_bicubic(read_image(path), 1 / scale)


def test_rows_matrices_and_losses_are_the_distillation_s(small_teacher: Path, photos: Path) -> None:
    lr = lr_of(photos / "coffee0.png", 4)
    network, window = load_model(small_teacher), Window(3, 5, 12, 16)
    features = extract_features(network, lr, window, name="teacher")
    with torch.no_grad():
        sr, maps = network.forward_features(tensor_from_image(lr[3:15, 5:21]))
    assert features.sr.shape == (*tuple(sr.shape[2:]), 3)
    whole = spatial_affinity(maps[2])[0]
    np.testing.assert_allclose(features.affinity_row(2, 4, 20), whole[31].reshape(12, 16), atol=1e-5)
    region = Window(5, 7, 3, 2)
    indices = [window.index(y, x) for y in range(5, 8) for x in range(7, 9)]
    assert [window.pixel(index) for index in indices[:3]] == [(5, 7), (5, 8), (6, 7)]
    expected = whole[indices][:, indices]
    np.testing.assert_allclose(features.affinity_matrix(2, region), expected, atol=1e-5)
    assert sa_loss(features, features, 2) == pytest.approx(0, abs=1e-6)
    other = extract_features(network, 255 - lr, window, name="teacher")
    with torch.no_grad():
        _, other_maps = network.forward_features(tensor_from_image(255 - lr[3:15, 5:21]))
    for stride in (1, 2):
        lattice = (taps[2][..., ::stride, ::stride] for taps in (other_maps, maps))
        loss = float(spatial_affinity_loss(*lattice))
        assert loss > 0
        assert sa_loss(other, features, 2, stride=stride) == pytest.approx(loss, rel=1e-4)


def test_the_spread_is_that_of_all_pairs_of_different_positions(small_teacher: Path, photos: Path) -> None:
    lr = lr_of(photos / "coffee0.png", 4)
    network, window = load_model(small_teacher), Window(3, 5, 12, 16)
    features = extract_features(network, lr, window, name="teacher")
    for layer in range(4):
        pairs = features.affinity_matrix(layer, window)[~np.eye(window.positions, dtype=bool)]
        spread = features.spreads[layer]
        assert spread.mean == pytest.approx(pairs.mean(), abs=1e-4)
        assert spread.deviation == pytest.approx(pairs.std(), abs=1e-4)
    single = mean_spreads(network, [lr[3:15, 5:21]], 99, name="teacher")
    assert single == features.spreads
    pair = mean_spreads(network, [lr, lr], 12, name="teacher")
    assert pair == mean_spreads(network, [lr], 12, name="teacher") != single
    alike = np.ones((4, 30), np.float32) / 2
    assert affinity_spread(alike) == Spread(1.0, 0.0)
    assert affinity_spread(alike).is_nearly_constant
    assert str(Spread(-0.06, 0.251)) == "−0.06 ± 0.25"


def test_a_cancelled_token_ends_the_pass(small_teacher: Path, photos: Path) -> None:
    lr, token = lr_of(photos / "coffee0.png", 4), CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        extract_features(load_model(small_teacher), lr, Window(0, 0, 8, 8), name="teacher", cancel=token)


def test_a_window_never_leaves_the_image() -> None:
    side = MAX_WINDOW_SIDE
    assert window_around((100, 90), 50, 2) == window_around((100, 90), 0, 89)
    for y, x in ((0, 0), (999, 599), (500, 300)):
        window = window_around((1000, 600), y, x)
        assert window.contains_pixel(y, x)
        assert (window.height, window.width) == (side, side)
        assert 0 <= window.top <= 1000 - side
        assert 0 <= window.left <= 600 - side


@pytest.mark.parametrize(("side", "stride"), [(1, 1), (64, 1), (65, 2), (128, 2), (129, 3), (256, 4)])
def test_the_lattice_has_at_most_64_by_64_positions(side: int, stride: int) -> None:
    assert lattice_stride(Window(0, 0, side, side)) == stride


def test_an_external_network_has_features_like_our_own(
    spandrel: object, photos: Path, tmp_path: Path
) -> None:
    lr = lr_of(photos / "coffee0.png", 4)
    window = window_around(lr.shape[:2], 5, 6)
    model = load_model(external_file(tmp_path, "SwinIR"))
    features = extract_features(model, lr, window, name="SwinIR")
    assert [tap_title(features.spec, layer) for layer in range(4)] == SWINIR_TAPS
    with torch.no_grad():
        _, maps = model.forward_features(tensor_from_image(lr))
    for layer, tap in enumerate(maps):
        expected = affinity_row(tap[0], 5, 6).numpy()
        assert np.abs(features.affinity_row(layer, 5, 6) - expected).max() < 1e-4

    bare = external_file(tmp_path, "RealCUGAN")
    lr = lr_of(photos / "coffee0.png", 2)
    window = window_around(lr.shape[:2], 5, 6)
    with pytest.raises(
        FeatureTapError, match=r"RealCUGAN has no feature maps .* only its output can be used"
    ):
        extract_features(load_model(bare), lr, window, name="it")
