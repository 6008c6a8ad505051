"""Thumbnails of image files, read in a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtGui import QImage

from fakd_core.data.image_files import read_image
from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_gui.widgets.convert import qimage_from_array

MAX_SIZE = (84, 56)
"""Maximum width and height of a thumbnail in logical screen pixels."""


def read_thumbnails(
    paths: Sequence[Path], pixel_ratio: float, token: CancelToken
) -> Iterator[tuple[Path, QImage | None]]:
    """Read and reduce images for a screen of `pixel_ratio`; None if one can't be read. Raises `Cancelled`."""
    max_size = (round(MAX_SIZE[0] * pixel_ratio), round(MAX_SIZE[1] * pixel_ratio))
    for path in paths:
        token.raise_if_cancelled()
        try:
            small = Image.fromarray(read_image(path))
        except FakdError:
            yield path, None
            continue
        small.thumbnail(max_size, Image.Resampling.BOX)
        yield path, qimage_from_array(np.asarray(small))
