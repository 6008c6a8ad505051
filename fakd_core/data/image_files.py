"""Reads and writes image files as 8-bit arrays."""

from __future__ import annotations

import ctypes
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError, _imaging

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
_JPEG = {"quality": 95, "subsampling": 0}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {".png": {}, ".jpg": _JPEG, ".jpeg": _JPEG}
_SAVE_OPTIONS |= {".webp": {"lossless": True}, ".tif": {}, ".tiff": {}, ".bmp": {}}
"""By suffix, from which Pillow takes the format."""
_CHANNELS = ((), (1,), (2,), (3,), (4,))
_SIDE_LIMITS = {".jpg": 65_535, ".jpeg": 65_535, ".webp": 16_383}
_WITH_ALPHA = (".png", ".webp", ".tif", ".tiff")
_SIXTEEN_BIT_GREY = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
_SIXTEEN_BIT_COLOUR = re.compile(r"((?:RGB|RGBA|RGBX|CMYK);16)([BLN])|(LA;16)B")
"""Pillow's raw modes of 16 bits per channel, from which it keeps the high byte; B, L: big-, little-endian."""
_GREY_MODES = frozenset({"1", "L", "LA", "La"}) | _SIXTEEN_BIT_GREY
_ROWS_AT_ONCE = 128


@dataclass(frozen=True, eq=False)
class Picture:
    """The pixels of an image file, upright.

    Attributes:
        rgb: (H, W, 3) uint8; the three channels of a grey image are equal.
        alpha: (H, W) uint8, from 0 (transparent) to 255 (opaque); None if every pixel is opaque.
        is_grey: The file has one channel of colour.
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
        is_grey = image.mode in _GREY_MODES or "LA;16B" in _raw_modes(image)
        is_bmp = image.format in ("BMP", "DIB")
        pixels = _load(path, image)
        transpose = _TRANSPOSES.get(_orientation(image))
        if transpose is not None:
            upright = pixels.transpose(transpose)
            # Free the untransposed pixels.
            pixels.close()
            pixels = upright
        rgb, alpha = _to_rgb_and_alpha(path, pixels)
        # Many Windows programs write opaque pictures so.
        is_opaque = alpha is None or alpha.min() == 255 or (is_bmp and alpha.max() == 0)
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
        with Image.open(path, formats=tuple(IMAGE_FORMATS)) as image:
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


def _raw_modes(image: ImageFile.ImageFile) -> set[str]:
    """Pillow's names for how the pixels are stored in the file, before it is loaded."""
    arguments = (tile.args for tile in image.tile)
    return {one if isinstance(one, str) else str(one[0]) for one in arguments if one}


def _load(path: Path, image: ImageFile.ImageFile) -> Image.Image:
    """Load the pixels; 16 bits per channel, of which Pillow keeps the high byte, are rounded to 8."""
    modes = _raw_modes(image)
    found = _SIXTEEN_BIT_COLOUR.fullmatch(modes.pop()) if len(modes) == 1 else None
    image.load()
    return image if found is None else _rounded(image, _low_bytes(path, found))


def _low_bytes(path: Path, raw_mode: re.Match[str]) -> npt.NDArray[np.uint8]:
    """Read the file once more as if its bytes were in the other order."""
    with _open(path) as image:
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
    return Image.fromarray(pixels, high.mode)


def _to_rgb_and_alpha(path: Path, image: Image.Image) -> tuple[Image8, Image8 | None]:
    if image.mode == "F":
        raise DataError(f"{path}: floating-point pixels have no fixed range; save it as 8 or 16 bit first")
    if image.mode in _SIXTEEN_BIT_GREY:
        return _grey16_to_rgb_and_alpha(path, image)
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


def _grey16_to_rgb_and_alpha(path: Path, image: Image.Image) -> tuple[Image8, Image8 | None]:
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
