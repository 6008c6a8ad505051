"""Cases of images: valid and damaged files, and the expected pixels or error line of each."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from image_files import (
    FEW,
    GREY,
    GREY_RGB,
    HEIGHT,
    LOSSY,
    RGB,
    SHOWN,
    SIXTEEN,
    TURNED,
    WIDTH,
    X,
    alpha_bmp,
    bmp,
    bmp_rows,
    chunk,
    drawn,
    encoded,
    flipped,
    float_tiff,
    frames,
    interlaced,
    inverted,
    oriented,
    packed,
    png,
    rows_of,
    shown_png,
    tiff,
    transparent,
    wide_bmp,
    wide_gif,
    wide_jpeg,
    wide_webp,
    without,
    ycck,
)
from PIL import Image, ImageCms

from fakd_core.events import Image8


@dataclass(frozen=True)
class ImageCase:
    """`expected` is the pixels, or a pattern that the error line matches."""

    file: str
    content: bytes | Callable[[Path], object]
    expected: Image8 | str
    tolerance: int = 0

    def make(self, folder: Path) -> Path:
        path = folder / self.file
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content(path)
        return path

    @property
    def good(self) -> bool:
        return not isinstance(self.expected, str)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LAB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
HALF_WHITE = np.where(np.array(FEW)[..., None] == 3, 255, 200).repeat(3, 2).astype(np.uint8)
BITS = FEW.convert("1", dither=Image.Dither.NONE)
PNG, STORED = encoded("PNG"), encoded("PNG", compress_level=0)
JPEG = encoded("JPEG", quality=95, subsampling=0)
LZW, TIFF_JPEG = encoded("TIFF", compression="tiff_lzw"), encoded("TIFF", compression="jpeg", quality=95)
FIFTY_MB, ONE_MB = zlib.compress(bytes(50_000_000)), zlib.compress(bytes(1 << 20))
BLACK = np.zeros((9, 9, 3), np.uint8)
TILES = {"t324": (4, 8), "t325": (4, 300)}
WIDE_TILES = {**TILES, "t322": (4, 2**20), "t323": (4, 2**20)}
LAB_RGB = np.tile(np.uint8([188, 198, 172]), (9, 9, 1))
WHITE = np.full_like(RGB, 255)
BITS_RGB = np.array(BITS.convert("RGB"))
OPAQUE_GREY = Image.merge("LA", [Image.fromarray(GREY), Image.new("L", (WIDTH, HEIGHT), 255)])
GREY_ALPHA_16 = np.dstack([SIXTEEN[..., 2], np.full((HEIGHT, WIDTH), 65535, np.uint16)])
FINE: dict[str, object] = {"quality": 95, "subsampling": 0}
ONE_KIND: dict[str, tuple[str, dict[str, object]]] = {
    "PNG": ("png", {"compress_level": 0}), "JPEG": ("jpg", FINE),
    "WEBP": ("webp", {"lossless": True}), "TIFF": ("tif", {}),
}  # fmt: skip
FINE_16 = np.random.default_rng(5).integers(0, 65536, (HEIGHT, WIDTH, 3), np.uint16)
ROUNDED = np.rint(FINE_16 / 257).astype(np.uint8)
CMYK_16 = np.dstack([~SIXTEEN, 0 * SIXTEEN[..., 0]])
FOUR_BITS = chunk(b"PLTE", bytes(np.arange(16, dtype=np.uint8).repeat(3) * 16))
NIBBLES = GREY_RGB // 16 * 16
BLACK_IN_RGB = (RGB == 0).all(axis=2, keepdims=True)
BITS_555 = (RGB >> 3).astype("<u2") @ np.array([1 << 10, 1 << 5, 1], "<u2")
RUNS = (
    b"".join(b"".join(bytes([1, value]) for value in row) + b"\0\0" for row in np.array(FEW)[::-1]) + b"\0\1"
)
Image.init()
AVIF = (
    [("rgb.avif", encoded("AVIF", quality=100, subsampling="4:4:4"), RGB, LOSSY)]
    if "AVIF" in Image.SAVE
    else []
)
"""Pillow reads it from 11.3 on."""
FEW_PALETTE = b"".join(bytes([value, value, value, 0]) for value in range(256))
LOOP = tiff(WIDTH, HEIGHT, RGB.tobytes(), 8, 3)[:-4] + struct.pack("<I", 8 + RGB.size)
"""A TIFF whose next page is itself."""
DAMAGED, EMPTY = "damaged or unreadable", "expected an image, found an empty file"
NO_IMAGE, SEVERAL = "expected an image, found no image format", "expected one picture, found 3 frames"
FLOATING, LARGE = "floating-point pixels have no fixed range", "more than 200,000,000 pixels"
REFUSED = f"{DAMAGED}|{NO_IMAGE}"


def _truncated() -> Iterator[ImageCase]:
    for kind, (suffix, options) in {**ONE_KIND, "BMP": ("bmp", {}), "GIF": ("gif", {})}.items():
        data = encoded(kind, SHOWN, **options)
        for percent in (10, 50, 90, 99):
            yield ImageCase(f"cut-{percent}.{suffix}", data[: len(data) * percent // 100], REFUSED)


def _turned() -> Iterator[ImageCase]:
    for kind, (suffix, options) in ONE_KIND.items():
        tolerance = LOSSY if kind == "JPEG" else 0
        for number, turn in TURNED.items():
            data = encoded(kind, SHOWN, exif=oriented(number), **options)
            yield ImageCase(f"exif-{number}.{suffix}", data, np.ascontiguousarray(turn(RGB)), tolerance)


_PILLOW = tuple(map(int, PIL.__version__.split(".")[:2]))
"""Before 11.3 it writes damaged files of several JPEGs; before 12.0 it can't read uncompressed YCbCr."""
# One case a line: file, its bytes or how it is made, what it must come to, and within how many levels.
# fmt: off
_WHOLE: tuple[tuple[Any, ...], ...] = (
    ("jpeg.png", JPEG, RGB, LOSSY),
    ("png.jpg", PNG, RGB),
    ("unnamed", PNG, RGB),
    ("UPPER.PNG", PNG, RGB),
    ("ünï cödé \u65e5\u672c.png", PNG, RGB),
    ("1x1.png", encoded("PNG", drawn(1, 1)), drawn(1, 1)),
    ("1x5000.png", encoded("PNG", drawn(1, 5000)), drawn(1, 5000)),
    ("5000x1.png", encoded("PNG", drawn(5000, 1)), drawn(5000, 1)),
    ("one-frame.gif", encoded("GIF", FEW), np.array(FEW.convert("RGB"))),
    ("camera.jpg", frames("MPO", 3, **FINE), RGB if _PILLOW >= (11, 3) else "unreadable", LOSSY),
    ("cmyk.jpg", encoded("JPEG", inverted(RGB), quality=95), RGB, LOSSY),
    ("cmyk.tif", encoded("TIFF", inverted(RGB)), RGB),
    ("ycbcr.tif", encoded("TIFF", SHOWN.convert("YCbCr")), RGB if _PILLOW >= (12, 0) else "unreadable", 3),
    ("lab.tif", encoded("TIFF", Image.new("LAB", (9, 9), (200, 120, 140))), LAB_RGB, 3),
    ("grey-16.png", png(WIDTH, HEIGHT, 16, 0, rows_of(SIXTEEN[..., 2])), GREY_RGB),
    ("grey-16.tif", encoded("TIFF", SIXTEEN[..., 2]), GREY_RGB),
    ("grey-16-lzw.tif", encoded("TIFF", SIXTEEN[..., 2], compression="tiff_lzw"), GREY_RGB),
    ("grey-alpha-16.png", png(WIDTH, HEIGHT, 16, 4, rows_of(GREY_ALPHA_16)), GREY_RGB),
    ("rgb-16.png", png(WIDTH, HEIGHT, 16, 2, rows_of(SIXTEEN)), RGB),
    ("rgb-16.tif", tiff(WIDTH, HEIGHT, SIXTEEN.astype("<u2").tobytes(), 16, 3), RGB),
    ("rgb-16-low.png", png(WIDTH, HEIGHT, 16, 2, rows_of(FINE_16)), ROUNDED),
    ("rgb-16-interlaced.png", png(WIDTH, HEIGHT, 16, 2, interlaced(FINE_16), interlaced=1), ROUNDED),
    ("rgb-16-low.tif", tiff(WIDTH, HEIGHT, FINE_16.astype("<u2").tobytes(), 16, 3), ROUNDED),
    ("rgb-16-low.ppm", b"P6 50 34 65535\n" + FINE_16.astype(">u2").tobytes(), ROUNDED),
    ("cmyk-16.tif", tiff(WIDTH, HEIGHT, CMYK_16.astype("<u2").tobytes(), 16, 4, t262=(3, 5)), RGB),
    ("white-is-0.tif", tiff(WIDTH, HEIGHT, (255 - GREY).tobytes(), 8, 1, t262=(3, 0)), GREY_RGB),
    ("white-is-0-16.tif", tiff(WIDTH, HEIGHT, (~SIXTEEN[..., 2]).tobytes(), 16, 1, t262=(3, 0)), GREY_RGB),
    ("grey-12.tif", tiff(WIDTH, HEIGHT, b"\xff" * (WIDTH * HEIGHT * 3 // 2), 12, 1), WHITE),
    ("grey-1000.pgm", b"P5 1 1 1000\n" + struct.pack(">H", 1000), np.full((1, 1, 3), 255, np.uint8)),
    ("grey-2.png", png(WIDTH, HEIGHT, 2, 0, rows_of(packed(GREY >> 6, 2))), GREY_RGB // 64 * 85),
    ("palette-4.png", png(WIDTH, HEIGHT, 4, 3, rows_of(packed(GREY >> 4, 4)), FOUR_BITS), NIBBLES),
    ("key-rgb.png", shown_png(chunk(b"tRNS", bytes(6))), np.where(BLACK_IN_RGB, 255, RGB)),
    ("ycck.jpg", ycck(), RGB, LOSSY),
    ("alpha-0.bmp", alpha_bmp(0), RGB),
    ("alpha-255.bmp", alpha_bmp(255), RGB),
    ("top-down.bmp", bmp(24, bmp_rows(RGB[::-1, :, ::-1]), top_down=True), RGB),
    ("no-alpha.bmp", bmp(32, bmp_rows(np.dstack([RGB[..., ::-1], 0 * GREY]))), RGB),
    ("555.bmp", bmp(16, bmp_rows(BITS_555)), RGB, 9),
    ("run-lengths.bmp", bmp(8, RUNS, compression=1, between=FEW_PALETTE), np.array(FEW.convert("RGB"))),
    ("photo.jfif", JPEG, RGB, LOSSY),
    ("photo.jpe", JPEG, RGB, LOSSY),
    ("frame.apng", PNG, RGB),
    ("bits.png", encoded("PNG", BITS), BITS_RGB),
    ("bits.tif", encoded("TIFF", BITS, compression="group4"), BITS_RGB),
    ("bits.bmp", encoded("BMP", BITS), BITS_RGB),
    ("grey.png", encoded("PNG", GREY), GREY_RGB),
    ("grey.jpg", encoded("JPEG", GREY, quality=95), GREY_RGB, LOSSY),
    ("grey.jp2", encoded("JPEG2000", GREY), GREY_RGB),
    ("rgb.jp2", encoded("JPEG2000"), RGB),
    *AVIF,
    ("rgb.ppm", encoded("PPM"), RGB),
    ("rgb.bmp", encoded("BMP"), RGB),
    ("letters.ppm", b"P3 2 1 255\n1 2 3 4 5 6\n", np.uint8([[[1, 2, 3], [4, 5, 6]]])),
    ("lzw.tif", encoded("TIFF", compression="tiff_lzw"), RGB),
    ("jpeg.tif", encoded("TIFF", compression="jpeg", quality=95), RGB, 2 * LOSSY),
    ("interlaced.png", png(WIDTH, HEIGHT, 8, 2, interlaced(RGB), interlaced=1), RGB),
    ("progressive.jpg", encoded("JPEG", progressive=True, **FINE), RGB, LOSSY),
    ("palette.png", encoded("PNG", FEW.convert("P")), np.array(FEW.convert("RGB"))),
    ("palette-index.png", encoded("PNG", FEW.convert("P"), transparency=3), HALF_WHITE),
    ("palette-bytes.png", encoded("PNG", FEW.convert("P"), transparency=b"\xff\xff\xff\0"), HALF_WHITE),
    ("palette.gif", encoded("GIF", FEW.convert("P"), transparency=3), HALF_WHITE),
    ("grey-key.png", encoded("PNG", FEW, transparency=3), HALF_WHITE),
    ("grey-alpha.png", encoded("PNG", OPAQUE_GREY), GREY_RGB),
    ("opaque.png", encoded("PNG", transparent(255)), RGB),
    ("clear.png", encoded("PNG", transparent(0)), WHITE),
    ("clear.webp", encoded("WEBP", transparent(0), lossless=True), WHITE),
    ("clear.tif", encoded("TIFF", transparent(0)), WHITE),
    ("icc-srgb.png", encoded("PNG", icc_profile=SRGB), RGB),
    ("icc-srgb.jpg", encoded("JPEG", icc_profile=SRGB, **FINE), RGB, LOSSY),
    ("icc-lab.png", encoded("PNG", icc_profile=LAB_PROFILE), RGB),
    ("icc-lab-cmyk.jpg", encoded("JPEG", inverted(RGB), icc_profile=LAB_PROFILE, quality=95), RGB, LOSSY),
    ("icc-noise.png", encoded("PNG", icc_profile=b"no profile"), RGB),
    ("icc-noise.jpg", encoded("JPEG", icc_profile=b"no profile", **FINE), RGB, LOSSY),
    ("icc-cut.png", encoded("PNG", icc_profile=SRGB[:200]), RGB),
    ("icc-cut.tif", encoded("TIFF", icc_profile=SRGB[:200]), RGB),
    ("iccp-noise.png", shown_png(chunk(b"iCCP", b"a\0\0noise")), RGB),
    ("exif-cut.jpg", encoded("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff", **FINE), RGB, LOSSY),
    ("exif-noise.jpg", encoded("JPEG", exif=b"Exif\0\0noise", **FINE), RGB, LOSSY),
    ("exif-noise.png", encoded("PNG", exif=b"noise"), RGB),
    ("exif-9.png", encoded("PNG", exif=oriented(9)), RGB),
    ("crc-pixels.png", flipped(PNG, PNG.index(b"IEND") - 8), RGB),
    ("no-end.png", PNG[:-12], RGB),
    ("more-behind.png", PNG + b"something else" * 99, RGB),
    ("loop.tif", LOOP, RGB),
)
_REFUSED: tuple[tuple[Any, ...], ...] = (
    ("empty.png", b"", EMPTY),
    ("empty.jpg", b"", EMPTY),
    ("zeros.png", bytes(5000), NO_IMAGE),
    ("noise.tif", np.random.default_rng(0).bytes(5000), NO_IMAGE),
    ("text.png", b"not an image\n", NO_IMAGE),
    ("postscript.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", NO_IMAGE),
    ("page.jpg", b"<!DOCTYPE html><title>404</title>", NO_IMAGE),
    ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", NO_IMAGE),
    ("signature.png", PNG[:8], NO_IMAGE),
    ("no-columns.png", png(0, 9, 8, 2, b"\0" * 9), REFUSED),
    ("animated.gif", frames("GIF", 3), SEVERAL),
    ("animated.png", frames("PNG", 3), SEVERAL),
    ("animated.webp", frames("WEBP", 3, lossless=True), SEVERAL),
    ("pages.tif", frames("TIFF", 3), SEVERAL),
    ("planes-16.tif", tiff(WIDTH, HEIGHT, SIXTEEN.tobytes(), 16, 3, t284=(3, 2)), "in separate planes"),
    ("heic.png", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", NO_IMAGE),
    *([("animated.avif", frames("AVIF", 3), SEVERAL)] if AVIF else []),
    ("grey-32.tif", encoded("TIFF", np.full((9, 9), 70_000, np.int32)), "0..65535"),
    ("minus.tif", encoded("TIFF", np.full((9, 9), -5, np.int32)), "0..65535"),
    ("float-0-to-1.tif", float_tiff(X / 50), FLOATING),
    ("float-0-to-255.tif", float_tiff(X * 5), FLOATING),
    ("float-nan.tif", float_tiff(np.where(X == 3, np.nan, X)), FLOATING),
    ("float-inf.tif", float_tiff(np.where(X == 3, np.inf, X)), FLOATING),
    ("float-rgb.tif", tiff(9, 9, bytes(9 * 9 * 12), 32, 3, t339=(3, 3)), REFUSED),
    ("crc-header.png", flipped(PNG, 29), REFUSED),
    ("pixels.png", flipped(PNG, len(PNG) // 2), DAMAGED),
    ("stored-pixels.png", flipped(STORED, len(STORED) // 2), DAMAGED),
    ("no-pixels.png", without(PNG, b"IDAT"), DAMAGED),
    ("no-header.png", without(PNG, b"IHDR"), REFUSED),
    ("lzw-bits.tif", LZW[:60] + b"\xff" * 60 + LZW[120:], DAMAGED),
    ("jpeg-marker.tif", flipped(TIFF_JPEG, TIFF_JPEG.index(b"\xff\xda") + 1), DAMAGED),
    ("short-rows.png", png(WIDTH, HEIGHT, 8, 2, rows_of(RGB)[:-500]), DAMAGED),
    ("folder.png", Path.mkdir, "found a folder"),
    ("dangling.png", lambda path: path.symlink_to(path.parent / "gone"), "no such file"),
    ("itself.png", lambda path: path.symlink_to(path), "no such file"),
    ("pipe.png", os.mkfifo, "expected an image file, found a pipe"),
    ("device.png", lambda path: path.symlink_to("/dev/zero"), "found a pipe or a device"),
)
# Small files that would fill the memory.
_BOMBS: tuple[tuple[Any, ...], ...] = (
    ("60000x60000.png", png(60_000, 60_000, 8, 2, b""), LARGE),
    ("2147483647.png", png(2**31 - 1, 2**31 - 1, 8, 6, b""), LARGE),
    ("20000x20000.png", png(20_000, 20_000, 1, 0, bytes(20_000 * 2501)), LARGE),
    ("claims-196M.png", png(14_000, 14_000, 8, 2, b""), DAMAGED),
    ("60000x60000.bmp", wide_bmp(), LARGE),
    ("60000x60000.tif", tiff(60_000, 60_000, bytes(100), 8, 3), LARGE),
    ("65000x65000.gif", wide_gif(), LARGE),
    ("60000x60000.ppm", b"P6 60000 60000 255\n", LARGE),
    ("65500x65500.jpg", wide_jpeg(), LARGE),
    ("16383x16383.webp", wide_webp(), LARGE),
    ("tiles.tif", tiff(9, 9, bytes(300), 8, 3, **TILES, t322=(4, 2**31 - 16), t323=(4, 2**31 - 16)), BLACK),
    ("lzw-tiles.tif", tiff(9, 9, bytes(300), 8, 3, **WIDE_TILES, t259=(3, 5)), REFUSED),
    ("strip.tif", tiff(9, 9, bytes(300), 8, 3, t279=(4, 2**32 - 1)), BLACK),
    ("samples.tif", tiff(9, 9, bytes(300), 8, 65_535), REFUSED),
    ("iccp.png", shown_png(chunk(b"iCCP", b"a\0\0" + FIFTY_MB)), DAMAGED),
    ("ztxt.png", shown_png(chunk(b"zTXt", b"a\0\0" + FIFTY_MB)), DAMAGED),
    ("itxt.png", shown_png(chunk(b"iTXt", b"a\0\1\0\0\0" + FIFTY_MB)), DAMAGED),
    ("texts.png", shown_png(chunk(b"zTXt", b"a\0\0" + ONE_MB) * 99), DAMAGED),
    ("chunk.png", PNG[:33] + struct.pack(">I", 2**31 - 1) + b"tEXt" + bytes(99), DAMAGED),
    ("rows.png", png(9, 9, 8, 2, bytes(50_000_000)), BLACK),
)
# fmt: on

BOMBS = [ImageCase(*case) for case in _BOMBS]
CASES = [
    *_truncated(),
    *_turned(),
    *(ImageCase(*case) for case in _WHOLE),
    *(ImageCase(*case) for case in _REFUSED),
    *BOMBS,
]
