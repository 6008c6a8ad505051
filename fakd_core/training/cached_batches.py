"""Batches from a pool of patches whose teacher outputs are cached: the teacher runs once per patch."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from fakd_core.data.patches import PATCHES_PER_BLOCK, PatchPool, PatchSampler
from fakd_core.distillation.upcycling import NO_UPCYCLING, Upcycling
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken, Progress
from fakd_core.files import check_writable, free_disk
from fakd_core.inference.upscale import tensor_from_images
from fakd_core.models.layers import SRNetwork
from fakd_core.runtime.distributed import SINGLE_PROCESS, World
from fakd_core.training.batches import BatchSource, DistillationBatch, draw_teacher
from fakd_core.training.teacher_cache import TeacherCache, patch_draws

_NAME = "teacher cache"


class CachedTeacherBatches(BatchSource):
    """Draws batches from a pool; every teacher's outputs for every patch of it are files in a folder.

    The pool has `patches` patches, of which a step draws `batch` over all processes. The teachers, each with
    its name for messages, are frozen and in eval mode; `layers` are the taps whose maps the loss compares, at
    the `share` of their positions. `dtype` is that of the teachers' forward pass. `prepare` comes before the
    first batch. With `average`, the mean output of all teachers is compared beside the maps of one.

    Raises:
        ConfigError: `folder` can't be written to.
    """

    def __init__(
        self,
        *,
        folder: Path,
        sampler: PatchSampler,
        teachers: Sequence[tuple[str, SRNetwork]],
        upcycling: Upcycling = NO_UPCYCLING,
        average: bool = False,
        layers: Sequence[int],
        share: float = 1,
        dtype: torch.dtype = torch.float32,
        patches: int,
        batch: int,
        seed: int,
        device: torch.device,
    ) -> None:
        try:
            check_writable(folder / "file")
        except OSError as error:
            raise ConfigError(
                f"{folder}: the teacher's outputs can't be kept there ({error.strerror}); "
                "name another folder with --teacher-cache"
            ) from error
        self._folder = folder
        self._pool = PatchPool(sampler, patches)
        self._caches = [
            TeacherCache(
                folder=folder,
                name=name,
                teacher=teacher,
                pool=self._pool,
                layers=layers,
                share=share,
                dtype=dtype,
            )
            for name, teacher in teachers
        ]
        self._upcycling = upcycling
        self._average = average
        self._batch = batch
        self._seed = seed
        self._device = device

    def prepare(self, token: CancelToken, world: World = SINGLE_PROCESS) -> Iterator[Progress]:
        """Compute the outputs that are missing.

        Processes share the work, those of one `world` as well as other runs that need the same outputs. A
        killed process leaves its finished blocks.

        Raises:
            DataError: The outputs don't fit on the disk, or can't be written.
            ConfigError: They are beyond the range of half precision.
            Cancelled: The token was cancelled meanwhile, in any process.
        """
        missing: list[tuple[TeacherCache, int]] = []
        with world.all_or_none():
            damaged = yield from self._find_missing(missing, token)
            yield self._progress(missing, self._describe_size(missing, damaged))
        # Other processes that compute the same at this moment take another order.
        order = np.random.default_rng(world.broadcast_from_main(lambda: int.from_bytes(os.urandom(8))))
        missing = [missing[place] for place in order.permutation(len(missing))]
        while world.any(bool(missing)):
            with world.all_or_none():
                now, missing = missing[: world.ranks], missing[world.ranks :]
                if now:
                    cache, block = now[world.rank % len(now)]
                    if not cache.open(block):
                        cache.compute(block, token)
                missing += [(cache, block) for cache, block in now if not cache.open(block)]
            yield self._progress(missing)

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> DistillationBatch:
        patches = self._patches(step, rank, ranks)
        cut = self._pool.sampler.cut(self._pool.specs(patches))
        lr, hr = (tensor_from_images(images, self._device) for images in cut)
        numbers = patches.tolist()
        drawn = self._caches[draw_teacher(step, seed=self._seed, teachers=len(self._caches))]
        teacher_sr, teacher_maps = drawn.outputs(numbers, self._device)
        if self._average:
            others = [cache.sr(numbers, self._device) for cache in self._caches if cache is not drawn]
            teacher_sr = torch.stack([teacher_sr, *others]).mean(0)
        return DistillationBatch(
            lr,
            hr,
            teacher_sr,
            teacher_maps,
            draws=patch_draws(self._pool, patches),
            rows=self._upcycling.rows(len(lr)),
            changes=self._upcycling.changes(len(lr), seed=self._seed, step=step, first=rank * len(lr)),
        )

    def image_names(self, step: int, rank: int = 0, ranks: int = 1) -> tuple[str, ...]:
        return self._pool.sampler.image_names(self._pool.specs(self._patches(step, rank, ranks)))

    def _patches(self, step: int, rank: int, ranks: int) -> npt.NDArray[np.int64]:
        share = self._batch // ranks
        return self._pool.batch(step, self._batch, self._seed)[rank * share : (rank + 1) * share]

    def _find_missing(
        self, missing: list[tuple[TeacherCache, int]], token: CancelToken
    ) -> Generator[Progress, None, int]:
        """Add the blocks to compute to `missing`; return how many files are damaged."""
        damaged = 0
        for cache in self._caches:
            cache.remove_abandoned_files()
            for block in range(self._pool.blocks):
                exists = cache.path(block).exists()
                if exists:
                    token.check()
                    yield Progress(block * PATCHES_PER_BLOCK, self._pool.size, f"checking the {_NAME}")
                if not cache.open(block):
                    missing.append((cache, block))
                    damaged += exists
        return damaged

    def _progress(self, missing: Sequence[tuple[TeacherCache, int]], note: str = "") -> Progress:
        total = self._pool.size * len(self._caches)
        return Progress(max(0, total - len(missing) * PATCHES_PER_BLOCK), total, _NAME, note)

    def _describe_size(self, missing: Sequence[tuple[TeacherCache, int]], damaged: int) -> str:
        """The size of the cache in one line; raises `DataError` if there is no room for it."""
        size = self._pool.blocks * sum(cache.block_bytes for cache in self._caches)
        need = sum(cache.block_bytes for cache, _ in missing)
        free = free_disk(self._folder)
        teachers = f" of {len(self._caches)} teachers" if len(self._caches) > 1 else ""
        line = f"{_NAME}{teachers}: {self._pool.size:,} patches, {_in_bytes(size)} in {self._folder}"
        if need > free:
            raise DataError(
                f"{line}: no room, {_in_bytes(need)} to write and {_in_bytes(free)} free; "
                f"{self._suggest_patches(missing, free)}make room, or name another folder with "
                "--teacher-cache"
            )
        done = "" if need == size else f"{_in_bytes(size - need) if need else 'all'} of it exists already, "
        recomputed = f", {damaged} files are damaged and computed again" if damaged else ""
        return f"{line} ({done}{_in_bytes(free)} free{recomputed})"

    def _suggest_patches(self, missing: Sequence[tuple[TeacherCache, int]], free: int) -> str:
        costs = [0] * self._pool.blocks
        for cache, block in missing:
            costs[block] += cache.block_bytes
        patches = PATCHES_PER_BLOCK * sum(total <= free for total in accumulate(costs))
        return f"use --cache-patches {patches} or fewer, " if patches >= self._batch else ""


def _in_bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
