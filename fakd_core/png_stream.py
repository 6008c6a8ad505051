"""A PNG file written strip by strip, so that an image larger than memory can be written."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fakd_core.events import Image8
from fakd_core.files import atomic_path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB8 = (8, 2, 0, 0, 0)
_UP = 2
# On photographs as small as level 6 with Pillow's filters, in a third of the time.
_LEVEL = 3


def write_png_strips(path: Path, height: int, width: int, strips: Iterable[Image8]) -> None:
    """Write `strips`, (h, width, 3) uint8 RGB from top to bottom, as one PNG of (height, width).

    A reader sees the old file or the whole new one; missing folders are made, and an error or `Cancelled`
    out of `strips` leaves nothing behind. Format: PNG specification, third edition (W3C, 2025).

    Raises `OSError` that names `path` if it can't be written.
    """
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            file.write(_SIGNATURE)
            _chunk(file, b"IHDR", struct.pack(">II5B", width, height, *_RGB8))
            for data in filter(None, _compressed(height, width, strips)):
                _chunk(file, b"IDAT", data)
            _chunk(file, b"IEND", b"")
    except OSError as error:
        # A full disk names no file, and the temporary one means nothing to anybody.
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None


def _compressed(height: int, width: int, strips: Iterable[Image8]) -> Iterator[bytes]:
    """The strips' bytes, each row led by its filter type: the differences to the row above, mod 256."""
    packer = zlib.compressobj(_LEVEL)
    above = np.zeros((1, width * 3), dtype=np.uint8)
    left = height
    for strip in strips:
        rows = strip.reshape(len(strip), width * 3)
        filtered = np.empty((len(rows), 1 + width * 3), dtype=np.uint8)
        filtered[:, 0] = _UP
        filtered[:1, 1:] = rows[:1] - above
        filtered[1:, 1:] = rows[1:] - rows[:-1]
        above = rows[-1:].copy()
        left -= len(rows)
        yield packer.compress(filtered.data)
    if left:
        raise ValueError(f"expected strips of {height} rows together, found {height - left}")
    yield packer.flush()


def _chunk(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name)
    file.write(data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))
