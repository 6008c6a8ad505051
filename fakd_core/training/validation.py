"""How good the student is on the held-out images while it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from fakd_core.data.datasets import ImagePair
from fakd_core.distillation.affinity import affinity_row
from fakd_core.evaluation.metrics import psnr_y, ssim_y
from fakd_core.events import AffinityRow, Cancelled, CancelToken, Image8, Preview, Scores
from fakd_core.inference.upscale import bicubic_upscale, upscale
from fakd_core.models.layers import SRNetwork
from fakd_core.runtime.distributed import SINGLE_PROCESS, World

PREVIEW_SIZE = 192
"""Side of the preview crop in HR pixels."""


@dataclass(frozen=True)
class ValidationResult:
    scores: Scores
    preview: Image8


class Validator:
    """Scores networks on fixed images, by the papers' protocol, and cuts the preview crop.

    Several processes share the images and come to the same verdict, that of one alone.
    """

    def __init__(
        self, pairs: Mapping[int, ImagePair], images: int, scale: int, world: World = SINGLE_PROCESS
    ) -> None:
        """`pairs` holds the images of this process's `share` of all `images`, by position."""
        self._pairs = pairs
        self._images = images
        self._scale = scale
        self._world = world
        self._crop = _most_detailed_crop(pairs[0].hr, PREVIEW_SIZE // scale * scale)

    @staticmethod
    def shard(images: int, world: World) -> list[int]:
        """The positions of the images that a process needs: its own, and the first for the preview."""
        return sorted({0, *range(world.rank, images, world.ranks)})

    def __len__(self) -> int:
        return self._images

    def bicubic(self, cancel: CancelToken) -> ValidationResult:
        """Score the bicubic; raises as `judge`."""
        return self._score(lambda lr: bicubic_upscale(lr, self._scale), cancel)

    def evaluate(self, model: SRNetwork, cancel: CancelToken) -> ValidationResult:
        """Score `model` in eval mode; its training mode is restored.

        Raises:
            Cancelled: the token was cancelled meanwhile, in any process.
        """
        was_training = model.training
        model.eval()
        try:
            return self._score(lambda lr: upscale(model, lr, cancel=cancel), cancel)
        finally:
            model.train(was_training)

    def preview(self, bicubic: ValidationResult, teacher: ValidationResult | None) -> Preview:
        hr = self._pairs[0].hr[self._crop]
        return Preview(self._pairs[0].name, bicubic.preview, hr, teacher.preview if teacher else None)

    def affinity(self, model: SRNetwork, tap: int) -> AffinityRow | None:
        """How alike the middle of the preview crop is to all of it in `model`'s map; None without maps."""
        if not model.spec.tap_channels:
            return None
        rows, columns = (slice(part.start // self._scale, part.stop // self._scale) for part in self._crop)
        crop = self._pairs[0].lr[rows, columns].astype(np.float32)
        lr = torch.from_numpy(crop).permute(2, 0, 1)[None].to(next(model.parameters()).device)
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                feature_map = model.forward_features(lr)[1][tap][0]
                middle = (feature_map.shape[1] // 2, feature_map.shape[2] // 2)
                row: AffinityRow = affinity_row(feature_map, *middle).float().cpu().numpy()
        finally:
            model.train(was_training)
        return row

    def _score(self, enlarge: Callable[[Image8], Image8], cancel: CancelToken) -> ValidationResult:
        table = np.zeros((self._images, 2))
        preview: list[Image8] = []
        world = self._world
        # In rounds of one image a process: a stop in one of them ends all after the round.
        for first in range(0, self._images, world.ranks):
            mine, stopped = first + world.rank, False
            try:
                if mine < self._images:
                    pair = self._pairs[mine]
                    sr = enlarge(pair.lr)
                    for place, metric in enumerate((psnr_y, ssim_y)):
                        cancel.check()
                        table[mine, place] = metric(sr, pair.hr, self._scale)
                    if mine == 0:
                        preview.append(sr[self._crop].copy())
            except Cancelled:
                stopped = True
            if world.any(stopped):
                raise Cancelled
        table = np.reshape(world.sum(table.ravel().tolist()), table.shape)
        psnr, ssim = (float(mean) for mean in table.mean(axis=0))
        return ValidationResult(Scores(psnr, ssim), world.broadcast_from_main(lambda: preview[0]))


def _most_detailed_crop(image: Image8, size: int) -> tuple[slice, slice]:
    """The `size` x `size` window, on a coarse grid, with the largest gradient energy."""
    height, width = image.shape[:2]
    grey = image.mean(axis=2)
    energy = np.zeros((height, width))
    energy[1:, :] += np.abs(np.diff(grey, axis=0))
    energy[:, 1:] += np.abs(np.diff(grey, axis=1))
    step = max(size // 4, 1)
    rows = range(0, max(height - size, 0) + 1, step)
    columns = range(0, max(width - size, 0) + 1, step)
    windows = [(slice(y, y + size), slice(x, x + size)) for y in rows for x in columns]
    return max(windows, key=lambda window: float(energy[window].sum()))
