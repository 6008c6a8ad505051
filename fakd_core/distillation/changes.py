"""Invertible changes of a student's inputs, for label consistency."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fakd_core.errors import ConfigError

SHARE, CHANGE = "share", "change"
"""The parameters of upcycling terms: their share of the batch, and the change of their inputs."""
NO_CHANGE, ANY_CHANGE = "none", "any"


@dataclass(frozen=True)
class Change:
    """An invertible change of images (n, 3, H, W), 0..255, and what undoes it on images and feature maps."""

    apply: Callable[[Tensor], Tensor]
    undo: Callable[[Tensor], Tensor]
    undo_in_maps: Callable[[Tensor], Tensor]


def _flip(images: Tensor) -> Tensor:
    return images.flip(-1)


def _turn(images: Tensor) -> Tensor:
    if images.shape[-1] != images.shape[-2]:
        height, width = images.shape[-2:]
        raise ConfigError(f"a quarter turn needs square patches (found {height} x {width}); choose flip")
    return images.rot90(1, (-2, -1))


def _turn_back(images: Tensor) -> Tensor:
    return images.rot90(-1, (-2, -1))


def _invert(images: Tensor) -> Tensor:
    return 255 - images


def _leave(maps: Tensor) -> Tensor:
    return maps


CHANGES: Mapping[str, Change] = {
    "flip": Change(_flip, _flip, _flip),
    "turn": Change(_turn, _turn_back, _turn_back),
    "channels": Change(lambda images: images[:, [1, 2, 0]], lambda images: images[:, [2, 0, 1]], _leave),
    "invert": Change(_invert, _invert, _leave),
}
"""Flipped left to right, turned by a quarter, colour channels permuted, colours inverted."""


@dataclass(frozen=True)
class InputChanges:
    """The changes through which a student sees the patches of a batch: names of `CHANGES`, or "none"."""

    names: tuple[str, ...]

    def apply(self, lr: Tensor) -> Tensor:
        """The inputs (B, 3, h, w) as the student sees them."""
        return self._each(lr, lambda change: change.apply)

    def undo(self, sr: Tensor) -> Tensor:
        """The student's outputs (B, 3, H, W), changed back."""
        return self._each(sr, lambda change: change.undo)

    def undo_in_maps(self, maps: Tensor) -> Tensor:
        """The student's feature maps (B, C, h, w), changed back."""
        return self._each(maps, lambda change: change.undo_in_maps)

    def _each(self, batch: Tensor, chosen: Callable[[Change], Callable[[Tensor], Tensor]]) -> Tensor:
        rows: list[Tensor] = []
        parts: list[Tensor] = []
        for name in dict.fromkeys(self.names):
            of_name = torch.tensor([row for row, other in enumerate(self.names) if other == name])
            part = batch.index_select(0, of_name.to(batch.device))
            rows.append(of_name)
            parts.append(part if name == NO_CHANGE else chosen(CHANGES[name])(part))
        places = torch.cat(rows).argsort().to(batch.device)
        return torch.cat(parts).index_select(0, places)
