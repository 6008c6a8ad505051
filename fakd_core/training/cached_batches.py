"""Batches from a pool of patches with the teacher's answers kept: it runs once, not at every step."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch

from fakd_core.data.patches import PATCHES_PER_BLOCK, PatchPool, PatchSampler
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken, Progress
from fakd_core.files import check_writable
from fakd_core.models.layers import SRNetwork
from fakd_core.runtime.distributed import SINGLE_PROCESS, World
from fakd_core.training.batches import DistillationBatch, drawn_teacher, to_device
from fakd_core.training.teacher_cache import TeacherCache

_WHAT = "teacher cache"


class CachedTeacherBatches:
    """Batches drawn from a pool; the answers of every teacher to every patch lie in a folder.

    `prepare` comes before the first lesson.
    """

    def __init__(
        self,
        folder: Path,
        sampler: PatchSampler,
        teachers: Sequence[tuple[str, SRNetwork]],
        layers: Sequence[int],
        patches: int,
        batch: int,
        seed: int,
        device: torch.device,
    ) -> None:
        """The pool holds `patches` of the sampler's patches, of which a step takes `batch`.

        `teachers`, each with the name people call it, are frozen and in eval mode; `layers` are the taps
        whose maps the loss compares. Batches go to `device`; teachers compute where they are.

        Raises `ConfigError` if `folder` can't be written to.
        """
        self._folder = folder
        self._check_folder()
        self._pool = PatchPool(sampler, patches)
        self._caches = [TeacherCache(folder, name, teacher, self._pool, layers) for name, teacher in teachers]
        self._batch = batch
        self._seed = seed
        self._device = device

    def prepare(self, token: CancelToken, world: World = SINGLE_PROCESS) -> Iterator[Progress]:
        """Compute the answers that aren't there yet.

        Several processes share the work, those of one `world` and others that want the same. One that is
        killed leaves its finished blocks.

        Raises:
            DataError: they don't fit on the disk, or can't be written.
            ConfigError: they can't be held in half precision.
            Cancelled: the token was cancelled meanwhile, in any process.
        """
        missing, damaged = [], 0
        with world.all_or_none():
            for cache in self._caches:
                cache.clear()
                there = cache.found()
                for block in range(self._pool.blocks):
                    if block in there:
                        token.check()
                        yield Progress(block * PATCHES_PER_BLOCK, self._pool.size, f"checking the {_WHAT}")
                        damaged += not cache.open(block)
                    if block not in there or not cache.open(block):
                        missing.append((cache, block))
            yield self._progress(missing, self._announcement(missing, damaged))
        # Others that compute the same at this moment go in another order.
        order = np.random.default_rng(world.broadcast_from_main(lambda: int.from_bytes(os.urandom(8))))
        missing = [missing[place] for place in order.permutation(len(missing))]
        while world.any(bool(missing)):
            with world.all_or_none():
                now, missing = missing[: world.ranks], missing[world.ranks :]
                if now:
                    cache, block = now[world.rank % len(now)]
                    if not cache.open(block):
                        cache.make(block, token)
                missing += [(cache, block) for cache, block in now if not cache.open(block)]
            yield self._progress(missing)

    def lesson(self, step: int, rank: int = 0, ranks: int = 1) -> DistillationBatch:
        """See `BatchSource`."""
        share = self._batch // ranks
        patches = self._pool.batch(step, self._batch, self._seed)[rank * share : (rank + 1) * share]
        sampler, draws = self._pool.sampler, self._pool.draws(patches)
        lr, hr = to_device(sampler.cut(draws), self._device)
        cache = self._caches[drawn_teacher(self._seed, step, len(self._caches))]
        answers = cache.answers(patches.tolist(), self._device)
        return DistillationBatch(lr, hr, *answers, images=sampler.names(draws))

    def _check_folder(self) -> None:
        try:
            check_writable(self._folder / "file")
        except OSError as error:
            raise ConfigError(
                f"{self._folder}: the teacher's answers can't be kept there ({error.strerror}); "
                "name another folder with --teacher-cache"
            ) from error

    def _progress(self, missing: Sequence[tuple[TeacherCache, int]], note: str = "") -> Progress:
        total = self._pool.size * len(self._caches)
        return Progress(max(0, total - len(missing) * PATCHES_PER_BLOCK), total, _WHAT, note)

    def _announcement(self, missing: Sequence[tuple[TeacherCache, int]], damaged: int) -> str:
        """What the cache takes, in a line; raises `DataError` if there is no room for it."""
        size = self._pool.blocks * sum(cache.block_bytes for cache in self._caches)
        need = sum(cache.block_bytes for cache, _ in missing)
        free = shutil.disk_usage(_existing(self._folder)).free
        teachers = f" of {len(self._caches)} teachers" if len(self._caches) > 1 else ""
        line = f"{_WHAT}{teachers}: {self._pool.size:,} patches, {_written(size)} in {self._folder}"
        if need > free:
            raise DataError(
                f"{line}: no room, {_written(need)} to write and {_written(free)} free; "
                f"{self._what_fits(missing, free)}make room, or name another folder with --teacher-cache"
            )
        there = "" if need == size else f"{_written(size - need) if need else 'all'} of it there already, "
        anew = f", {damaged} files are damaged and made anew" if damaged else ""
        return f"{line} ({there}{_written(free)} free{anew})"

    def _what_fits(self, missing: Sequence[tuple[TeacherCache, int]], free: int) -> str:
        costs = [0] * self._pool.blocks
        for cache, block in missing:
            costs[block] += cache.block_bytes
        patches = PATCHES_PER_BLOCK * sum(total <= free for total in accumulate(costs))
        return f"use --cache-patches {patches} or fewer, " if patches >= self._batch else ""


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _written(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
