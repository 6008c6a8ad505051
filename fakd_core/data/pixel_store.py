"""A data set decoded once into a memory-mapped file of pixels, so that a patch costs no more than its bytes.

The file holds the pixels of every image in the data set's order, LR before HR, then an index in JSON, then
the index's length and magic bytes. It is complete whenever it exists under its name.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import secrets
import shutil
import struct
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from fakd_core.data.datasets import ImagePair, SRDataset, image_fingerprint
from fakd_core.data.image_files import image_size
from fakd_core.errors import DataError
from fakd_core.events import CancelToken, Image8, Progress
from fakd_core.files import (
    CACHE_VARIABLE,
    atomic_path,
    cache_folder,
    file_lock,
    is_disk_full,
)
from fakd_core.system.platforms import remove_file

_FORMAT = 6
"""Raised whenever the file, or how an image becomes pixels, changes; older stores are made again."""
_SUFFIX = ".pixels"
_TAIL = struct.Struct("<Q8s")
_MAGIC = b"FAKDpix\n"
_DECODERS = min(4, os.cpu_count() or 1)
_POLL_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One pair in the file: (height, width, 3) at `offset`, then (height·scale, width·scale, 3).

    A pair that could not be read has no pixels, and says why in `problem`.
    """

    name: str
    offset: int
    height: int = 0
    width: int = 0
    sha256: str = ""
    fingerprint: str = ""
    transparent: bool = False
    problem: str = ""

    def sizes(self, scale: int) -> tuple[int, int]:
        """Bytes of the LR and of the HR image."""
        return 3 * self.height * self.width, 3 * self.height * self.width * scale**2


class PixelStore:
    """The decoded image pairs of a data set by position, read from disk when their pixels are accessed."""

    def __init__(self, pixels: Image8, entries: Iterable[_Entry], scale: int) -> None:
        self._pixels = pixels
        self._entries = tuple(entries)
        self.scale = scale

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> tuple[Image8, Image8]:
        """LR (h, w, 3) and HR (h·scale, w·scale, 3), uint8 RGB: read-only views of the file."""
        entry = self._entries[index]
        lr_size, hr_size = entry.sizes(self.scale)
        middle = entry.offset + lr_size
        lr = self._pixels[entry.offset : middle].reshape(entry.height, entry.width, 3)
        hr = self._pixels[middle : middle + hr_size]
        return lr, hr.reshape(entry.height * self.scale, entry.width * self.scale, 3)

    @property
    def problems(self) -> dict[int, str]:
        """The reasons why images could not be read, by position; `__getitem__` doesn't have these."""
        return {index: entry.problem for index, entry in enumerate(self._entries) if entry.problem}

    def name_of(self, index: int) -> str:
        """The image's name in its data set."""
        return self._entries[index].name

    def transparent(self, indices: Iterable[int]) -> int:
        """The number of images at `indices` whose files have transparent pixels, shown on white here."""
        return sum(self._entries[index].transparent for index in indices)

    def fingerprints(self, indices: Iterable[int]) -> list[str]:
        """The `image_fingerprint` of the HR images at `indices`."""
        return [self._entries[index].fingerprint for index in indices]

    def lr_side(self, index: int) -> int:
        """The shorter side of an LR image in pixels."""
        return min(self._entries[index].height, self._entries[index].width)

    def hash_of(self, indices: Iterable[int]) -> str:
        """SHA-256 over the names, shapes and pixels of the images at `indices`, in that order."""
        return hashlib.sha256("".join(self._entries[index].sha256 for index in indices).encode()).hexdigest()


def store_folder() -> Path:
    """The folder of all stores."""
    return cache_folder() / "stores"


def lock_path(dataset: SRDataset) -> Path:
    """The lock file for the stores of the folders and scale of `dataset`, which have its name in theirs."""
    folders = dict.fromkeys(os.fsencode(path.parent) for path in dataset.hr_files)
    folder = hashlib.sha256(b"\0".join(folders)).hexdigest()
    return store_folder() / f"{dataset.name[:40]}-x{dataset.scale}-{folder[:12]}.lock"


