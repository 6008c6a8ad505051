"""The store of decoded images equals the files, is never out of date, and has one builder at a time."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from stores import DECODING, NAMES, WAITING, content_hash, drained, equal_to_files, fill, left_in, stored

from fakd_core.data import pixel_store
from fakd_core.data.datasets import ImagePair, SRDataset, open_dataset
from fakd_core.data.pixel_store import lock_path, open_store, store_files, store_folder
from fakd_core.errors import DataError
from fakd_core.events import Cancelled, CancelToken

Shared = Callable[[str], Path]
pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return fill(tmp_path / "photos", NAMES, 41, 54)


@pytest.mark.parametrize(
    ("folder", "scale"), [("data/DIV2K_mini", 4), ("data/benchmark/Set5", 3), ("data/benchmark/Set5", 5)]
)
def test_pixels_are_those_of_the_files(shared: Shared, folder: str, scale: int) -> None:
    dataset = open_dataset(shared(folder), scale)
    store = stored(dataset)
    assert equal_to_files(store, dataset)
    assert not store[0][0].flags.writeable
    pixels = sum(image.nbytes for index in range(len(store)) for image in store[index])
    assert pixels == pixel_store._pixel_bytes(dataset)


def test_an_up_to_date_store_is_used_without_events(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, said = drained(open_dataset(photos, 4))
    assert said == DECODING
    monkeypatch.setattr(SRDataset, "load", None)
    again, said = drained(open_dataset(photos, 4))
    assert said == []
    assert content_hash(again) == content_hash(first)


def alter(photos: Path) -> None:
    """Write other pixels in a file of the same size, as an uncompressed format does."""
    path = photos / "b.bmp"
    content = bytearray(path.read_bytes())
    content[-500:] = bytes(500)
    path.write_bytes(content)


def touch(photos: Path) -> None:
    os.utime(photos / "b.png", ns=(1, 1))


@pytest.mark.parametrize(
    "change",
    [
        alter,
        touch,
        lambda photos: (photos / "b.png").unlink(),
        lambda photos: fill(photos, ["d.png"]),
        lambda photos: (photos / "c.png").rename(photos / "e.png"),
    ],
    ids=["altered", "touched", "removed", "added", "renamed"],
)
def test_it_is_made_again_when_a_file_changes(photos: Path, change: Callable[[Path], object]) -> None:
    from PIL import Image

    Image.open(photos / "a.png").save(photos / "b.bmp")
    old = stored(open_dataset(photos, 4))
    old_pixels = old[1][1].copy()
    change(photos)
    dataset = open_dataset(photos, 4)
    store, said = drained(dataset)
    assert said == ["decoding images"] * len(dataset)
    assert equal_to_files(store, dataset)
    assert (content_hash(store) == content_hash(old)) == (change is touch)
    assert left_in(store_folder()) == [path.name for path in store_files(dataset)]
    assert len(store_files(dataset)) == 1
    assert np.array_equal(old[1][1], old_pixels), "who has the old store open keeps it"


def test_lr_files_count_too(photos: Path, tmp_path: Path) -> None:
    made = stored(open_dataset(photos, 2))
    fill(tmp_path / "set/HR", NAMES, 40, 52)
    fill(tmp_path / "set/LR_bicubic/X2", [f"{name[0]}x2.png" for name in NAMES], 20, 26)
    given = stored(open_dataset(tmp_path / "set", 2))
    os.utime(tmp_path / "set/LR_bicubic/X2/bx2.png", ns=(1, 1))
    assert drained(open_dataset(tmp_path / "set", 2))[1] == DECODING
    shutil.rmtree(tmp_path / "set/LR_bicubic")
    without, said = drained(open_dataset(tmp_path / "set", 2))
    assert said == DECODING
    assert len({content_hash(made), content_hash(given), content_hash(without)}) == 3


def test_one_store_per_folder_and_scale(photos: Path, cache: Path) -> None:
    shutil.copytree(photos, photos.parent / "other/photos")
    x2, x4 = stored(open_dataset(photos, 2)), stored(open_dataset(photos, 4))
    other = stored(open_dataset(photos.parent / "other/photos", 4))
    assert len(left_in(cache)) == 3
    assert content_hash(x4) == content_hash(other) != content_hash(x2)
    assert all(drained(open_dataset(photos, scale))[1] == [] for scale in (2, 4))


def test_the_hash_of_some_images_is_theirs_alone(photos: Path) -> None:
    store = stored(open_dataset(photos, 4))
    assert content_hash(store) == store.hash_of((0, 1, 2))
    assert len({store.hash_of(some) for some in [(0, 1), (1, 0), (0, 2), (0,), (0, 1, 2)]}) == 5
    before = store.hash_of((0, 2))
    fill(photos, ["b.png"], 48, 48)
    assert stored(open_dataset(photos, 4)).hash_of((0, 2)) == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: os.truncate(path, path.stat().st_size - 1),
        lambda path: os.truncate(path, 3),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[1:]),
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"!"),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"entries"', b'"antries"')),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"sha256"', b'"sha255"')),
        lambda path: path.write_bytes(path.read_bytes().replace(b'{"inputs', b'["inputs')),
        lambda path: path.write_bytes(path.read_bytes()[:-16] + b"\xff" * 8 + path.read_bytes()[-8:]),
    ],
    ids=[
        "half",
        "cut",
        "tiny",
        "empty",
        "shifted",
        "other magic bytes",
        "no entries",
        "other entries",
        "no JSON",
        "no length",
    ],
)
def test_a_damaged_store_is_made_again(photos: Path, damage: Callable[[Path], object]) -> None:
    dataset = open_dataset(photos, 4)
    stored(dataset)
    damage(store_files(dataset)[0])
    store, said = drained(dataset)
    assert said == DECODING
    assert equal_to_files(store, dataset)


def test_cancelling_leaves_nothing(photos: Path, cache: Path) -> None:
    token = CancelToken()
    opening = open_store(open_dataset(photos, 4), token)
    assert [next(opening).done, next(opening).done] == [0, 1]
    token.cancel()
    with pytest.raises(Cancelled):
        next(opening)
    assert left_in(cache) == []
    assert equal_to_files(stored(open_dataset(photos, 4)), open_dataset(photos, 4))


def test_closing_the_generator_half_way_leaves_nothing(photos: Path, cache: Path) -> None:
    opening = open_store(open_dataset(photos, 4), CancelToken())
    next(opening)
    opening.close()
    assert left_in(cache) == []


def test_an_unreadable_image_is_named_and_the_others_are_kept(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stored(open_dataset(photos, 4)).hash_of((0, 2))
    os.truncate(photos / "b.png", 2000)
    dataset = open_dataset(photos, 4)
    for said in (DECODING, []):
        store, progress = drained(dataset)
        assert progress == said
        [(index, problem)] = store.problems.items()
        assert index == 1
        assert "b.png: damaged" in problem
        assert store.hash_of((0, 2)) == whole
    # As when only the permission was missing, which leaves no trace in the file itself.
    readable = ImagePair("b", *(np.zeros((side, side, 3), np.uint8) for side in (4, 16)))
    monkeypatch.setattr(SRDataset, "load", lambda self, index: readable)
    repaired, progress = drained(dataset)
    assert progress == DECODING
    assert repaired.problems == {}


def test_if_no_image_can_be_read_nothing_is_left(photos: Path, cache: Path) -> None:
    for name in NAMES:
        os.truncate(photos / name, 2000)
    with pytest.raises(DataError, match=r"none of the 3 images can be read\. The first: .*a\.png: damaged"):
        stored(open_dataset(photos, 4))
    assert left_in(cache) == []


def test_an_image_that_disappears_is_an_error(photos: Path) -> None:
    dataset = open_dataset(photos, 4)
    (photos / "b.png").unlink()
    with pytest.raises(DataError, match=r"b\.png: can't be read \(No such file"):
        stored(dataset)


def test_too_little_room_is_an_error_before_anything_is_decoded(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = open_dataset(photos, 4)
    need = 3 * 3 * (40 * 52 + 10 * 13)
    usage = shutil.disk_usage(photos)
    monkeypatch.setattr(pixel_store.shutil, "disk_usage", lambda _: usage._replace(free=need - 1))
    with pytest.raises(DataError, match=r"no room .* of photos: they take 0\.00 GB, .* FAKD_CACHE"):
        stored(dataset)
    assert left_in(cache) == []
    monkeypatch.setattr(pixel_store.shutil, "disk_usage", lambda _: usage._replace(free=need))
    stored(dataset)


def test_a_folder_that_cannot_be_made(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKD_CACHE", str(photos / "a.png"))
    with pytest.raises(DataError, match=r"a\.png/stores: .* kept there \(.*\); set FAKD_CACHE"):
        stored(open_dataset(photos, 4))


def test_the_folder_of_stores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FAKD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert store_folder() == tmp_path / "fakd/stores"
    monkeypatch.setenv("FAKD_CACHE", "here")
    assert store_folder() == Path("here/stores").absolute()


def test_waiting_for_another_process_can_be_cancelled(photos: Path, cache: Path) -> None:
    dataset = open_dataset(photos, 4)
    cache.mkdir(parents=True)
    token = CancelToken()
    with lock_path(dataset).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        opening = open_store(dataset, token)
        assert [next(opening).what for _ in range(3)] == [WAITING] * 3
        token.cancel()
        with pytest.raises(Cancelled):
            next(opening)
    assert drained(dataset)[1] == DECODING


def test_it_is_made_on_file_systems_without_locks(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(file: IO[str], operation: int) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert equal_to_files(stored(open_dataset(photos, 4)), open_dataset(photos, 4))


def test_a_disk_that_fills_up_half_way(photos: Path, cache: Path) -> None:
    """A limit on the size of this process's files simulates the disk."""
    dataset = open_dataset(photos, 4)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (pixel_store._pixel_bytes(dataset) // 2, before[1]))
    try:
        with pytest.raises(DataError, match=r"no room .* photos \(File too large\): they take .* FAKD_CACHE"):
            stored(dataset)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert left_in(cache) == []
    assert equal_to_files(stored(dataset), dataset)
