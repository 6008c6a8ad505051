"""Data sets of LR and HR image pairs in any of the known folder layouts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from fakd_core.data.folders import describe_left_out, detect_layout, find_pairs
from fakd_core.data.image_files import image_size, read_picture
from fakd_core.data.resize import imresize_bicubic, modcrop
from fakd_core.errors import DataError
from fakd_core.events import Image8

_SPLIT = 4
"""The use of a random stream, beside those of `fakd_core.data.patches`."""


@dataclass(frozen=True, eq=False)
class ImagePair:
    """`lr` is (h, w, 3) and `hr` (h·scale, w·scale, 3), both uint8 RGB.

    `transparent` says that a file has transparent pixels, which are shown on white here; `whole` is the HR
    image before it is cropped.
    """

    name: str
    lr: Image8 = field(repr=False)
    hr: Image8 = field(repr=False)
    transparent: bool = False
    whole: Image8 | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class SRDataset:
    """HR files, each with its LR file, or None if the LR image is made by bicubic downscaling."""

    name: str
    scale: int
    names: tuple[str, ...]
    hr_files: tuple[Path, ...] = field(repr=False)
    lr_files: tuple[Path | None, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def lr_origin(self) -> str:
        """The folders that the LR images come from, or how they are made, in words."""
        folders = {str(path.parent): None for path in self.lr_files if path is not None}
        made = ["made from the HR images by MATLAB's bicubic"] if None in self.lr_files else []
        return " and ".join([*(f"read from {folder}" for folder in folders), *made])

    @property
    def left_out(self) -> list[str]:
        """A sentence for each folder with HR images that can't be read; see `folders.describe_left_out`."""
        folders = dict.fromkeys(path.parent for path in self.hr_files)
        return [sentence for folder in folders if (sentence := describe_left_out(folder))]

    def load(self, index: int) -> ImagePair:
        """Read pair `index`; the HR image is cropped to the LR image's size times the scale.

        Raises:
            DataError: a file can't be read, or the LR image has the wrong size.
        """
        picture = read_picture(self.hr_files[index])
        hr, transparent = picture.over_white(), picture.alpha is not None
        lr_file = self.lr_files[index]
        if min(hr.shape[:2]) < self.scale:
            raise DataError(
                f"{self.hr_files[index]}: {hr.shape[1]}x{hr.shape[0]} is too small for scale {self.scale}; "
                "remove it"
            )
        cropped = modcrop(hr, self.scale)
        if lr_file is None:
            lr = imresize_bicubic(cropped, 1 / self.scale)
            return ImagePair(self.names[index], lr, cropped, transparent, hr)
        height, width = cropped.shape[0] // self.scale, cropped.shape[1] // self.scale
        picture = read_picture(lr_file)
        lr, transparent = picture.over_white(), transparent or picture.alpha is not None
        # MATLAB's imresize of an HR image that was not cropped first has one more row or column.
        extra_rows, extra_columns = lr.shape[0] - height, lr.shape[1] - width
        uncropped = (int(hr.shape[0] % self.scale > 0), int(hr.shape[1] % self.scale > 0))
        if extra_rows not in {0, uncropped[0]} or extra_columns not in {0, uncropped[1]}:
            raise DataError(
                f"{lr_file}: expected {width}x{height}, 1/{self.scale} of {self.hr_files[index].name} "
                f"({hr.shape[1]}x{hr.shape[0]}), found {lr.shape[1]}x{lr.shape[0]}; "
                "replace it, or remove its folder to have the LR images made"
            )
        lr = np.ascontiguousarray(lr[:height, :width])
        return ImagePair(self.names[index], lr, cropped, transparent, hr)


def open_dataset(folder: Path, scale: int) -> SRDataset:
    """List the images of `folder` at `scale`, in natural order; nothing is decoded yet.

    Layouts: see `fakd_core.data.folders.detect_layout`.

    Raises:
        DataError: there are no images, or some LR images are missing.
    """
    folders = detect_layout(folder)
    hr_files, lr_files = find_pairs(folders, scale)
    # Files that differ only in their suffix keep it, so that names are unique.
    stems = Counter(path.stem for path in hr_files)
    names = tuple(path.stem if stems[path.stem] == 1 else path.name for path in hr_files)
    return SRDataset(
        name=folders.name,
        scale=scale,
        names=names,
        hr_files=tuple(hr_files),
        lr_files=tuple(lr_files),
    )