def store_files(dataset: SRDataset) -> list[Path]:
    """The stores of the folders and scale of `dataset`; older ones may be among them."""
    return sorted(lock_path(dataset).parent.glob(f"{glob.escape(lock_path(dataset).stem)}*{_SUFFIX}"))


def open_store(dataset: SRDataset, token: CancelToken) -> Generator[Progress, None, PixelStore]:
    """Open the store of `dataset`; decode the images first if it is missing, damaged or out of date.

    Images that can't be read become the store's `problems`. Yields nothing if the store is up to date; waits
    if another process is decoding the images.

    Raises:
        DataError: no image can be read, or the store's folder lacks room or can't be written.
        Cancelled: the token was cancelled; no incomplete file is left.
    """
    inputs = _inputs_of(dataset)
    store = _find_current(dataset, inputs)
    if store is not None:
        return store
    need = _pixel_bytes(dataset)
    # With a name of its own it replaces no file, which Windows refuses while one is in use.
    path = lock_path(dataset).with_suffix(f".{secrets.token_hex(4)}{_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            locked = yield from _acquire(lock_path(dataset), held, total=len(dataset), token=token)
            store = _find_current(dataset, inputs)
            if store is not None:
                return store
            if locked:
                # Make room before it is measured.
                _remove_stores(dataset)
            if need > shutil.disk_usage(path.parent).free:
                raise _no_room(path.parent, dataset, need)
            with atomic_path(path) as temporary:
                yield from _write(temporary, dataset, inputs=inputs, token=token)
            store = _map(path, inputs)
            if store is None:
                raise OSError("files there can't be mapped into memory")
    except OSError as error:
        if is_disk_full(error):
            raise _no_room(path.parent, dataset, need, reason=f" ({error.strerror})") from error
        raise DataError(
            f"{path.parent}: the decoded images can't be kept there ({error.strerror or error}); "
            f"set {CACHE_VARIABLE} to another folder"
        ) from error
    return store


def _remove_stores(dataset: SRDataset) -> None:
    """Remove the stores of the folders and scale, and unfinished ones; on Windows, those in use stay."""
    unfinished = lock_path(dataset).parent.glob(f".{glob.escape(lock_path(dataset).stem)}*{_SUFFIX}")
    for path in (*store_files(dataset), *unfinished):
        remove_file(path)


def _inputs_of(dataset: SRDataset) -> dict[str, Any]:
    """The inputs of a store, in types that survive JSON."""
    files = []
    for path in (path for pair in zip(dataset.hr_files, dataset.lr_files, strict=True) for path in pair):
        try:
            status = path.stat() if path else None
        except OSError as error:
            raise DataError(f"{path}: can't be read ({error.strerror}); choose the folder again") from error
        files.append([str(path), status.st_size, status.st_mtime_ns] if status else None)
    return {"format": _FORMAT, "scale": dataset.scale, "files": files}


def _find_current(dataset: SRDataset, inputs: dict[str, Any]) -> PixelStore | None:
    """The store made from `inputs`, unless an image can be read that couldn't before."""
    for store in filter(None, (_map(path, inputs) for path in store_files(dataset))):
        if not any(isinstance(_load_or_error(dataset, index), ImagePair) for index in store.problems):
            return store
    return None


def _load_or_error(dataset: SRDataset, index: int) -> ImagePair | DataError:
    try:
        return dataset.load(index)
    except DataError as error:
        return error


def _map(path: Path, inputs: dict[str, Any]) -> PixelStore | None:
    """The store at `path`, or None if it is missing, damaged or made from other inputs."""
    try:
        with path.open("rb") as file:
            end = file.seek(-_TAIL.size, os.SEEK_END)
            length, magic = _TAIL.unpack(file.read())
            pixels_end = file.seek(end - length)
            index = json.loads(file.read(length))
            if magic != _MAGIC or index["inputs"] != inputs:
                return None
            scale = inputs["scale"]
            entries = [_Entry(**entry) for entry in index["entries"]]
            if sum(sum(entry.sizes(scale)) for entry in entries) != pixels_end:
                return None
            pixels = np.asarray(np.memmap(file, np.uint8, "r", shape=(pixels_end,)))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return PixelStore(pixels, entries, scale)


def _acquire(
    path: Path, held: ExitStack, *, total: int, token: CancelToken
) -> Generator[Progress, None, bool]:
    """Wait for the lock file `path` and hold it until `held` is closed; False if the disk has no locks."""
    lock = file_lock(path)
    while True:
        try:
            held.enter_context(lock)
        except TimeoutError:
            token.check()
            yield Progress(0, total, "waiting for another process to decode the images")
            time.sleep(_POLL_SECONDS)
        except OSError:
            # Each process then writes a file of its own, and the last one stays.
            return False
        else:
            return True


def _write(
    path: Path, dataset: SRDataset, *, inputs: dict[str, Any], token: CancelToken
) -> Generator[Progress, None, None]:
    total = len(dataset)
    entries = []
    with path.open("wb") as file, Prefetcher(partial(_load_or_error, dataset), _DECODERS, total) as load:
        for index in range(total):
            token.check()
            yield Progress(index, total, "decoding images")
            pair = load(index)
            offset = file.tell()
            if isinstance(pair, DataError):
                entries.append(_Entry(name=dataset.names[index], offset=offset, problem=str(pair)))
                continue
            height, width = pair.lr.shape[:2]
            digest = hashlib.sha256(os.fsencode(f"{pair.name}\n{height} {width} {dataset.scale}\n"))
            for image in (pair.lr, pair.hr):
                pixels = np.ascontiguousarray(image).data
                digest.update(pixels)
                file.write(pixels)
            entries.append(
                _Entry(
                    name=pair.name,
                    offset=offset,
                    height=height,
                    width=width,
                    sha256=digest.hexdigest(),
                    fingerprint=image_fingerprint(pair.hr),
                    transparent=pair.transparent,
                )
            )
        if all(entry.problem for entry in entries):
            raise DataError(f"none of the {total} images can be read. The first: {entries[0].problem}")
        index_json = json.dumps({"inputs": inputs, "entries": [asdict(entry) for entry in entries]})
        file.write(index_json.encode() + _TAIL.pack(len(index_json), _MAGIC))


def _pixel_bytes(dataset: SRDataset) -> int:
    """Bytes of the pixels of all images whose headers can be read."""
    size = 0
    for path in dataset.hr_files:
        with suppress(DataError):
            width, height = (side // dataset.scale for side in image_size(path))
            size += 3 * width * height * (1 + dataset.scale**2)
    return size


def _no_room(folder: Path, dataset: SRDataset, need: int, *, reason: str = "") -> DataError:
    free = shutil.disk_usage(folder).free
    return DataError(
        f"{folder}: no room for the decoded images of {dataset.name}{reason}: they take {need / 1e9:.2f} GB, "
        f"{free / 1e9:.2f} GB is free; make room, or set {CACHE_VARIABLE} to a folder with room"
    )


_Item = TypeVar("_Item")


class Prefetcher(Generic[_Item]):
    """Calls `make(n)` for `prefetcher(n)`, and for the next `depth` numbers in other threads meanwhile.

    Results don't depend on the order of the calls; only ascending ones are fast. An exception of `make(n)`
    is raised by `prefetcher(n)`.
    """

    def __init__(self, make: Callable[[int], _Item], depth: int = 1, end: int | None = None) -> None:
        """`make` is called for numbers below `end` only, in up to `depth` threads at once."""
        self._make = make
        self._depth = depth
        self._end = end
        self._pool = ThreadPoolExecutor(depth, thread_name_prefix="prefetch")
        self._futures: dict[int, Future[_Item]] = {}

    def __call__(self, number: int) -> _Item:
        stop = number + self._depth + 1
        needed = range(number, stop if self._end is None else min(stop, self._end))
        for other in self._futures.keys() - set(needed):
            self._futures.pop(other).cancel()
        for other in needed:
            if other not in self._futures:
                self._futures[other] = self._pool.submit(self._make, other)
        return self._futures.pop(number).result()

    def close(self) -> None:
        """End the threads; waits for running calls of `make`."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Prefetcher[_Item]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
