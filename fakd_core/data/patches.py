"""Batches of aligned LR and HR patches for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fakd_core.data.pixel_store import PixelStore
from fakd_core.errors import ConfigError
from fakd_core.events import Image8

Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class PatchSpecs:
    """Patches by image position (n,), corner (n, 2) in 0..1 of the room there is, and symmetry (n,) 0..7."""

    positions: npt.NDArray[np.int64]
    corners: npt.NDArray[np.float64]
    symmetries: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> PatchSpecs:
        return PatchSpecs(self.positions[rows], self.corners[rows], self.symmetries[rows])


class PatchSampler:
    """Batches of patches; batch `step` depends on `seed` and `step` alone, so a resumed run goes on exactly.

    Every image has the same chance, whatever its size.
    """

    def __init__(
        self,
        store: PixelStore,
        indices: Sequence[int],
        patch: int,
        batch: int,
        seed: int,
        augment: bool = True,
    ) -> None:
        """Draw from the images at `indices`, each large enough (see `datasets.check_patch`).

        `patch` is the side in LR pixels, `batch` is over all ranks.
        """
        self._store = store
        self._indices = tuple(indices)
        self._patch = patch
        self._batch = batch
        self._seed = seed
        self._augment = augment

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> Batch:
        """This rank's part of batch `step`; the parts of all ranks in order are the whole batch.

        See `cut`. Raises `ConfigError` if the batch can't be shared evenly.
        """
        return self.cut(self.part(step, rank, ranks))

    def part(self, step: int, rank: int = 0, ranks: int = 1) -> PatchSpecs:
        """What `batch` cuts."""
        if self._batch % ranks:
            raise ConfigError(
                f"batch {self._batch} can't be shared by {ranks} processes; use a multiple of {ranks}"
            )
        share = self._batch // ranks
        return self.draw((step,), self._batch)[rank * share : (rank + 1) * share]

    def draw(self, number: tuple[int, ...], count: int) -> PatchSpecs:
        """`count` patches drawn at random; the seed and `number` alone decide which."""
        rng = np.random.default_rng((self._seed, *number))
        positions = rng.integers(len(self._indices), size=count)
        corners = rng.random((count, 2))
        symmetries = rng.integers(8, size=count) if self._augment else np.zeros(count, dtype=np.int64)
        return PatchSpecs(positions, corners, symmetries)

    def names(self, draws: PatchSpecs) -> tuple[str, ...]:
        """The images that `draws` are of, each once."""
        found = {self._indices[position]: None for position in draws.positions.tolist()}
        return tuple(self._store.name_of(index) for index in found)

    def identity(self) -> dict[str, str | int | bool]:
        """All that decides which patches `draw` and `cut` give."""
        return {
            "pixels_sha256": self._store.hash_of(self._indices),
            "images": len(self._indices),
            "scale": self._store.scale,
            "patch": self._patch,
            "augment": self._augment,
            "seed": self._seed,
        }

    def cut(self, draws: PatchSpecs) -> Batch:
        """LR and HR patches, float32 in 0..255: (B, 3, p, p) and (B, 3, p·scale, p·scale).

        Flips and transposes (the eight symmetries of the square) are applied to both alike.
        """
        patch, scale = self._patch, self._store.scale
        lr = np.empty((len(draws), 3, patch, patch), dtype=np.uint8)
        hr = np.empty((len(draws), 3, patch * scale, patch * scale), dtype=np.uint8)
        for row in range(len(draws)):
            lr_image, hr_image = self._store[self._indices[draws.positions[row]]]
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


PATCHES_PER_BLOCK = 32
"""Patches are drawn, and answers are kept, by the block: some tens of MB at the paper's sizes."""

# Beside a step's number, what the seed's draws are for; `OnlineTeacherBatches` has 1.
_POOL, _ORDER = 2, 3


class PatchPool:
    """`size` patches, each of one place and one orientation: augmentation makes other patches, not more.

    Patch i depends on the sampler's seed and i alone, so a larger pool begins with the smaller one.
    """

    def __init__(self, sampler: PatchSampler, size: int) -> None:
        self.sampler = sampler
        self.size = size
        self.blocks = -(-size // PATCHES_PER_BLOCK)

    def block(self, number: int) -> PatchSpecs:
        """The patches of one block; the last block is whole, whatever the pool's size."""
        return self.sampler.draw((number, _POOL), PATCHES_PER_BLOCK)

    def draws(self, patches: npt.NDArray[np.int64]) -> PatchSpecs:
        """The patches of these numbers, in that order."""
        blocks, rows = np.divmod(patches, PATCHES_PER_BLOCK)
        drawn = [self.block(block)[row : row + 1] for block, row in zip(blocks.tolist(), rows, strict=True)]
        return PatchSpecs(
            np.concatenate([draw.positions for draw in drawn]),
            np.concatenate([draw.corners for draw in drawn]),
            np.concatenate([draw.symmetries for draw in drawn]),
        )

    def batch(self, step: int, count: int, seed: int) -> npt.NDArray[np.int64]:
        """Numbers of the `count` patches of step `step`; seed and step alone decide.

        The whole pool is gone through in random order, then again in another one.
        """
        places = np.arange(step * count, (step + 1) * count)
        return np.array([_order(seed, self.size, place // self.size)[place % self.size] for place in places])


@lru_cache(maxsize=2)
def _order(seed: int, size: int, turn: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng((seed, turn, _ORDER)).permutation(size)
