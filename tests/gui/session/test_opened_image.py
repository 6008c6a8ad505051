"""Messages about images that can't be opened as HR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fakd_core.data.image_files import write_image
from fakd_core.errors import DataError
from fakd_gui.session.opened_image import open_image


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (31, 40)])
def test_too_small_image_is_reported_with_a_way_out(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "small.png"
    write_image(path, np.zeros((*size, 3), np.uint8))
    with pytest.raises(DataError, match=r"small\.png: .*open it as a low-resolution image"):
        open_image(path, 4, is_lr=False)
    assert open_image(path, 4, is_lr=True).lr.shape == (*size, 3)
