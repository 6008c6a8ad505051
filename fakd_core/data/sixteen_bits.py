"""Images of more than 8 bits per channel, of which Pillow keeps the high byte or doesn't know the range."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from fakd_core.errors import DataError
from fakd_core.events import Image8

GREY_MODES = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
"""Pillow's modes of 16-bit grey."""
_COLOUR = re.compile(r"((?:RGB|RGBA|RGBX|CMYK);16)([BLN])|(LA;16)B")
"""Pillow's raw modes of 16 bits per channel; B, L, N: big-endian, little-endian, the machine's."""
_BITS, _PHOTOMETRIC, _PLANAR = 258, 262, 284
"""Tags of TIFF."""
_ROWS_AT_ONCE = 128

Open = Callable[[Path], AbstractContextManager[ImageFile.ImageFile]]


def is_grey_with_alpha(image: ImageFile.ImageFile) -> bool:
    """True if a PNG has 16-bit grey with alpha, which Pillow gives as RGBA; before it is loaded."""
    return "LA;16B" in _raw_modes(image)


def load_rounded(path: Path, image: ImageFile.ImageFile, open_again: Open) -> Image.Image:
    """Load the pixels of `image`, the file at `path`: colours of 16 bits are rounded to 8.

    12-bit grey is scaled to 16 bits, and grey whose 0 is white is inverted.

    Raises:
        DataError: a TIFF of 16 bits per channel in separate planes, which Pillow misreads.
    """
    modes, tags = _raw_modes(image), getattr(image, "tag_v2", {})
    bits, white_is_0 = tags.get(_BITS, (8,)), tags.get(_PHOTOMETRIC) == 0
    if tags.get(_PLANAR) == 2 and max(bits) > 8 and modes <= set("RGBA"):
        raise DataError(
            f"{path}: 16 bits per channel in separate planes can't be read; save it with interleaved channels"
        )
    found = _COLOUR.fullmatch(modes.pop()) if len(modes) == 1 else None
    image.load()
    if found:
        return _rounded(image, _low_bytes(path, found, open_again))
    if image.mode == "I;16" and (bits == (12,) or white_is_0):
        values = np.array(image, dtype=np.uint16)
        if bits == (12,):
            values = (values << 4 | values >> 8).astype(np.uint16)
        return Image.fromarray(~values if white_is_0 else values)
    return image


def grey_to_rgb_and_alpha(path: Path, image: Image.Image) -> tuple[Image8, Image8 | None]:
    """Scale 16-bit grey by 255/65535 and round; raises `DataError` for values out of range."""
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if low < 0 or high > 65535:
        raise DataError(
            f"{path}: expected 16-bit grey (0..65535), found {low}..{high}; save it as 8 or 16 bit"
        )
    transparent = image.info.get("transparency")
    pixels = np.empty((*values.shape, 3), dtype=np.uint8)
    alpha = None if transparent is None else np.where(values == transparent, 0, 255).astype(np.uint8)
    for top in range(0, len(values), _ROWS_AT_ONCE):
        strip = values[top : top + _ROWS_AT_ONCE].astype(np.int64)
        pixels[top : top + _ROWS_AT_ONCE] = ((strip + 128) // 257)[:, :, None]
    return pixels, alpha


def _raw_modes(image: ImageFile.ImageFile) -> set[str]:
    """Pillow's names for how the pixels are stored in the file, before it is loaded."""
    arguments = (tile.args for tile in image.tile)
    return {one if isinstance(one, str) else str(one[0]) for one in arguments if one}


def _low_bytes(path: Path, raw_mode: re.Match[str], open_again: Open) -> npt.NDArray[np.uint8]:
    """Read the file once more as if its bytes were in the other order."""
    with open_again(path) as image:
        if raw_mode[3]:
            other = "RGBA"  # Four bytes: grey high, low, alpha high, low.
        else:
            order = raw_mode[2].replace("N", "L" if sys.byteorder == "little" else "B")
            other = raw_mode[1] + ("B" if order == "L" else "L")
        image.tile = [
            tile._replace(args=(other, *tile.args[1:]) if isinstance(tile.args, tuple) else other)
            for tile in image.tile
        ]
        image.load()
        low = np.asarray(image)
    return low[..., [1, 1, 1, 3]] if raw_mode[3] else low


def _rounded(high: Image.Image, low: npt.NDArray[np.uint8]) -> Image.Image:
    """Combine high and low bytes, and scale them by 255/65535; a transparent colour becomes alpha."""
    pixels = np.array(high)
    key = high.info.get("transparency")
    alpha = None if key is None else np.full(pixels.shape[:2], 255, np.uint8)
    for top in range(0, len(pixels), _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        values = pixels[rows].astype(np.uint32) << 8 | low[rows]
        pixels[rows] = (values + 128) // 257
        if alpha is not None:
            alpha[rows][(values == key).all(axis=2)] = 0
    if alpha is not None:
        return Image.fromarray(np.dstack([pixels, alpha]))
    return Image.frombytes(high.mode, high.size, pixels.tobytes())
