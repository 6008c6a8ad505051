"""Batches of aligned LR and HR patches for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fakd_core.data.pixel_store import PixelStore
from fakd_core.data.resize import imresize_bicubic
from fakd_core.errors import ConfigError
from fakd_core.events import Image8

Batch = tuple[Image8, Image8]
"""LR (B, p, p, 3) and HR (B, p·scale, p·scale, 3) patches, uint8 RGB."""

PATCHES_PER_BLOCK = 32
"""Patches of a pool that are sampled, and whose teacher outputs are kept, together: some tens of MB."""

# What a random draw is for, beside the step's number; 1 is the choice of a teacher, 4 the validation split.
_POOL, _ORDER = 2, 3
# numpy copies flipped patches faster with one element per pixel than with three.
_PIXEL = np.dtype("V3")


class Zoom(IntEnum):
    """The input of a patch: its LR image, its HR image instead, or its LR image halved by bicubic.

    Only the first has ground truth.
    """

    NONE = 0
    IN = 1
    OUT = 2

    @property
    def reach(self) -> int:
        """The sides of the region that a patch is made from, in patches."""
        return 2 if self is Zoom.OUT else 1


@dataclass(frozen=True, eq=False)
class PatchSpecs:
    """Descriptions of n patches, their values (n, ...).

    `corners` (n, 2) are in 0..1 of the image's range, `symmetries` in 0..7, `zooms` values of `Zoom`.
    """

    positions: npt.NDArray[np.int64]
    corners: npt.NDArray[np.float64]
    symmetries: npt.NDArray[np.int64]
    zooms: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> PatchSpecs:
        return PatchSpecs(self.positions[rows], self.corners[rows], self.symmetries[rows], self.zooms[rows])


class PatchSampler:
    """Samples batches of patches; a batch depends on seed and step alone, so that runs resume exactly.

    Every image is equally likely, whatever its size.
    """

    def __init__(
        self,
        store: PixelStore,
        indices: Sequence[int],
        *,
        patch: int,
        batch: int,
        seed: int,
        augment: bool = True,
        zooms: Sequence[Zoom] = (Zoom.NONE,),
    ) -> None:
        """Sample from the images of `store` at `indices`, each large enough (`datasets.check_patch`).

        A step has `batch` patches over all processes, each of `patch` LR pixels a side; with `augment`
        they are flipped and transposed. `zooms` are those of the patches of a batch by place, repeated; an
        image of the `store` is large enough for the reach of all of them.
        """
        self._store = store
        self._indices = tuple(indices)
        self.patch = patch
        self._batch = batch
        self.seed = seed
        self._augment = augment
        self.zooms = tuple(zooms)

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> Batch:
        """The patches of process `rank` at `step`; those of all ranks in order are the whole batch.

        Raises `ConfigError` if the processes can't share the batch evenly.
        """
        return self.cut(self.specs(step, rank, ranks))

    def specs(self, step: int, rank: int = 0, ranks: int = 1) -> PatchSpecs:
        """The descriptions of the patches that `batch` cuts."""
        if self._batch % ranks:
            raise ConfigError(
                f"batch {self._batch} can't be shared by {ranks} processes; use a multiple of {ranks}"
            )
        share = self._batch // ranks
        return self.sample((step,), self._batch)[rank * share : (rank + 1) * share]

    def sample(self, key: tuple[int, ...], count: int, first: int = 0) -> PatchSpecs:
        """`count` random patches, decided by seed and `key` alone; their zooms are those from `first` on."""
        rng = np.random.default_rng((self.seed, *key))
        positions = rng.integers(len(self._indices), size=count)
        corners = rng.random((count, 2))
        symmetries = rng.integers(8, size=count) if self._augment else np.zeros(count, dtype=np.int64)
        zooms = np.array(self.zooms, dtype=np.int64)[(first + np.arange(count)) % len(self.zooms)]
        return PatchSpecs(positions, corners, symmetries, zooms)

    def image_names(self, specs: PatchSpecs) -> tuple[str, ...]:
        """The images that the patches are cut from, each once."""
        found = {self._indices[position]: None for position in specs.positions.tolist()}
        return tuple(self._store.name_of(index) for index in found)

    def identity(self) -> dict[str, str | int | bool | list[str]]:
        """The values that determine the results of `sample` and `cut`."""
        zooms = [zoom.name.lower() for zoom in self.zooms]
        return {
            **({"zooms": zooms} if any(self.zooms) else {}),
            "pixels_sha256": self._store.hash_of(self._indices),
            "images": len(self._indices),
            "scale": self._store.scale,
            "patch": self.patch,
            "augment": self._augment,
            "seed": self.seed,
        }

    def cut(self, specs: PatchSpecs) -> Batch:
        """Cut patches, LR and HR flipped and transposed alike. The HR of a zoomed patch is black."""
        side, scale = self.patch, self._store.scale
        lr = np.empty((len(specs), side, side), dtype=_PIXEL)
        hr = np.empty((len(specs), side * scale, side * scale), dtype=_PIXEL)
        for row in range(len(specs)):
            lr_image, hr_image = (
                image.view(_PIXEL)[..., 0] for image in self._store[self._indices[specs.positions[row]]]
            )
            zoom = Zoom(specs.zooms[row])
            source, reach = hr_image if zoom is Zoom.IN else lr_image, side * zoom.reach
            free = np.array(source.shape) - reach + 1
            top, left = (int(value) for value in specs.corners[row] * free)
            symmetry = int(specs.symmetries[row])
            region = source[top : top + reach, left : left + reach]
            lr[row] = _transform(_halved(region) if zoom is Zoom.OUT else region, symmetry)
            if zoom is Zoom.NONE:
                rows, columns = (slice(start * scale, (start + side) * scale) for start in (top, left))
                hr[row] = _transform(hr_image[rows, columns], symmetry)
            else:
                hr[row] = np.zeros((), _PIXEL)
        return _as_bytes(lr), _as_bytes(hr)


def _transform(patch: npt.NDArray[np.void], symmetry: int) -> npt.NDArray[np.void]:
    """A view of (p, p): bit 0 of `symmetry` flips left-right, bit 1 top-bottom, bit 2 transposes."""
    if symmetry & 1:
        patch = patch[:, ::-1]
    if symmetry & 2:
        patch = patch[::-1]
    return patch.T if symmetry & 4 else patch


def _halved(region: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    pixels = np.ascontiguousarray(region).view(np.uint8).reshape(*region.shape, 3)
    return imresize_bicubic(pixels, 1 / 2).view(_PIXEL)[..., 0]


def _as_bytes(patches: npt.NDArray[np.void]) -> Image8:
    return patches.view(np.uint8).reshape(*patches.shape, 3)


class PatchPool:
    """`size` fixed patches: each has one place, one orientation and one zoom.

    Patch i depends on the sampler's seed and i alone, so a larger pool extends a smaller one.
    """

    def __init__(self, sampler: PatchSampler, size: int) -> None:
        self.sampler = sampler
        self.size = size
        self.blocks = -(-size // PATCHES_PER_BLOCK)

    def block(self, number: int) -> PatchSpecs:
        """The patches of one block; the last block is complete, whatever the pool's size."""
        return self.sampler.sample((number, _POOL), PATCHES_PER_BLOCK, number * PATCHES_PER_BLOCK)

    def specs(self, patches: npt.NDArray[np.int64]) -> PatchSpecs:
        """The patches with these numbers, in that order."""
        blocks, rows = np.divmod(patches, PATCHES_PER_BLOCK)
        found = [self.block(block)[row : row + 1] for block, row in zip(blocks.tolist(), rows, strict=True)]
        return PatchSpecs(
            np.concatenate([specs.positions for specs in found]),
            np.concatenate([specs.corners for specs in found]),
            np.concatenate([specs.symmetries for specs in found]),
            np.concatenate([specs.zooms for specs in found]),
        )

    def batch(self, step: int, count: int, seed: int) -> npt.NDArray[np.int64]:
        """The numbers of the `count` patches of `step`, decided by seed and step alone.

        Patches of a zoom take the places of that zoom. They are shuffled again each time all of them have
        been used.
        """
        zooms = np.array(self.sampler.zooms, dtype=np.int64)
        wanted, found = np.resize(zooms, count), np.resize(zooms, self.size)
        numbers = np.empty(count, dtype=np.int64)
        for zoom in np.unique(wanted):
            (places,), (patches,) = np.nonzero(wanted == zoom), np.nonzero(found == zoom)
            epochs, turns = np.divmod(step * len(places) + np.arange(len(places)), len(patches))
            order = [
                _order(seed, len(patches), epoch)[turn] for epoch, turn in zip(epochs, turns, strict=True)
            ]
            numbers[places] = patches[order]
        return numbers


@lru_cache(maxsize=8)
def _order(seed: int, size: int, epoch: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng((seed, epoch, _ORDER)).permutation(size)
