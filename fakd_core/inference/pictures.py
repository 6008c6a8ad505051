"""Enlarges pictures with what channels they have: grey stays grey, and transparency is enlarged apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fakd_core.data.image_files import Picture, check_image_name, write_image
from fakd_core.data.png_writer import open_png
from fakd_core.data.resize import bicubic_rows
from fakd_core.events import Image8
from fakd_core.inference.upscale import Strip, UpscaleEvent

_LUMA = np.array([299, 587, 114], dtype=np.uint32)
"""Weights of R, G and B in grey, in thousandths, as in JPEG."""


def channels_of(picture: Picture) -> int:
    """The number of channels that `upscale_picture` gives."""
    return (1 if picture.is_grey else 3) + (picture.alpha is not None)


def upscale_picture(
    picture: Picture, scale: int, upscale: Callable[[Image8], Iterator[UpscaleEvent]]
) -> Iterator[UpscaleEvent]:
    """Enlarge the colours with `upscale` and the transparency with MATLAB's bicubic, strip by strip.

    The colours under transparent pixels are enlarged as they are. A grey picture gives grey, the luma of what
    `upscale` makes of it. Strips are (h, W*scale, `channels_of(picture)`).
    """
    alpha = None
    if picture.alpha is not None:
        alpha = np.broadcast_to(picture.alpha[..., None], picture.rgb.shape)
    top = 0
    for event in upscale(picture.rgb):
        if not isinstance(event, Strip):
            yield event
            continue
        pixels = event.pixels
        if picture.is_grey:
            pixels = ((pixels @ _LUMA + 500) // 1000).astype(np.uint8)[..., None]
        end = top + len(pixels) // scale
        if alpha is not None:
            pixels = np.dstack([pixels, bicubic_rows(alpha, scale, top, end)[..., :1]])
        top = end
        yield Strip(pixels)
        # Free the strip before the next one is computed.
        del event, pixels


@contextmanager
def open_image(path: Path, height: int, width: int, channels: int) -> Iterator[Callable[[Image8], None]]:
    """Open an image for writing in strips, of the format that the suffix of `path` says.

    A PNG may be larger than memory.

    Raises:
        DataError: The format can't hold such an image, or it can't be written.
        OSError: `path`, which the error names, can't be written.
    """
    check_image_name(path, (height, width, channels))
    if path.suffix.lower() == ".png":
        with open_png(path, height, width, channels) as write:
            yield write
        return
    strips: list[Image8] = []
    yield strips.append
    write_image(path, np.concatenate(strips))
