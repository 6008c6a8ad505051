"""How an image is cut into tiles that overlap, and how their outputs fade into one another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fakd_core.errors import ConfigError

OVERLAP = 32
"""LR pixels that a tile sees beyond the part it is responsible for."""

BLEND = 16
"""LR pixels, centred on a seam, over which one tile fades into the next."""

MIN_TILE = 2 * (OVERLAP + BLEND)
DEFAULT_TILE = 256

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tiling:
    """In LR pixels: the side of the square the network sees at once, its margin, and the fade on a seam."""

    side: int
    overlap: int = OVERLAP
    blend: int = BLEND


@dataclass(frozen=True)
class Span:
    """One tile along one axis, in LR pixels: responsible for start..end, keeps and sees more."""

    start: int
    end: int
    keep_start: int
    keep_end: int
    see_start: int
    see_end: int


def check_tile(side: int) -> None:
    """Raise `ConfigError` unless more of a tile of `side` LR pixels is kept than it overlaps."""
    if side < MIN_TILE:
        raise ConfigError(
            f"tile must be at least {MIN_TILE} LR pixels, as tiles overlap by {OVERLAP} on each side "
            f"(found {side}); choose a larger tile, or none to have it chosen"
        )


def cut(start: int, size: int, tiling: Tiling) -> list[Span]:
    """The pixels start..size in parts whose tiles, overlap included, are of one length, at most `side`.

    Cutting what is left after the first part gives the other parts again, and what is left can also be
    cut to another side.
    """
    lead = 0 if start else tiling.overlap
    # The image's own ends need no overlap: the parts there are longer by it.
    shared = size - start - lead - tiling.overlap
    whole = shared + 2 * tiling.overlap <= tiling.side
    parts = 1 if whole else -(-shared // (tiling.side - 2 * tiling.overlap))
    inner = [start + lead + shared * part // parts for part in range(1, parts)]
    cuts = [start, *inner, size]
    half = tiling.blend // 2
    return [
        Span(
            first,
            last,
            first - half if first else 0,
            last + half if last < size else size,
            max(0, first - tiling.overlap),
            min(size, last + tiling.overlap),
        )
        for first, last in pairwise(cuts)
    ]


def fade_in(old: Floats, new: Floats) -> None:
    """Make the first len(old) rows of `new` a fade from `old` to `new`; equal inputs stay equal."""
    length = len(old)
    weights = ((np.arange(length, dtype=np.float32) + 0.5) / max(1, length))[:, None, None]
    new[:length] = old + (new[:length] - old) * weights
