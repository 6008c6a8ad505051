"""Scores of the student on the held-out images while it is trained."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fakd_core.data.datasets import ImagePair
from fakd_core.data.resize import imresize_bicubic
from fakd_core.evaluation.features import Window, extract_features
from fakd_core.evaluation.metrics import psnr_y, ssim_y
from fakd_core.events import AffinityRow, Cancelled, CancelToken, Image8, Preview, Progress, Scores
from fakd_core.inference.upscale import upscale
from fakd_core.models.layers import SRNetwork
from fakd_core.runtime.distributed import SINGLE_PROCESS, World

_Table = npt.NDArray[np.float64]

PREVIEW_SIZE = 192
"""Side of the preview crop in HR pixels."""


@dataclass(frozen=True, eq=False)
class ValidationResult:
    """Mean scores, the preview crop, and the positions of the images that were reproduced exactly."""

    scores: Scores
    preview: Image8
    exact: frozenset[int]


@dataclass(frozen=True, eq=False, kw_only=True)
class Validator:
    """Scores networks on fixed images by the papers' protocol, and cuts the preview crop.

    Several processes share the `images` images; each returns the result over all of them. `pairs` holds those
    of this process's `shard`, by position.

    Means leave out the images that bicubic reproduces exactly, such as blank pages, where PSNR is infinite,
    unless it reproduces all of them.
    """

    pairs: Mapping[int, ImagePair]
    images: int
    scale: int
    world: World = SINGLE_PROCESS

    @cached_property
    def _crop(self) -> tuple[slice, slice]:
        return _most_detailed_crop(self.pairs[0].hr, PREVIEW_SIZE // self.scale * self.scale)

    @staticmethod
    def shard(images: int, world: World) -> list[int]:
        """The positions of the images that a process needs: its own, and the first for the preview."""
        return sorted({0, *range(world.rank, images, world.ranks)})

    def score_bicubic(self, token: CancelToken) -> Generator[Progress, None, ValidationResult]:
        """Score bicubic interpolation; see `evaluate`."""
        table, preview = yield from self._score("bicubic", lambda lr: imresize_bicubic(lr, self.scale), token)
        return _summarise(table, preview, np.isinf(table[:, 0]))

    def evaluate(
        self,
        model: SRNetwork,
        token: CancelToken,
        name: str = "network",
        *,
        left_out: Collection[int] = (),
    ) -> Generator[Progress, None, ValidationResult]:
        """Score `model`, called `name` in the progress, in eval mode; its mode is restored.

        `left_out` are the positions of the images that don't count, those that bicubic reproduces exactly.
        Raises `Cancelled` if the token is cancelled meanwhile, in any process.
        """
        with _eval_mode(model):
            table, preview = yield from self._score(name, lambda lr: upscale(model, lr, cancel=token), token)
        return _summarise(table, preview, np.isin(np.arange(self.images), list(left_out)))

    def describe_blank(self, positions: Collection[int]) -> str:
        """Report the images at `positions`, which bicubic reproduces exactly, with the names known here."""
        names = ", ".join(self.pairs[place].name for place in sorted(positions) if place in self.pairs)
        verb, them = ("is", "it") if len(positions) == 1 else ("are", "them")
        text = f"{len(positions)} of {self.images} validation images ({names}) {verb} reproduced exactly by "
        text += "bicubic, as blank ones are: PSNR is infinite there, and "
        if len(positions) < self.images:
            return f"{text}no mean counts {them}"
        return f"{text}compares nothing; validate on other images"

    def preview(self, bicubic: ValidationResult, teacher: ValidationResult | None) -> Preview:
        hr = self.pairs[0].hr[self._crop]
        return Preview(
            name=self.pairs[0].name,
            bicubic=bicubic.preview,
            hr=hr,
            teacher=teacher.preview if teacher else None,
        )

    def affinity(self, model: SRNetwork, tap: int | None) -> AffinityRow | None:
        """Cosine similarities of the middle of the preview crop to all of it; None without feature maps."""
        if tap is None or not model.spec.tap_channels:
            return None
        top, bottom, left, right = (
            edge // self.scale for part in self._crop for edge in (part.start, part.stop)
        )
        window = Window(top, left, bottom - top, right - left)
        with _eval_mode(model):
            maps = extract_features(model, self.pairs[0].lr, window, name="network")
        return maps.affinity_row(tap, top + window.height // 2, left + window.width // 2)

    def _score(
        self, name: str, enlarge: Callable[[Image8], Image8], token: CancelToken
    ) -> Generator[Progress, None, tuple[_Table, Image8]]:
        """The PSNR and SSIM of each image, and the preview crop."""
        table = np.zeros((self.images, 2))
        preview: list[Image8] = []
        world = self.world
        # In rounds of one image per process: a stop in one of them ends all after the round.
        for first in range(0, self.images, world.ranks):
            yield Progress(first, self.images, f"scoring {name}")
            own, stopped = first + world.rank, False
            try:
                if own < self.images:
                    pair = self.pairs[own]
                    sr = enlarge(pair.lr)
                    for column, metric in enumerate((psnr_y, ssim_y)):
                        token.check()
                        table[own, column] = metric(sr, pair.hr, self.scale)
                    if own == 0:
                        preview.append(sr[self._crop].copy())
            except Cancelled:
                stopped = True
            if world.any(stopped):
                raise Cancelled
        table = np.reshape(world.sum(table.ravel().tolist()), table.shape)
        return table, world.broadcast_from_main(lambda: preview[0])


def _summarise(table: _Table, preview: Image8, left_out: npt.NDArray[np.bool_]) -> ValidationResult:
    """The means over the images that are not `left_out`, or over all if none would be left."""
    psnr, ssim = (table if left_out.all() else table[~left_out]).mean(axis=0)
    exact = frozenset(np.flatnonzero(np.isinf(table[:, 0])).tolist())
    return ValidationResult(Scores(float(psnr), float(ssim)), preview, exact)


@contextmanager
def _eval_mode(model: SRNetwork) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _most_detailed_crop(image: Image8, size: int) -> tuple[slice, slice]:
    """The window of at most `size` x `size`, on a coarse grid, with the largest gradient energy."""
    height, width = image.shape[:2]
    rows, columns = min(size, height), min(size, width)
    grey = image.mean(axis=2)
    energy = np.zeros((height, width))
    energy[1:, :] += np.abs(np.diff(grey, axis=0))
    energy[:, 1:] += np.abs(np.diff(grey, axis=1))
    step = max(size // 4, 1)
    tops, lefts = range(0, height - rows + 1, step), range(0, width - columns + 1, step)
    windows = [(slice(top, top + rows), slice(left, left + columns)) for top in tops for left in lefts]
    return max(windows, key=lambda window: float(energy[window].sum()))
