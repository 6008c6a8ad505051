"""Reads and writes image files as 8-bit arrays."""

from __future__ import annotations

import ctypes
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError, _imaging

from fakd_core.data import sixteen_bits
from fakd_core.data.image_formats import IMAGE_FORMATS
from fakd_core.errors import DataError
from fakd_core.events import Image8
from fakd_core.files import atomic_path

MAX_PIXELS = 200_000_000
"""Larger images are refused: reading one takes over 3 GB. The x4 result of 12 megapixels is smaller."""

_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FORMATS = tuple(name for name in IMAGE_FORMATS if name != "AVIF" or find_spec("PIL.AvifImagePlugin"))
"""Pillow reads AVIF from 11.3 on."""
_JPEG = {"quality": 95, "subsampling": 0}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {".png": {}, ".jpg": _JPEG, ".jpeg": _JPEG}
_SAVE_OPTIONS |= {".webp": {"lossless": True}, ".tif": {}, ".tiff": {}, ".bmp": {}}
"""By suffix, from which Pillow takes the format."""
_CHANNELS = ((), (1,), (2,), (3,), (4,))
_SIDE_LIMITS = {".jpg": 65_535, ".jpeg": 65_535, ".webp": 16_383}
_WITH_ALPHA = (".png", ".webp", ".tif", ".tiff")
_GREY_MODES = frozenset({"1", "L", "LA", "La"}) | sixteen_bits.GREY_MODES
_ROWS_AT_ONCE = 128


@dataclass(frozen=True, eq=False)
class Picture:
    """The pixels of an image file, upright.

    Attributes:
        rgb: (H, W, 3) uint8; the three channels of a grey image are equal.
        alpha: (H, W) uint8, from 0 (transparent) to 255 (opaque); None if every pixel is opaque.
        is_grey: The file has one channel of colour, or a palette of which it uses only grey.
    """

    rgb: Image8 = field(repr=False)
    alpha: Image8 | None = field(default=None, repr=False)
    is_grey: bool = False

    def over_white(self) -> Image8:
        """The picture over a white page, (H, W, 3) uint8."""
        if self.alpha is None:
            return self.rgb
        result = np.empty_like(self.rgb)
        for top in range(0, len(result), _ROWS_AT_ONCE):
            rows = slice(top, top + _ROWS_AT_ONCE)
            alpha = self.alpha[rows, :, None].astype(np.uint16)
            result[rows] = (self.rgb[rows] * alpha + 255 * (255 - alpha) + 127) // 255
        return result


def read_image(path: str | Path) -> Image8:
    """Read the image at `path` as an (H, W, 3) uint8 RGB array, rotated upright according to its EXIF data.

    Grey, palette, 1-bit, CMYK, YCbCr and LAB become RGB; 16 bits are scaled by 255/65535 and rounded.
    Transparency is composited over white, as a page or an image viewer shows it: the colours hidden under
    transparent pixels are arbitrary, and line art with transparency is drawn for light pages
    (`read_picture` gives both). A fully opaque alpha changes nothing, and a BMP whose alpha is 0 everywhere
    is opaque. Colour profiles are ignored, as in all published results, and so is invalid EXIF data. The main
    picture of a camera's multi-picture JPEG is read; animations and files of several pages are refused.

    Raises:
        DataError: `path` is not one readable image of a finite range.

    Example:
        >>> from pathlib import Path
        >>> from fakd_core import read_image, write_image
        >>> import numpy as np
        >>> write_image(Path("ramp.png"), np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
        >>> read_image("ramp.png")[1, 2]
        array([15, 16, 17], dtype=uint8)
    """
    return read_picture(path).over_white()


def read_picture(path: str | Path) -> Picture:
    """Read the image at `path` as `read_image` does, but with colours and transparency apart."""
    path = Path(path)
    with _open(path) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":
            raise DataError(
                f"{path}: expected one picture, found {frames} frames or pages; save one of them as PNG"
            )
        is_grey = image.mode in _GREY_MODES or sixteen_bits.is_grey_with_alpha(image)
        has_palette = image.mode in ("P", "PA")
        is_bmp = image.format in ("BMP", "DIB")
        pixels = sixteen_bits.load_rounded(path, image, _open)
        transpose = _TRANSPOSES.get(_orientation(image))
        if transpose is not None:
            upright = pixels.transpose(transpose)
            # Free the untransposed pixels. Pillow 11 can't close an image twice.
            pixels.im = upright.im
            pixels = upright
        rgb, alpha = _to_rgb_and_alpha(path, pixels)
        # Many Windows programs write opaque pictures so.
        is_opaque = alpha is None or alpha.min() == 255 or (is_bmp and alpha.max() == 0)
        is_grey = is_grey or (has_palette and _is_grey(rgb))
        return Picture(rgb, None if is_opaque else alpha, is_grey)


