"""Scores of the student on the held-out images while it is trained."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fakd_core.data.datasets import ImagePair
from fakd_core.data.resize import imresize_bicubic
from fakd_core.evaluation.features import Window, extract_features
from fakd_core.evaluation.metrics import psnr_y, ssim_y
from fakd_core.events import AffinityRow, Cancelled, CancelToken, Image8, Preview, Progress, Scores
from fakd_core.inference.upscale import upscale
from fakd_core.models.layers import SRNetwork
from fakd_core.runtime.distributed import SINGLE_PROCESS, World

PREVIEW_SIZE = 192
"""Side of the preview crop in HR pixels."""


@dataclass(frozen=True, eq=False)
class ValidationResult:
    scores: Scores
    preview: Image8


@dataclass(frozen=True, eq=False, kw_only=True)
class Validator:
    """Scores networks on fixed images by the papers' protocol, and cuts the preview crop.

    Several processes share the `images` images; each returns the result over all of them. `pairs` holds those
    of this process's `shard`, by position.
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
        return self._score("bicubic", lambda lr: imresize_bicubic(lr, self.scale), token)

    def evaluate(
        self, model: SRNetwork, token: CancelToken, name: str = "network"
    ) -> Generator[Progress, None, ValidationResult]:
        """Score `model`, called `name` in the progress, in eval mode; its mode is restored.

        Raises `Cancelled` if the token is cancelled meanwhile, in any process.
        """
        with _eval_mode(model):
            return (yield from self._score(name, lambda lr: upscale(model, lr, cancel=token), token))

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
    ) -> Generator[Progress, None, ValidationResult]:
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
        psnr, ssim = (float(mean) for mean in table.mean(axis=0))
        return ValidationResult(Scores(psnr, ssim), world.broadcast_from_main(lambda: preview[0]))


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
