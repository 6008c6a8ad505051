"""Writes PNG files strip by strip, so that an image may be larger than memory."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fakd_core.events import Image8
from fakd_core.files import atomic_path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""PNG's colour types by the number of channels: grey, grey and alpha, RGB, RGBA."""
_PAETH = 4
_ROWS_AT_ONCE = 32


@contextmanager
def open_png(path: Path, height: int, width: int, channels: int = 3) -> Iterator[Callable[[Image8], None]]:
    """Open a PNG of (height, width) for writing; gives the function that writes the next strip.

    Strips are (h, width, channels) uint8: grey, grey and alpha, RGB or RGBA, from top to bottom. Readers see
    either the old file or the complete new one; an exception in the block leaves no file. Missing folders are
    created. Format: PNG specification, third edition (W3C, 2025).

    Raises:
        OSError: `path`, which the error names, can't be written.
        ValueError: the strips don't have `height` rows in total.
    """
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            file.write(_SIGNATURE)
            _chunk(file, b"IHDR", struct.pack(">II5B", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0))
            # Enlarged photographs have runs but no repetitions: a search for others takes most of zlib's time
            # and makes the files no smaller.
            packer = zlib.compressobj(strategy=zlib.Z_RLE)
            written, above = 0, np.zeros((1, width, channels), dtype=np.uint8)

            def write(strip: Image8) -> None:
                nonlocal written, above
                written += len(strip)
                for top in range(0, len(strip), _ROWS_AT_ONCE):
                    rows = np.concatenate([above, strip[top : top + _ROWS_AT_ONCE]])
                    above = rows[-1:]
                    if data := packer.compress(_filter(rows)):
                        _chunk(file, b"IDAT", data)

            yield write
            if written != height:
                raise ValueError(f"expected strips with {height} rows in total, found {written}")
            _chunk(file, b"IDAT", packer.flush())
            _chunk(file, b"IEND", b"")
    except OSError as error:
        # A full disk names no file, and the name of the temporary one helps nobody.
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None


def _filter(rows: Image8) -> bytes:
    """Apply Paeth's filter to all rows but the first, and put the filter's number before each row.

    It subtracts the neighbour to the left, above, or above to the left (the corner) that is nearest to
    left + above - corner; in this order if several are equally near.
    """
    wide = np.pad(rows, ((0, 0), (1, 0), (0, 0))).astype(np.int16)
    left, above, corner = wide[1:, :-1], wide[:-1, 1:], wide[:-1, :-1]
    to_left, to_above, to_corner = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
    nearest = np.where(to_above <= to_corner, above, corner)
    nearest = np.where((to_left <= to_above) & (to_left <= to_corner), left, nearest)
    height = len(nearest)
    result = np.empty((height, 1 + nearest[0].size), dtype=np.uint8)
    result[:, 0] = _PAETH
    result[:, 1:] = (wide[1:, 1:] - nearest).reshape(height, -1)
    return result.tobytes()


def _chunk(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name)
    file.write(data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))