def image_size(path: str | Path) -> tuple[int, int]:
    """Read (width, height) of the image at `path` as `read_image` gives it, from its header alone.

    An orientation stored after a PNG's pixel data is not seen: width and height are then swapped.

    Raises:
        DataError: the header shows that `read_image` would refuse the file.
    """
    with _open(Path(path)) as image:
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
def _open(path: Path) -> Iterator[ImageFile.ImageFile]:
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


def check_image_name(path: Path, shape: tuple[int, ...] = (1, 1, 3)) -> None:
    """Raise `DataError` if `write_image` can't write an array of `shape` at `path`, judged by its suffix."""
    suffix = path.suffix.lower()
    if suffix not in _SAVE_OPTIONS:
        suffixes, found = ", ".join(_SAVE_OPTIONS), path.suffix or "no suffix"
        raise DataError(f"{path}: expected a name that ends in {suffixes}, found {found}")
    if len(shape) == 3 and shape[2] in (2, 4) and suffix not in _WITH_ALPHA:
        raise DataError(
            f"{path}: {suffix} has no transparency, which this image has; expected {', '.join(_WITH_ALPHA)}"
        )
    if max(shape[:2]) > _SIDE_LIMITS.get(suffix, sys.maxsize):
        raise DataError(
            f"{path}: {shape[1]}x{shape[0]} is too large for {suffix}, which has at most "
            f"{_SIDE_LIMITS[suffix]:,} pixels a side; choose .png"
        )


def write_image(path: str | Path, img: Image8) -> None:
    """Write an (H, W, 3) uint8 RGB array as PNG, JPEG, WebP, TIFF or BMP, by the suffix of `path`.

    All but JPEG (quality 95, full chroma) are lossless. Readers see either the old file or the complete new
    one. Missing folders are created. Grey is (H, W) or (H, W, 1); a last channel more is alpha.

    Raises:
        DataError: the suffix is unknown, `img` is not such an array, or `path` can't be written.

    Example:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from fakd_core import write_image
        >>> write_image(Path("grey.png"), np.full((32, 48, 3), 128, dtype=np.uint8))
    """
    path = Path(path)
    if img.dtype != np.uint8 or img.ndim not in (2, 3) or img.shape[2:] not in _CHANNELS or img.size == 0:
        raise DataError(f"expected an (H, W, 3) uint8 RGB array, found shape {img.shape} of {img.dtype}")
    check_image_name(path, img.shape)
    try:
        with atomic_path(path) as temporary:
            image = Image.fromarray(img[..., 0] if img.shape[2:] == (1,) else img)
            image.save(temporary, **_SAVE_OPTIONS[path.suffix.lower()])
    except OSError as error:
        raise DataError(
            f"{path}: can't write the image ({error.strerror or error}); choose another folder"
        ) from error


def _is_grey(rgb: Image8) -> bool:
    return bool((rgb[..., :1] == rgb[..., 1:]).all())


def _to_rgb_and_alpha(path: Path, image: Image.Image) -> tuple[Image8, Image8 | None]:
    if image.mode == "F":
        raise DataError(f"{path}: floating-point pixels have no fixed range; save it as 8 or 16 bit first")
    if image.mode in sixteen_bits.GREY_MODES:
        return sixteen_bits.grey_to_rgb_and_alpha(path, image)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.array(image.getchannel("A"))
    image = image if image.mode == "RGB" else image.convert("RGB")
    # Strip by strip: at once, its bytes would be held twice more.
    width, height = image.size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for top in range(0, height, _ROWS_AT_ONCE):
        strip = image.crop((0, top, width, min(top + _ROWS_AT_ONCE, height)))
        pixels[top : top + strip.height] = np.frombuffer(strip.tobytes(), np.uint8).reshape(-1, width, 3)
    return pixels, alpha
