"""Cuts images into overlapping tiles and blends their outputs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fakd_core.errors import ConfigError

OVERLAP = 32
"""LR pixels of margin around the part that a tile is responsible for."""

BLEND = 16
"""LR pixels, centred on a seam, over which neighbouring tiles are blended."""

MIN_TILE = 2 * (OVERLAP + BLEND)
DEFAULT_TILE = 256

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tiling:
    """The side of a tile, its margin, and the width of the blending on a seam, in LR pixels."""

    side: int
    overlap: int = OVERLAP
    blend: int = BLEND


@dataclass(frozen=True, kw_only=True)
class Span:
    """One tile along one axis, in LR pixels.

    It is responsible for start..end. The network sees see_start..see_end, and its output is used in
    keep_start..keep_end, which reaches across the blended seams.
    """

    start: int
    end: int
    keep_start: int
    keep_end: int
    see_start: int
    see_end: int


def check_tile(side: int | None) -> None:
    """Raise `ConfigError` if tiles of `side` LR pixels would consist of margins only; None is allowed."""
    if side is not None and side < MIN_TILE:
        raise ConfigError(
            f"tile must be at least {MIN_TILE} LR pixels, as tiles overlap by {OVERLAP} on each side "
            f"(found {side}); choose a larger tile, or none for an automatic choice"
        )


def cut(start: int, size: int, tiling: Tiling) -> list[Span]:
    """Cut the pixels start..size into tiles of equal length, margins included, of at most `side`.

    Cutting what remains after the first tile gives the other tiles again, so that the side may change on the
    way.
    """
    lead = 0 if start else tiling.overlap
    # Tiles at the ends of the image need no margin there, so their parts are longer by it.
    shared = size - start - lead - tiling.overlap
    whole = shared + 2 * tiling.overlap <= tiling.side
    parts = 1 if whole else -(-shared // (tiling.side - 2 * tiling.overlap))
    inner = [start + lead + shared * part // parts for part in range(1, parts)]
    cuts = [start, *inner, size]
    half = tiling.blend // 2
    return [
        Span(
            start=first,
            end=last,
            keep_start=first - half if first else 0,
            keep_end=last + half if last < size else size,
            see_start=max(0, first - tiling.overlap),
            see_end=min(size, last + tiling.overlap),
        )
        for first, last in pairwise(cuts)
    ]


def fade_in(old: Floats, new: Floats) -> None:
    """Blend the first len(old) rows of `new` from `old` to `new`, in place; equal inputs stay equal."""
    length = len(old)
    weights = ((np.arange(length, dtype=np.float32) + 0.5) / max(1, length))[:, None, None]
    new[:length] = old + (new[:length] - old) * weights
