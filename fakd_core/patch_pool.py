"""A fixed set of training patches, for a teacher whose answers are kept."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fakd_core.patches import Draws, PatchSampler

PATCHES_PER_BLOCK = 32
"""Patches are drawn, and answers are kept, by the block: some tens of MB at the paper's sizes."""

# Beside a step's number, what the seed's draws are for; `LiveLessons` has 1.
_POOL, _ORDER = 2, 3


class PatchPool:
    """`size` patches, each of one place and one orientation: augmentation makes other patches, not more.

    Patch i depends on the sampler's seed and i alone, so a larger pool begins with the smaller one.
    """

    def __init__(self, sampler: PatchSampler, size: int) -> None:
        self.sampler = sampler
        self.size = size
        self.blocks = -(-size // PATCHES_PER_BLOCK)

    def block(self, number: int) -> Draws:
        """The patches of one block; the last block is whole, whatever the pool's size."""
        return self.sampler.draw((number, _POOL), PATCHES_PER_BLOCK)

    def draws(self, patches: npt.NDArray[np.int64]) -> Draws:
        """The patches of these numbers, in that order."""
        blocks, rows = np.divmod(patches, PATCHES_PER_BLOCK)
        drawn = [self.block(block)[row : row + 1] for block, row in zip(blocks.tolist(), rows, strict=True)]
        return Draws(
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
