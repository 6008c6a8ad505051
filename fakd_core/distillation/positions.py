"""Random positions of feature maps, for affinities over a sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from torch import Tensor

# The purpose of a random draw, beside its seed and key: 1 is the choice of a teacher, 2 and 3 are patches.
_POSITIONS = 4


@dataclass(frozen=True)
class PositionDraws:
    """Draws of positions, decided by the seed, the key of an image and the layer alone.

    `keys` has one entry per image of a batch: its step and place there, or its number in a pool of patches.
    """

    seed: int
    keys: Sequence[tuple[int, ...]]

    def draw(self, layer: int, positions: int, count: int) -> Tensor:
        """`count` different ones of the numbers 0..`positions`-1 for every image: (B, count), int64."""
        drawn = np.empty((len(self.keys), count), dtype=np.int64)
        for row, key in enumerate(self.keys):
            rng = np.random.default_rng((self.seed, *key, layer, _POSITIONS))
            drawn[row] = rng.choice(positions, count, replace=False, shuffle=False)
        return torch.from_numpy(drawn)


def sample_size(share: float, positions: int) -> int:
    """The number of positions that `share` of them is: rounded up, and two at least for an affinity."""
    return min(positions, max(2, ceil(share * positions)))


def vectors_at(feature_map: Tensor, positions: Tensor) -> Tensor:
    """The features (B, C, n, 1) at `positions` (B, n), counted row by row, of a map (B, C, H, W)."""
    batch, channels, height, width = feature_map.shape
    rows = feature_map.permute(0, 2, 3, 1).reshape(-1, channels)
    first = torch.arange(batch).unsqueeze(1) * (height * width)
    # A selection of whole rows, whose gradient is added row by row, is several times as fast as a gather.
    chosen = rows.index_select(0, (positions + first).flatten().to(feature_map.device))
    return chosen.view(batch, -1, 1, channels).permute(0, 3, 1, 2)
