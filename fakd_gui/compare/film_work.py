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
from fakd_core.evaluation.metrics import rgb_to_y
from fakd_core.events import CancelToken, Image8
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.opened_image import open_image
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


STRIP_PIXELS = 1_000_000


@dataclass(frozen=True)
class Ranked:
    """How far two models' outputs for `path` are apart, in grey levels; None where that can't be told."""

    path: Path
    distance: float | None
    reason: str = ""


def rank(
    paths: Sequence[Path],
    student: str,
    teacher: str,
    scale: int,
    is_lr: bool,
    models: ModelCache,
    token: CancelToken,
) -> Iterator[Ranked]:
    """The mean absolute difference on luma of `student`'s and `teacher`'s outputs, image by image.

    An image that can't be read says why, and the others go on. Raises `Cancelled`, and `FakdError` for a
    model that can't be loaded.
    """
    from fakd_core.inference.upscale import upscale

    pair = models.get(student), models.get(teacher)
    for path in paths:
        token.wait_while_paused()
        token.raise_if_cancelled()
        try:
            lr = open_image(path, scale, is_lr).lr
            first, second = (upscale(model, lr, cancel=token) for model in pair)
        except FakdError as error:
            yield Ranked(path, None, str(error))
        else:
            token.raise_if_cancelled()
            yield Ranked(path, luma_distance(first, second))


def luma_distance(a: Image8, b: Image8) -> float:
    """The mean |Y(a) − Y(b)| of two (H, W, 3) images, in grey levels; strip by strip."""
    height, width = a.shape[:2]
    rows = max(1, STRIP_PIXELS // width)
    total = 0.0
    for top in range(0, height, rows):
        strip = slice(top, top + rows)
        total += float(np.abs(rgb_to_y(a[strip]) - rgb_to_y(b[strip])).sum())
    return total / float(height * width)
