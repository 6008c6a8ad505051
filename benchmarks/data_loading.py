"""Compare patches cut from the store of decoded images with reading whole PNGs for every sample.

    .venv/bin/python -m benchmarks.data_loading [--images 20] [--batch 16] [--rounds 7]

The images are mosaics of real photographs (those of --photos) in DIV2K's size, 2040x1356, as PNG in DIV2K's
layout. Both ways run in one process and take turns; files and store are in the page cache for both. Prints
the median of the ratios of paired rounds; times of single rounds mean little on a shared machine. Then a
small student trains on the batches: how much of its step is waiting for them, with and without a thread that
cuts the next one meanwhile.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.measure import result
from fakd_core.assets import assets_dir
from fakd_core.data.datasets import SRDataset, open_dataset
from fakd_core.data.folders import find_images
from fakd_core.data.image_files import read_image, write_image
from fakd_core.data.patches import PatchSampler
from fakd_core.data.pixel_store import CACHE_VARIABLE, PixelStore, Prefetcher, open_store, store_files
from fakd_core.data.resize import imresize_bicubic
from fakd_core.events import CancelToken, run_to_end
from fakd_core.inference.upscale import tensor_from_images
from fakd_core.models.factory import create_model

WIDTH, HEIGHT = 2040, 1356
OURS_PER_ROUND = 50
STEPS = 12

Tensors = tuple[torch.Tensor, torch.Tensor]
Batches = Callable[[int], Tensors]


def make_images(folder: Path, photos: Path, count: int, scale: int) -> None:
    """Mosaics of photographs with their LR images, in DIV2K's layout."""
    sources = [read_image(path) for path in find_images(photos)[: 3 * count]]
    rng = np.random.default_rng(0)
    for number in range(1, count + 1):
        canvas = np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)
        for top in range(0, HEIGHT, 300):
            for left in range(0, WIDTH, 300):
                source = sources[rng.integers(len(sources))]
                y, x = (int(rng.integers(max(1, side - 299))) for side in source.shape[:2])
                height, width = min(300, HEIGHT - top), min(300, WIDTH - left)
                tile = np.pad(
                    source[y : y + 300, x : x + 300],
                    [(0, max(0, 300 - side)) for side in source.shape[:2]] + [(0, 0)],
                    mode="symmetric",
                )
                canvas[top : top + height, left : left + width] = tile[:height, :width]
        write_image(folder / f"DIV2K_train_HR/{number:04d}.png", canvas)
        lr = imresize_bicubic(canvas, 1 / scale)
        write_image(folder / f"DIV2K_train_LR_bicubic/X{scale}/{number:04d}x{scale}.png", lr)


def textbook(dataset: SRDataset, patch: int, batch: int) -> Batches:
    """The common way: open and decode both files of a sample, cut the patch, flip it."""

    def read(path: Path) -> np.ndarray:
        return np.array(Image.open(path).convert("RGB"))

    def sample(draw: random.Random) -> tuple[np.ndarray, np.ndarray]:
        index, scale = draw.randrange(len(dataset)), dataset.scale
        lr, hr = read(dataset.lr_files[index] or Path()), read(dataset.hr_files[index])
        top, left = (draw.randrange(side - patch + 1) for side in lr.shape[:2])
        pair = [
            lr[top : top + patch, left : left + patch],
            hr[top * scale : (top + patch) * scale, left * scale : (left + patch) * scale],
        ]
        flip_x, flip_y, transpose = (draw.random() < 0.5 for _ in range(3))
        for position, image in enumerate(pair):
            image = image[:, ::-1] if flip_x else image
            image = image[::-1] if flip_y else image
            image = image.transpose(1, 0, 2) if transpose else image
            pair[position] = np.ascontiguousarray(image.transpose(2, 0, 1)).astype(np.float32)
        return pair[0], pair[1]

    def batches(step: int) -> Tensors:
        draw = random.Random(step)
        lr, hr = zip(*(sample(draw) for _ in range(batch)), strict=True)
        return torch.from_numpy(np.stack(lr)), torch.from_numpy(np.stack(hr))

    return batches


