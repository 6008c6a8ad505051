"""Sets of HR images with their LR partners, from any of the known folder layouts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fakd_core.errors import ConfigError, DataError
from fakd_core.events import Image8
from fakd_core.images import image_size, imresize_bicubic, modcrop, read_image
from fakd_core.layouts import Layout, detect_layout, find_images, find_lr_files

__all__ = [
    "ImagePair",
    "PatchSampler",
    "SRDataset",
    "find_images",
    "fingerprint",
    "open_dataset",
    "split_validation",
]


Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
# Pairs by position, (3, h, w) and (3, h·scale, w·scale): whatever holds them, in memory or on disk.
PairStore = Sequence[tuple[Image8, Image8]]


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

    Layouts: see `fakd_core.layouts.detect_layout`. Raises `DataError` if there are no images, or if
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


def check_patch(dataset: SRDataset, indices: Sequence[int], patch: int) -> None:
    """Raise `DataError` if an LR image is smaller than `patch` LR pixels; reads the headers alone."""
    for index in indices:
        width, height = (side // dataset.scale for side in image_size(dataset.hr_files[index]))
        if min(height, width) < patch:
            raise DataError(
                f"{dataset.hr_files[index]}: its LR image is {width}x{height}, smaller than the patch of "
                f"{patch}x{patch}; use a patch of at most {min(height, width)}, or remove the image"
            )


def fingerprint(dataset: SRDataset) -> str:
    """SHA-256 over scale, names and file sizes: the same on every machine that has the same files."""
    digest = hashlib.sha256(f"x{dataset.scale}\n".encode())
    for hr_file, lr_file in zip(dataset.hr_files, dataset.lr_files, strict=True):
        for path in (hr_file, lr_file):
            digest.update(f"{path.name}\t{path.stat().st_size}\n".encode() if path else b"made\n")
    return digest.hexdigest()


@dataclass(frozen=True)
class Draws:
    """Patches by image position (n,), corner (n, 2) in 0..1 of the room there is, and symmetry (n,) 0..7."""

    positions: npt.NDArray[np.int64]
    corners: npt.NDArray[np.float64]
    symmetries: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> Draws:
        return Draws(self.positions[rows], self.corners[rows], self.symmetries[rows])


class PatchSampler:
    """Batches of patches; batch `step` depends on `seed` and `step` alone, so a resumed run goes on exactly.

    Every image has the same chance, whatever its size. All images are decoded once and kept in memory
    (about 0.5 MB each for 481x321).
    """

    def __init__(
        self,
        dataset: SRDataset,
        indices: Sequence[int],
        patch: int,
        batch: int,
        seed: int,
        augment: bool = True,
    ) -> None:
        """Decode the images at `indices`; `patch` is the side in LR pixels, `batch` is over all ranks.

        Raises `DataError` for an unreadable image, an image smaller than the patch, or no images.
        """
        if not indices:
            raise DataError(f"{dataset.name}: no images to train on; give a folder with more images")
        check_patch(dataset, indices, patch)
        self._pairs = _decode(dataset, indices)
        self._scale = dataset.scale
        self._patch = patch
        self._batch = batch
        self._seed = seed
        self._augment = augment

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> Batch:
        """This rank's part of batch `step`; the parts of all ranks in order are the whole batch.

        See `cut`. Raises `ConfigError` if the batch can't be shared evenly.
        """
        if self._batch % ranks:
            raise ConfigError(
                f"batch {self._batch} can't be shared by {ranks} processes; use a multiple of {ranks}"
            )
        share = self._batch // ranks
        return self.cut(self.draw((step,), self._batch)[rank * share : (rank + 1) * share])

    def draw(self, number: tuple[int, ...], count: int) -> Draws:
        """`count` patches drawn at random; the seed and `number` alone decide which."""
        rng = np.random.default_rng((self._seed, *number))
        positions = rng.integers(len(self._pairs), size=count)
        corners = rng.random((count, 2))
        symmetries = rng.integers(8, size=count) if self._augment else np.zeros(count, dtype=np.int64)
        return Draws(positions, corners, symmetries)

    def identity(self) -> dict[str, str | int | bool]:
        """All that decides which patches `draw` and `cut` give; reads every pixel once."""
        digest = hashlib.sha256()
        for lr, hr in self._pairs:
            for image in (lr, hr):
                digest.update(f"{image.shape}".encode())
                digest.update(np.ascontiguousarray(image))
        return {
            "pixels_sha256": digest.hexdigest(),
            "images": len(self._pairs),
            "scale": self._scale,
            "patch": self._patch,
            "augment": self._augment,
            "seed": self._seed,
        }

    def cut(self, draws: Draws) -> Batch:
        """LR and HR patches, float32 in 0..255: (B, 3, p, p) and (B, 3, p·scale, p·scale).

        Flips and transposes (the eight symmetries of the square) are applied to both alike.
        """
        patch, scale = self._patch, self._scale
        lr = np.empty((len(draws), 3, patch, patch), dtype=np.uint8)
        hr = np.empty((len(draws), 3, patch * scale, patch * scale), dtype=np.uint8)
        for row in range(len(draws)):
            lr_image, hr_image = self._pairs[int(draws.positions[row])]
            room = np.array(lr_image.shape[1:]) - patch + 1
            top, left = (int(value) for value in draws.corners[row] * room)
            symmetry = int(draws.symmetries[row])
            lr[row] = _turned(lr_image[:, top : top + patch, left : left + patch], symmetry)
            top, left, side = top * scale, left * scale, patch * scale
            hr[row] = _turned(hr_image[:, top : top + side, left : left + side], symmetry)
        return lr.astype(np.float32), hr.astype(np.float32)


def _turned(patch: Image8, symmetry: int) -> Image8:
    """A view of (3, p, p) under symmetry 0..7: bit 0 flips left-right, bit 1 top-bottom, bit 2 transposes."""
    if symmetry & 1:
        patch = patch[:, :, ::-1]
    if symmetry & 2:
        patch = patch[:, ::-1]
    return patch.swapaxes(1, 2) if symmetry & 4 else patch


def _decode(dataset: SRDataset, indices: Sequence[int]) -> PairStore:
    pairs = []
    for index in indices:
        pair = dataset.load(index)
        pairs.append(
            (
                np.ascontiguousarray(pair.lr.transpose(2, 0, 1)),
                np.ascontiguousarray(pair.hr.transpose(2, 0, 1)),
            )
        )
    return pairs