def open_datasets(folders: Sequence[Path], scale: int) -> SRDataset:
    """List the images of several folders as one data set, in the order of the folders; see `open_dataset`.

    An image with the name of one in an earlier folder gets the number of its folder, as in `0001 (2)`.

    Raises:
        DataError: as `open_dataset`; or two folders hold the same images.
    """
    sets = [open_dataset(folder, scale) for folder in folders]
    names: dict[str, None] = {}
    for number, dataset in enumerate(sets, start=1):
        if any(dataset.hr_files[0] in other.hr_files for other in sets[: number - 1]):
            raise DataError(f"{folders[number - 1]}: its images are given twice; name each folder once")
        own = (f"{name} ({number})" if name in names else name for name in dataset.names)
        names |= dict.fromkeys(tuple(own))
    return SRDataset(
        name="+".join(dataset.name for dataset in sets),
        scale=scale,
        names=tuple(names),
        hr_files=tuple(chain.from_iterable(dataset.hr_files for dataset in sets)),
        lr_files=tuple(chain.from_iterable(dataset.lr_files for dataset in sets)),
    )


def split_validation(dataset: SRDataset, n: int, seed: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Split the indices into (training, validation), each ascending, with `n` random ones held out.

    Raises:
        DataError: no training image would be left.
    """
    if not 0 <= n < len(dataset):
        raise DataError(
            f"{dataset.name} has {len(dataset)} images; holding out {n} for validation leaves none to train "
            "on; hold out fewer, add images or give separate validation data"
        )
    # A stream of its own: the seed alone has that of the first step's patches.
    order = np.random.default_rng((seed, 0, _SPLIT)).permutation(len(dataset)).tolist()
    return tuple(sorted(order[n:])), tuple(sorted(order[:n]))


def lr_sides(dataset: SRDataset, indices: Iterable[int]) -> Iterator[int]:
    """The shorter sides of LR images by the headers of their HR files; an unreadable one has none."""
    for index in indices:
        with suppress(DataError):
            yield min(image_size(dataset.hr_files[index])) // dataset.scale


def check_patch(dataset: SRDataset, sides: Iterable[int], patch: int, reach: int = 1) -> None:
    """Raise `DataError` if all of the LR images with these `sides`, and at least one, are too small.

    A patch is made of a region whose sides are `reach` times its own.
    """
    largest = 0
    for side in sides:
        if side >= patch * reach:
            return
        largest = max(largest, side)
    if largest:
        raise DataError(
            f"{dataset.name}: all LR images are smaller than {describe_patch(patch, reach)}; use a patch of "
            f"at most {largest // reach}, or larger images"
        )


def describe_patch(patch: int, reach: int) -> str:
    """The region in words that a patch is made of, whose sides are `reach` times its own."""
    if reach == 1:
        return f"the patch of {patch}x{patch}"
    return f"the {patch * reach}x{patch * reach} that a zoomed-out patch of {patch}x{patch} is made of"


def content_fingerprint(dataset: SRDataset, indices: Sequence[int]) -> str:
    """SHA-256 over the names and contents of the files at `indices`."""
    digest = hashlib.sha256()
    for path in (path for index in indices for path in (dataset.hr_files[index], dataset.lr_files[index])):
        if path is not None:
            digest.update(f"{path.name}\n".encode(errors="surrogateescape"))
            digest.update(path.read_bytes())
    return digest.hexdigest()


def image_fingerprint(hr: Image8) -> str:
    """Twelve hex digits of a hash of an HR image's size and pixels, whatever its file's name and format."""
    digest = hashlib.blake2b(f"{hr.shape}".encode(), digest_size=6)
    digest.update(np.ascontiguousarray(hr).data)
    return digest.hexdigest()


def fingerprints_at(scales: Iterable[int], pair: ImagePair) -> set[str]:
    """The `image_fingerprint` of the HR image of `pair`, and of what a training at `scales` crops it to."""
    whole = pair.hr if pair.whole is None else pair.whole
    fitting = [scale for scale in scales if scale <= min(whole.shape[:2])]
    crops = {crop.shape: crop for crop in (pair.hr, *(modcrop(whole, scale) for scale in fitting))}
    return set(map(image_fingerprint, crops.values()))


def fingerprint(dataset: SRDataset, left_out: Collection[int] = ()) -> str:
    """SHA-256 over scale, names and file sizes: the same on every machine with the same files.

    Which images are `left_out`, by index, is part of it.
    """
    digest = hashlib.sha256(f"x{dataset.scale}\n".encode())
    for index, (hr_file, lr_file) in enumerate(zip(dataset.hr_files, dataset.lr_files, strict=True)):
        if index in left_out:
            digest.update(b"left out\n")
        for path in (hr_file, lr_file):
            line = f"{path.name}\t{path.stat().st_size}\n" if path else "made\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()