def seconds(batches: Batches, steps: range) -> float:
    """Mean time of one batch."""
    started = time.perf_counter()
    for step in steps:
        batches(step)
    return (time.perf_counter() - started) / len(steps)


def open_at_once(dataset: SRDataset) -> PixelStore:
    return run_to_end(open_store(dataset, CancelToken()))


def waiting_share(batches: Batches, scale: int) -> tuple[float, float]:
    """(share of the time spent waiting for batches, seconds per step) of a small student's training."""
    torch.manual_seed(0)
    student = create_model("rcan", scale=scale, n_resgroups=5, n_resblocks=1, n_feats=32)
    student.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(student.parameters())
    waited = started = 0.0
    for step in range(STEPS + 2):
        if step == 2:
            waited, started = 0.0, time.perf_counter()
        before = time.perf_counter()
        lr, hr = batches(step)
        waited += time.perf_counter() - before
        optimizer.zero_grad()
        torch.nn.functional.l1_loss(student(lr), hr).backward()
        optimizer.step()
    whole = time.perf_counter() - started
    return waited / whole, whole / STEPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("images", 20), ("scale", 4), ("patch", 48), ("batch", 16), ("rounds", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--photos", type=Path, default=assets_dir() / "samples")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = folder
        make_images(Path(folder), options.photos, options.images, options.scale)
        compare(open_dataset(Path(folder), options.scale), options.patch, options.batch, options.rounds)


def compare(dataset: SRDataset, patch: int, batch: int, rounds: int) -> None:
    files = [*dataset.hr_files, *(path for path in dataset.lr_files if path)]
    started = time.perf_counter()
    open_at_once(dataset)
    built = time.perf_counter() - started
    started = time.perf_counter()
    sampler = PatchSampler(open_at_once(dataset), range(len(dataset)), patch=patch, batch=batch, seed=0)

    def cut(step: int) -> Tensors:
        lr, hr = (tensor_from_images(images, "cpu") for images in sampler.batch(step))
        return lr, hr

    opened = time.perf_counter() - started
    read_whole = textbook(dataset, patch, batch)
    pairs = []
    for number in range(rounds + 1):
        steps = range(number * OURS_PER_ROUND, (number + 1) * OURS_PER_ROUND)
        pairs.append((seconds(read_whole, range(number, number + 1)), seconds(cut, steps)))
    pairs = pairs[1:]
    slow, fast = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(whole / cut for whole, cut in pairs)
    print(
        f"{len(dataset)} pairs of {WIDTH}x{HEIGHT}, x{dataset.scale}: PNG "
        f"{sum(path.stat().st_size for path in files) / 1e6:.0f} MB, "
        f"store {store_files(dataset)[0].stat().st_size / 1e6:.0f} MB; "
        f"made once in {built:.1f} s ({built / len(dataset) * 1000:.0f} ms a pair), "
        f"opened in {opened * 1000:.1f} ms"
    )
    print(f"batch of {batch}, patch {patch}: whole PNGs {slow * 1000:.0f} ms, store {fast * 1000:.2f} ms")
    print(f"patches/s: whole PNGs {batch / slow:.1f}, store {batch / fast:.0f}, ratio {ratio:.0f}")
    alone, step = waiting_share(cut, dataset.scale)
    with Prefetcher(cut) as ahead:
        prefetched, step_ahead = waiting_share(ahead, dataset.scale)
    print(
        f"a small student's step on {torch.get_num_threads()} threads: {step * 1000:.0f} ms, "
        f"{alone:.2%} of it waiting for data; cut ahead in a thread: {step_ahead * 1000:.0f} ms, "
        f"{prefetched:.2%}"
    )
    result("patches/s from a folder of 2K PNGs: ours / whole images", "at least 20x", f"{ratio:.0f}x")
    result("share of a small student's step that waits on data", "under 2 %", f"{alone:.1%}")


if __name__ == "__main__":
    main()
