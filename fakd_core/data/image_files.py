"""Image files to and from 8-bit RGB arrays, and the resampling of the super-resolution papers."""

from __future__ import annotations

import ctypes
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError, _imaging

from fakd_core.data.resize import require_rgb8
from fakd_core.errors import DataError
from fakd_core.events import Image8
from fakd_core.files import atomic_path

MAX_PIXELS = 200_000_000
"""Larger images are refused: reading one takes over 3 GB. The x4 result of 12 megapixels is smaller."""

# By itself Pillow refuses less than such a result has.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# What it logs of a damaged file would be printed beside our one line.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# Of Pillow's formats those that `layouts` lists: some others start programs, such as Ghostscript for EPS.
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WRITTEN_AS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".webp": {"format": "WEBP", "lossless": True},
    ".tif": {"format": "TIFF"},
    ".tiff": {"format": "TIFF"},
    ".bmp": {"format": "BMP"},
}
_SIXTEEN_BIT_MODES = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
_WHITE = (255, 255, 255, 255)

_ROWS_AT_ONCE = 128


def read_image(path: Path) -> Image8:
    """The image at `path` as an (H, W, 3) uint8 RGB array, turned upright as its EXIF data says.

    Grey, palette, 1-bit, CMYK, YCbCr and LAB become RGB; 16-bit grey is scaled by 255/65535 and rounded
    (16-bit colour comes from Pillow as its high bytes). Transparency is composited over white, as
    a page or an image viewer shows it: the colours hidden under transparent pixels are arbitrary, and
    line art with transparency is drawn for light pages. A fully opaque alpha changes nothing. Colour
    profiles are ignored, as in all published results, and so is EXIF data that makes no sense. Of a
    camera's multi-picture JPEG the main picture is read; an animation or several pages are refused.

    Raises `DataError` for anything that is not one readable, finite-range image.

    Example:
        >>> from pathlib import Path
        >>> from fakd_core import read_image, write_image
        >>> import numpy as np
        >>> write_image(Path("ramp.png"), np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
        >>> read_image(Path("ramp.png"))[1, 2]
        array([15, 16, 17], dtype=uint8)
    """
    with _opened(path) as image:
        _require_one_picture(path, image)
        image.load()
        turn = _TURNS.get(_orientation(image))
        if turn is None:
            return _to_rgb(path, image)
        turned = image.transpose(turn)
        # Lets go of the pixels as they were.
        image.close()
        return _to_rgb(path, turned)


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) of the image at `path` as `read_image` would give it, from its header alone.

    A turn that a PNG records behind its pixels is missed: its sides come the other way round.

    Raises `DataError` as `read_image`, as far as the header tells.
    """
    with _opened(path) as image:
        # Of a TIFF Pillow tells the size as turned.
        turned = image.format != "TIFF" and _orientation(image) in range(5, 9)
        return image.size[::-1] if turned else image.size


def _orientation(image: Image.Image) -> int:
    """EXIF's 1 to 8; 1 where there is none, or none that can be read."""
    try:
        # PNG's own getexif decodes the whole image, in case something stands behind it.
        return int(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - nearly anything, and the pixels are none the worse for it
        return 1


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Pillow's image of `path`; whatever goes wrong with it inside the block is a `DataError`."""
    _silence_libtiff()
    # What Pillow warns of is either an error soon or no matter. Not undone: other threads are reading too.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        _require_file(path)
        with Image.open(path, formats=_FORMATS) as image:
            _require_size(path, image)
            yield image
    except DataError:
        raise
    except PermissionError:
        raise DataError(
            f"{path}: no permission to read it; change its permissions or those of its folder"
        ) from None
    except MemoryError:
        raise DataError(
            f"{path}: not enough memory to read it; close other programs or make it smaller"
        ) from None
    except Image.DecompressionBombError:
        raise DataError(
            f"{path}: more than {MAX_PIXELS:,} pixels; crop it or make it smaller first"
        ) from None
    except UnidentifiedImageError:
        found = "an empty file" if path.stat().st_size == 0 else "no image format that can be read"
        raise DataError(f"{path}: expected an image, found {found}; save it again as PNG or JPEG") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files.
        reason = str(error) or type(error).__name__
        raise DataError(
            f"{path}: damaged or unreadable image ({reason}); get or save a fresh copy"
        ) from error


@cache
def _silence_libtiff() -> None:
    """Pillow silences libtiff's warnings alone: its errors would be printed beside our one line."""
    with suppress(OSError, AttributeError):  # Where Pillow carries its libtiff in another way.
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path}: expected an image file, found a folder; name one of the images in it")
    if not path.exists():
        raise DataError(f"{path}: no such file; check the path")
    # A pipe would be waited for, and a device has no end.
    if not path.is_file():
        raise DataError(f"{path}: expected an image file, found a pipe or a device; name a file")


