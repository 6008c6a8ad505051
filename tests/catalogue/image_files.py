"""Image files of all kinds, made from a few small images."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from fakd_core.events import Image8

HEIGHT, WIDTH = 34, 50
Y, X = np.mgrid[:HEIGHT, :WIDTH]
RGB: Image8 = np.dstack([X * 5, Y * 7, (X + Y) * 3]).astype(np.uint8)
"""Smooth, so that JPEG changes little, and different in every corner, so that a wrong rotation shows."""
GREY = RGB[..., 2]
GREY_RGB = np.repeat(GREY[..., None], 3, axis=2)
SIXTEEN = RGB.astype(np.uint16) * 257
SHOWN = Image.fromarray(RGB)
LOSSY = 12
"""Maximum error of JPEG in grey levels of 255."""
FEW = Image.fromarray(np.where(X + Y < 40, 3, 200).astype(np.uint8))
"""Two colours only."""


def encoded(kind: str, image: Image.Image | np.ndarray = SHOWN, **options: object) -> bytes:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    kept = io.BytesIO()
    image.save(kept, kind, **options)
    return kept.getvalue()


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def png(
    width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes, interlaced: int = 0
) -> bytes:
    """Encode a PNG that Pillow can't write; `extra` chunks come before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def rows_of(pixels: np.ndarray) -> bytes:
    """Unfiltered PNG rows, most significant byte first."""
    return b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)


def interlaced(pixels: np.ndarray) -> bytes:
    """Adam7's seven passes over (H, W, 3)."""
    steps = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    return b"".join(rows_of(pixels[top::down, left::right]) for top, left, down, right in steps)


def bmp(
    bits: int, data: bytes, *, compression: int = 0, between: bytes = b"", top_down: bool = False
) -> bytes:
    """Encode a BMP; `between` header and pixels stand masks or the palette."""
    height = -HEIGHT if top_down else HEIGHT
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, len(data), 0, 0, 0, 0)
    start = 14 + len(header) + len(between)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + between + data


def bmp_rows(pixels: np.ndarray) -> bytes:
    """Rows from the bottom up, each padded to four bytes."""
    rows = (row.tobytes() for row in pixels[::-1])
    return b"".join(row + bytes(-len(row) % 4) for row in rows)


def alpha_bmp(alpha: int) -> bytes:
    """A 32-bit BMP with an alpha mask, and the same alpha everywhere."""
    header = struct.pack("<IiiHHIIiiII", 108, WIDTH, HEIGHT, 1, 32, 3, WIDTH * HEIGHT * 4, 0, 0, 0, 0)
    header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    data = bmp_rows(np.dstack([RGB[..., ::-1], np.full((HEIGHT, WIDTH), alpha, np.uint8)]))
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(data), 0, 0, 14 + len(header)) + header + data


def packed(values: np.ndarray, depth: int) -> np.ndarray:
    """Several values of `depth` bits in each byte, the first in the highest bits."""
    per_byte = 8 // depth
    padded = np.pad(values, ((0, 0), (0, -values.shape[1] % per_byte)))
    shifts = [depth * (per_byte - 1 - place) for place in range(per_byte)]
    return sum(padded[:, place::per_byte] << shift for place, shift in enumerate(shifts)).astype(np.uint8)


def ycck() -> bytes:
    """A JPEG of luma, chroma and black, as Photoshop writes it; Pillow writes only CMYK."""
    luma_and_chroma = Image.fromarray(255 - RGB).convert("YCbCr").split()
    channels = [Image.fromarray(255 - np.asarray(channel)) for channel in luma_and_chroma]
    image = Image.merge("CMYK", [*channels, Image.new("L", (WIDTH, HEIGHT))])
    data = encoded("JPEG", image, quality=97, subsampling=0)
    place = data.index(b"Adobe") + 11
    return data[:place] + b"\2" + data[place + 1 :]


def tiff(width: int, height: int, data: bytes, bits: int, samples: int, **tags: tuple[int, int]) -> bytes:
    """Encode a TIFF of one strip; `tags` are `t{number}=(type, value)` and override the usual ones."""
    usual = {
        256: (4, width), 257: (4, height), 258: (3, bits), 259: (3, 1), 262: (3, 2 if samples == 3 else 1),
        273: (4, 8), 277: (3, samples), 278: (4, height), 279: (4, len(data)),
    }  # fmt: skip
    entries = usual | {int(name[1:]): value for name, value in tags.items()}
    packed = [
        struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", value) for tag, (kind, value) in entries.items()
    ]
    directory = struct.pack("<H", len(packed)) + b"".join(sorted(packed, key=lambda entry: entry[:2][::-1]))
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + struct.pack("<I", 0)


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


TURNED: dict[int, Callable[[Image8], Image8]] = {
    1: lambda img: img,
    2: np.fliplr,
    3: lambda img: np.rot90(img, 2),
    4: np.flipud,
    5: lambda img: img.swapaxes(0, 1),
    6: lambda img: np.rot90(img, -1),
    7: lambda img: np.rot90(img, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""The transform from stored to upright pixels, by EXIF orientation."""


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]


def without(data: bytes, kind: bytes) -> bytes:
    """Remove a PNG's first chunk of `kind`."""
    begin = data.index(kind) - 4
    return data[:begin] + data[begin + 12 + struct.unpack(">I", data[begin : begin + 4])[0] :]


def frames(kind: str, count: int, **options: object) -> bytes:
    first, *others = (Image.fromarray(np.roll(RGB, 9 * number, axis=0)) for number in range(count))
    return encoded(kind, first, save_all=True, append_images=others, **options)


def inverted(pixels: Image8) -> Image.Image:
    """Convert to CMYK without black, which converts back to the same pixels."""
    return Image.merge("CMYK", [*Image.fromarray(255 - pixels).split(), Image.new("L", pixels.shape[1::-1])])


def transparent(alpha: int) -> Image8:
    return np.dstack([RGB, np.full((HEIGHT, WIDTH), alpha, np.uint8)])


def drawn(width: int, height: int) -> Image8:
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


def float_tiff(values: np.ndarray) -> bytes:
    return encoded("TIFF", values.astype(np.float32))


def wide_webp() -> bytes:
    """Encode a lossless WebP whose header claims the largest size of WebP."""
    data = bytearray(encoded("WEBP", SHOWN, lossless=True))
    place = data.index(b"VP8L") + 9
    data[place : place + 4] = struct.pack("<I", (16382 | 16382 << 14) | data[place + 3] & 0xF0 << 24)
    return bytes(data)


def wide_bmp() -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header


def wide_gif() -> bytes:
    data = encoded("GIF", FEW)
    return data[:6] + struct.pack("<HH", 65_000, 65_000) + data[10:]


def wide_jpeg() -> bytes:
    return encoded("JPEG").replace(struct.pack(">HH", HEIGHT, WIDTH), struct.pack(">HH", 65_500, 65_500))


def shown_png(*extra: bytes) -> bytes:
    return png(WIDTH, HEIGHT, 8, 2, rows_of(RGB), *extra)
