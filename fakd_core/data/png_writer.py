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
_PAETH = 4
_ROWS_AT_ONCE = 32


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
    # Enlarged photographs hold no repetitions but runs: looking for others takes most of zlib's time, and the
    # files came out no smaller.
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    above = np.zeros((1, width, 3), dtype=np.uint8)
    left = height
    for strip in strips:
        left -= len(strip)
        for top in range(0, len(strip), _ROWS_AT_ONCE):
            rows = np.concatenate([above, strip[top : top + _ROWS_AT_ONCE]])
            above = rows[-1:]
            yield packer.compress(_filtered(rows))
        # Not to be held while the next one is made.
        del strip
    if left:
        raise ValueError(f"expected strips of {height} rows together, found {height - left}")
    yield packer.flush()


def _filtered(rows: Image8) -> bytes:
    """All rows but the first, as Paeth's filter leaves them, each led by the filter's number.

    Of the pixels to the left, above, and above to the left, that one is subtracted which is nearest to
    left + above - corner; of equals the first.
    """
    wide = np.pad(rows, ((0, 0), (1, 0), (0, 0))).astype(np.int16)
    left, above, corner = wide[1:, :-1], wide[:-1, 1:], wide[:-1, :-1]
    to_left, to_above, to_corner = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
    nearest = np.where(to_above <= to_corner, above, corner)
    nearest = np.where((to_left <= to_above) & (to_left <= to_corner), left, nearest)
    height, width = nearest.shape[:2]
    result = np.empty((height, 1 + width * 3), dtype=np.uint8)
    result[:, 0] = _PAETH
    result[:, 1:] = (wide[1:, 1:] - nearest).reshape(height, -1)
    return result.tobytes()


def _chunk(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name)
    file.write(data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))
