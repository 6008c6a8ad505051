"""Folders of noise images, and stores made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fakd_core.data.datasets import SRDataset
from fakd_core.data.image_files import write_image
from fakd_core.data.pixel_store import PixelStore, open_store
from fakd_core.events import CancelToken

NAMES = ["a.png", "b.png", "c.png"]
DECODING = ["decoding images"] * 3
WAITING = "waiting for another process to decode the images"


def fill(folder: Path, names: list[str], height: int = 40, width: int = 52) -> Path:
    """Write images of noise that no resizing clips."""
    rng = np.random.default_rng(7)
    for name in names:
        write_image(folder / name, rng.integers(40, 206, (height, width, 3), dtype=np.uint8))
    return folder


def stored(dataset: SRDataset) -> PixelStore:
    """The store of `dataset`."""
    return drained(dataset)[0]


def drained(dataset: SRDataset) -> tuple[PixelStore, list[str]]:
    """The store of `dataset`, and the progress on the way."""
    opening = open_store(dataset, CancelToken())
    said = []
    while True:
        try:
            said.append(next(opening).what)
        except StopIteration as end:
            return end.value, said


def equal_to_files(store: PixelStore, dataset: SRDataset) -> bool:
    pairs = [dataset.load(index) for index in range(len(dataset))]
    return len(store) == len(pairs) and all(
        np.array_equal(lr, pair.lr) and np.array_equal(hr, pair.hr)
        for (lr, hr), pair in zip((store[index] for index in range(len(pairs))), pairs, strict=True)
    )


def content_hash(store: PixelStore) -> str:
    return store.hash_of(range(len(store)))


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")
