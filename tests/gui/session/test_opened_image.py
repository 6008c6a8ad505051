"""Messages about images that can't be opened as HR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fakd_core.data.image_files import write_image
from fakd_core.errors import DataError
from fakd_gui.compare.captions import image_text
from fakd_gui.session.opened_image import open_image


@pytest.mark.parametrize("is_lr", [True, False])
def test_transparent_pixels_are_shown_on_white_and_that_is_said(tmp_path: Path, is_lr: bool) -> None:
    path = tmp_path / "a.png"
    write_image(path, np.zeros((32, 32, 4), np.uint8))
    image = open_image(path, 4, is_lr=is_lr)
    assert (image.lr == 255).all()
    assert image_text(image).endswith(" · transparent pixels shown on white")
    write_image(path, np.full((32, 32, 4), 255, np.uint8))
    assert "transparent" not in image_text(open_image(path, 4, is_lr=is_lr))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (31, 40)])
def test_too_small_image_is_reported_with_a_way_out(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "small.png"
    write_image(path, np.zeros((*size, 3), np.uint8))
    with pytest.raises(DataError, match=r"small\.png: .*open it as a low-resolution image"):
        open_image(path, 4, is_lr=False)
    assert open_image(path, 4, is_lr=True).lr.shape == (*size, 3)
