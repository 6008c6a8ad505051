"""Small pictures of image files, read on a thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtGui import QImage

from fakd_core.data.image_files import read_image
from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_gui.widgets.convert import rgb32_from_array

SIDE = (84, 56)
"""The largest width and height of a thumbnail, in pixels."""


@dataclass(frozen=True)
class Thumbnail:
    """`picture` is None for a file that can't be read."""

    path: Path
    picture: QImage | None = field(repr=False)


def thumbnails(paths: Sequence[Path], pixel_ratio: float, token: CancelToken) -> Iterator[Thumbnail]:
    """One thumbnail after the other, for a screen of `pixel_ratio`. Raises `Cancelled`."""
    largest = (round(SIDE[0] * pixel_ratio), round(SIDE[1] * pixel_ratio))
    for path in paths:
        token.raise_if_cancelled()
        try:
            small = Image.fromarray(read_image(path))
        except FakdError:
            yield Thumbnail(path, None)
            continue
        small.thumbnail(largest, Image.Resampling.BOX)
        yield Thumbnail(path, rgb32_from_array(np.asarray(small)))