def write_image(path: Path, img: Image8) -> None:
    """Write an (H, W, 3) uint8 RGB array as PNG, JPEG, WebP, TIFF or BMP, by the suffix of `path`.

    All but JPEG (quality 95, full chroma) are lossless. A reader sees the old file or the whole new one;
    missing folders are made.

    Raises:
        DataError: an unknown suffix, another kind of array, or `path` can't be written.

    Example:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from fakd_core import write_image
        >>> write_image(Path("grey.png"), np.full((32, 48, 3), 128, dtype=np.uint8))
    """
    require_rgb8(img)
    options = _WRITTEN_AS.get(path.suffix.lower())
    if options is None:
        suffixes, found = ", ".join(_WRITTEN_AS), path.suffix or "no suffix"
        raise DataError(f"{path}: expected a name that ends in {suffixes}, found {found}")
    try:
        with atomic_path(path) as temporary:
            Image.fromarray(img).save(temporary, **options)
    except OSError as error:
        raise DataError(
            f"{path}: can't write the image ({error.strerror or error}); choose another folder"
        ) from error


def _require_size(path: Path, image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{path}: {width}x{height} is more than {MAX_PIXELS:,} pixels; crop it or make it smaller first"
        )


def _require_one_picture(path: Path, image: Image.Image) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise DataError(
            f"{path}: expected one picture, found {frames} frames or pages; save one of them as PNG"
        )


def _to_rgb(path: Path, image: Image.Image) -> Image8:
    if image.mode == "F":
        raise DataError(f"{path}: floating-point pixels have no fixed range; save it as 8 or 16 bit first")
    if image.mode in _SIXTEEN_BIT_MODES:
        return _grey16_to_rgb(path, image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba)
    return _pixels(image if image.mode == "RGB" else image.convert("RGB"))


def _pixels(image: Image.Image) -> Image8:
    """An RGB image's (H, W, 3) array, strip by strip: its bytes as a whole would be in memory twice more."""
    width, height = image.size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for top in range(0, height, _ROWS_AT_ONCE):
        strip = image.crop((0, top, width, min(top + _ROWS_AT_ONCE, height)))
        pixels[top : top + strip.height] = np.frombuffer(strip.tobytes(), np.uint8).reshape(-1, width, 3)
    return pixels


def _grey16_to_rgb(path: Path, image: Image.Image) -> Image8:
    values = np.asarray(image)
    least, most = values.min(), values.max()
    if least < 0 or most > 65535:
        raise DataError(
            f"{path}: expected 16-bit grey (0..65535), found {least}..{most}; save it as 8 or 16 bit"
        )
    key = image.info.get("transparency")
    pixels = np.empty((*values.shape, 3), dtype=np.uint8)
    for top in range(0, len(values), _ROWS_AT_ONCE):
        strip = values[top : top + _ROWS_AT_ONCE].astype(np.int64)
        grey = (strip + 128) // 257
        if key is not None:
            grey[strip == key] = 255
        pixels[top : top + _ROWS_AT_ONCE] = grey[:, :, None]
    return pixels
