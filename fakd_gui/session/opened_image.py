"""The image that the user opened, as LR and, if known, HR."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fakd_core.data.image_files import read_picture
from fakd_core.data.resize import imresize_bicubic, modcrop
from fakd_core.errors import DataError
from fakd_core.events import Image8


@dataclass(frozen=True, eq=False)
class OpenedImage:
    """`lr` is (h, w, 3) uint8; `hr` is (h*scale, w*scale, 3) uint8, or None when only the LR is known."""

    path: Path
    scale: int
    lr: Image8 = field(repr=False)
    hr: Image8 | None = field(repr=False)
    changed: int = 0
    """The file's modification time in ns: it changes if the file is replaced."""
    transparent: bool = False
    """True if the file has transparent pixels, which are shown as on white."""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def transparency_note(self) -> str:
        """An addition to a line about the image; empty if every pixel is opaque."""
        return " · transparent pixels shown on white" if self.transparent else ""

    @property
    def hr_size(self) -> tuple[int, int]:
        """(height, width) of the super-resolved image."""
        height, width = self.lr.shape[:2]
        return height * self.scale, width * self.scale

    def has_result_size(self, height: int, width: int) -> bool:
        """True for HR size, or that of an HR file whose last rows and columns make no whole LR pixel."""
        rows, columns = self.hr_size
        return 0 <= height - rows < self.scale and 0 <= width - columns < self.scale


def open_image(path: Path, scale: int, is_lr: bool) -> OpenedImage:
    """Read `path` as an LR image, or as an HR image that is downscaled by MATLAB's bicubic.

    Raises:
        DataError: The file can't be read, or is too small to be downscaled by `scale`.
    """
    picture = read_picture(path)
    image, transparent = picture.over_white(), picture.alpha is not None
    changed = path.stat().st_mtime_ns
    if is_lr:
        return OpenedImage(path, scale, lr=image, hr=None, changed=changed, transparent=transparent)
    if min(image.shape[:2]) < 8 * scale:
        raise DataError(
            f"{path}: {image.shape[1]}x{image.shape[0]} is too small to be downscaled by {scale}; "
            "open it as a low-resolution image instead"
        )
    hr = modcrop(image, scale)
    return OpenedImage(path, scale, imresize_bicubic(hr, 1 / scale), hr, changed, transparent)
