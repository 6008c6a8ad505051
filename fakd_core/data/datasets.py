"""Sets of HR images with their LR partners, from any of the known folder layouts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fakd_core.data.folders import Layout, detect_layout, find_images, find_lr_files
from fakd_core.data.image_files import image_size, read_image
from fakd_core.data.resize import imresize_bicubic, modcrop
from fakd_core.errors import DataError
from fakd_core.events import Image8

__all__ = [
    "ImagePair",
    "SRDataset",
    "find_images",
    "fingerprint",
    "open_dataset",
    "split_validation",
]


@dataclass(frozen=True)
class ImagePair:
    """`lr` is (h, w, 3) and `hr` (h·scale, w·scale, 3), both uint8 RGB."""

    name: str
    lr: Image8 = field(repr=False)
    hr: Image8 = field(repr=False)


@dataclass(frozen=True)
class SRDataset:
    """HR files, and for each its LR file or None where the LR image is made by bicubic downscaling."""

    name: str
    scale: int
    layout: Layout
    names: tuple[str, ...]
    hr_files: tuple[Path, ...] = field(repr=False)
    lr_files: tuple[Path | None, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.names)

    def load(self, index: int) -> ImagePair:
        """Read image `index`; the HR image is cut to the LR image's size times the scale.

        Raises `DataError` if a file can't be read or the LR image has the wrong size.
        """
        hr = read_image(self.hr_files[index])
        lr_file = self.lr_files[index]
        if min(hr.shape[:2]) < self.scale:
            raise DataError(
                f"{self.hr_files[index]}: {hr.shape[1]}x{hr.shape[0]} is too small for scale {self.scale}; "
                "remove it"
            )
        whole = modcrop(hr, self.scale)
        if lr_file is None:
            return ImagePair(self.names[index], imresize_bicubic(whole, 1 / self.scale), whole)
        height, width = whole.shape[0] // self.scale, whole.shape[1] // self.scale
        lr = read_image(lr_file)
        # MATLAB's imresize of an HR image that was not cut first has one more row or column.
        extra_rows, extra_columns = lr.shape[0] - height, lr.shape[1] - width
        uncut = (int(hr.shape[0] % self.scale > 0), int(hr.shape[1] % self.scale > 0))
        if extra_rows not in {0, uncut[0]} or extra_columns not in {0, uncut[1]}:
            raise DataError(
                f"{lr_file}: expected {width}x{height}, 1/{self.scale} of {self.hr_files[index].name} "
                f"({hr.shape[1]}x{hr.shape[0]}), found {lr.shape[1]}x{lr.shape[0]}; "
                "replace it, or remove its folder to have the LR images made"
            )
        return ImagePair(self.names[index], np.ascontiguousarray(lr[:height, :width]), whole)


def open_dataset(folder: Path, scale: int) -> SRDataset:
    """The images of `folder` at `scale`, in natural order; nothing is decoded yet.

    Layouts: see `fakd_core.data.folders.detect_layout`. Raises `DataError` if there are no images, or if
    the folder of LR images lacks some.
    """
    folders = detect_layout(folder)
    hr_files = find_images(folders.hr)
    # Two files that differ only in their suffix keep it, so that every name stands for one image.
    stems = Counter(path.stem for path in hr_files)
    names = tuple(path.stem if stems[path.stem] == 1 else path.name for path in hr_files)
    return SRDataset(
        folders.name, scale, folders.layout, names, tuple(hr_files), find_lr_files(folders, hr_files, scale)
    )


def split_validation(dataset: SRDataset, n: int, seed: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Indices (training, validation), each ascending: `n` images held out, drawn by `seed`.

    Raises `DataError` if no training image would be left.
    """
    if not 0 <= n < len(dataset):
        raise DataError(
            f"{dataset.name} has {len(dataset)} images; holding out {n} for validation leaves none to train "
            "on; hold out fewer, add images or give separate validation data"
        )
    drawn = np.random.default_rng(seed).permutation(len(dataset))
    validation = sorted(int(index) for index in drawn[:n])
    return tuple(sorted(int(index) for index in drawn[n:])), tuple(validation)


def with_readable_header(dataset: SRDataset, indices: Sequence[int]) -> tuple[int, ...]:
    """Those of `indices` whose HR file tells its size."""

    def tells_size(path: Path) -> bool:
        try:
            image_size(path)
        except DataError:
            return False
        return True

    return tuple(index for index in indices if tells_size(dataset.hr_files[index]))


def check_patch(dataset: SRDataset, indices: Sequence[int], patch: int) -> None:
    """Raise `DataError` if there are no images, or an LR image is smaller than `patch` LR pixels.

    Reads the headers alone.
    """
    if not indices:
        raise DataError(f"{dataset.name}: no images to train on; give a folder with more images")
    for index in indices:
        width, height = (side // dataset.scale for side in image_size(dataset.hr_files[index]))
        if min(height, width) < patch:
            raise DataError(
                f"{dataset.hr_files[index]}: its LR image is {width}x{height}, smaller than the patch of "
                f"{patch}x{patch}; use a patch of at most {min(height, width)}, or remove the image"
            )


def fingerprint(dataset: SRDataset, left_out: Collection[int] = ()) -> str:
    """SHA-256 over scale, names and file sizes: the same on every machine that has the same files.

    Images whose index is in `left_out` are marked as such.
    """
    digest = hashlib.sha256(f"x{dataset.scale}\n".encode())
    for index, (hr_file, lr_file) in enumerate(zip(dataset.hr_files, dataset.lr_files, strict=True)):
        if index in left_out:
            digest.update(b"left out\n")
        for path in (hr_file, lr_file):
            line = f"{path.name}\t{path.stat().st_size}\n" if path else "made\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()
