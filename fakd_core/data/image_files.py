"""Reads and writes image files as 8-bit RGB arrays."""

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

# Pillow's decoders of the suffixes in `folders`. Others start programs, such as Ghostscript for EPS.
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF")
_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_JPEG = {"quality": 95, "subsampling": 0}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {".png": {}, ".jpg": _JPEG, ".jpeg": _JPEG}
_SAVE_OPTIONS |= {".webp": {"lossless": True}, ".tif": {}, ".tiff": {}, ".bmp": {}}
"""By suffix, from which Pillow takes the format."""
_SIXTEEN_BIT_MODES = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
_ROWS_AT_ONCE = 128


def read_image(path: Path) -> Image8:
    """Read the image at `path` as an (H, W, 3) uint8 RGB array, rotated upright according to its EXIF data.

    Grey, palette, 1-bit, CMYK, YCbCr and LAB become RGB; 16-bit grey is scaled by 255/65535 and rounded
    (Pillow gives 16-bit colour as its high bytes). Transparency is composited over white, as a page or an
    image viewer shows it: the colours hidden under transparent pixels are arbitrary, and line art with
    transparency is drawn for light pages. A fully opaque alpha changes nothing. Colour profiles are ignored,
    as in all published results, and so is invalid EXIF data. The main picture of a camera's multi-picture
    JPEG is read; animations and files of several pages are refused.

    Raises:
        DataError: `path` is not one readable image of a finite range.

    Example:
        >>> from pathlib import Path
        >>> from fakd_core import read_image, write_image
        >>> import numpy as np
        >>> write_image(Path("ramp.png"), np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
        >>> read_image(Path("ramp.png"))[1, 2]
        array([15, 16, 17], dtype=uint8)
    """
    with _open(path) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":
            raise DataError(
                f"{path}: expected one picture, found {frames} frames or pages; save one of them as PNG"
            )
        image.load()
        transpose = _TRANSPOSES.get(_orientation(image))
        if transpose is None:
            return _to_rgb(path, image)
        upright = image.transpose(transpose)
        # Free the untransposed pixels.
        image.close()
        return _to_rgb(path, upright)


def image_size(path: Path) -> tuple[int, int]:
    """Read (width, height) of the image at `path` as `read_image` gives it, from its header alone.

    An orientation stored after a PNG's pixel data is not seen: width and height are then swapped.

    Raises:
        DataError: the header shows that `read_image` would refuse the file.
    """
    with _open(path) as image:
        # Pillow reports a TIFF's size after orientation.
        is_swapped = image.format != "TIFF" and _orientation(image) in range(5, 9)
        return image.size[::-1] if is_swapped else image.size


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 if it is absent or unreadable."""
    try:
        # PNG's own getexif decodes the whole image to look for EXIF data after it.
        return int(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF data raises nearly anything, and the pixels may be fine
        return 1


@contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    """Open `path` with Pillow; any failure inside the block becomes a `DataError`."""
    _prepare_pillow()
    # Whatever Pillow warns of either fails soon or is harmless. Not undone, as other threads may be reading.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        _require_file(path)
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DataError(
                    f"{path}: {width}x{height} is more than {MAX_PIXELS:,} pixels; "
                    "crop it or make it smaller first"
                )
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
def _prepare_pillow() -> None:
    """Let Pillow read all that `MAX_PIXELS` allows, and keep its and libtiff's own output off stderr.

    Threads that come first at the same time do the same twice, which is harmless.
    """
    if Image.MAX_IMAGE_PIXELS is not None:
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, MAX_PIXELS)
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    # Pillow silences libtiff's warnings, but not its errors.
    with suppress(OSError, AttributeError):  # Some builds of Pillow link libtiff in another way.
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path}: expected an image file, found a folder; name one of the images in it")
    if not path.exists():
        raise DataError(f"{path}: no such file; check the path")
    # Reading a pipe would block, and reading a device would never end.
    if not path.is_file():
        raise DataError(f"{path}: expected an image file, found a pipe or a device; name a file")


def write_image(path: Path, img: Image8) -> None:
    """Write an (H, W, 3) uint8 RGB array as PNG, JPEG, WebP, TIFF or BMP, by the suffix of `path`.

    All but JPEG (quality 95, full chroma) are lossless. Readers see either the old file or the complete new
    one. Missing folders are created.

    Raises:
        DataError: the suffix is unknown, `img` is not such an array, or `path` can't be written.

    Example:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from fakd_core import write_image
        >>> write_image(Path("grey.png"), np.full((32, 48, 3), 128, dtype=np.uint8))
    """
    require_rgb8(img)
    options = _SAVE_OPTIONS.get(path.suffix.lower())
    if options is None:
        suffixes, found = ", ".join(_SAVE_OPTIONS), path.suffix or "no suffix"
        raise DataError(f"{path}: expected a name that ends in {suffixes}, found {found}")
    try:
        with atomic_path(path) as temporary:
            Image.fromarray(img).save(temporary, **options)
    except OSError as error:
        raise DataError(
            f"{path}: can't write the image ({error.strerror or error}); choose another folder"
        ) from error


def _to_rgb(path: Path, image: Image.Image) -> Image8:
    if image.mode == "F":
        raise DataError(f"{path}: floating-point pixels have no fixed range; save it as 8 or 16 bit first")
    if image.mode in _SIXTEEN_BIT_MODES:
        return _grey16_to_rgb(path, image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    image = image if image.mode == "RGB" else image.convert("RGB")
    # Strip by strip: at once, its bytes would be held twice more.
    width, height = image.size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for top in range(0, height, _ROWS_AT_ONCE):
        strip = image.crop((0, top, width, min(top + _ROWS_AT_ONCE, height)))
        pixels[top : top + strip.height] = np.frombuffer(strip.tobytes(), np.uint8).reshape(-1, width, 3)
    return pixels


def _grey16_to_rgb(path: Path, image: Image.Image) -> Image8:
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if low < 0 or high > 65535:
        raise DataError(
            f"{path}: expected 16-bit grey (0..65535), found {low}..{high}; save it as 8 or 16 bit"
        )
    transparent = image.info.get("transparency")
    pixels = np.empty((*values.shape, 3), dtype=np.uint8)
    for top in range(0, len(values), _ROWS_AT_ONCE):
        strip = values[top : top + _ROWS_AT_ONCE].astype(np.int64)
        grey = (strip + 128) // 257
        if transparent is not None:
            grey[strip == transparent] = 255
        pixels[top : top + _ROWS_AT_ONCE] = grey[:, :, None]
    return pixels
