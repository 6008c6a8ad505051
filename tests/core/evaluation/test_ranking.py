"""The difference of two models' outputs, by which Compare sorts images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fakd_core.data.image_files import read_image
from fakd_core.evaluation.metrics import rgb_to_y
from fakd_core.evaluation.ranking import measure_differences
from fakd_core.events import Cancelled, CancelToken, Image8
from fakd_core.inference.upscale import upscale
from fakd_core.models.factory import create_model
from fakd_core.models.layers import SRNetwork


@pytest.fixture
def models() -> tuple[SRNetwork, SRNetwork]:
    first, second = (
        create_model("rcan", n_feats=8, n_resgroups=3, n_resblocks=1, reduction=2).eval() for _ in range(2)
    )
    return first, second


def read_corner(path: Path) -> Image8:
    return read_image(path)[:24, :20]


def test_every_image_is_measured_and_one_that_cannot_be_read_says_why(
    models: tuple[SRNetwork, SRNetwork], photos: Path, tmp_path: Path
) -> None:
    paths = [*sorted(photos.iterdir())[:2], tmp_path / "gone.png"]
    found = list(measure_differences(paths, models, read_lr=read_corner, token=CancelToken()))
    assert [difference.path for difference in found] == paths
    for difference in found[:2]:
        first, second = (upscale(model, read_corner(difference.path)) for model in models)
        assert difference.mean == pytest.approx(np.abs(rgb_to_y(first) - rgb_to_y(second)).mean())
        assert difference.reason == ""
    assert found[2].mean is None
    assert "gone.png" in found[2].reason


def test_cancelling_ends_it_also_during_an_image(models: tuple[SRNetwork, SRNetwork], photos: Path) -> None:
    token = CancelToken()

    def read_and_cancel(path: Path) -> Image8:
        token.cancel()
        return read_corner(path)

    with pytest.raises(Cancelled):
        next(measure_differences(sorted(photos.iterdir()), models, read_lr=read_and_cancel, token=token))


def test_an_error_that_is_no_fault_of_the_image_is_raised(
    models: tuple[SRNetwork, SRNetwork], photos: Path
) -> None:
    def break_down(path: Path) -> Image8:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        next(measure_differences(sorted(photos.iterdir()), models, read_lr=break_down, token=CancelToken()))
