"""The files of a teacher's answers: damaged, too large for the disk, cut off, abandoned."""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from teacher_caches import THREE_BLOCKS, Make, announcement, block_files, files, frozen, prepared

from fakd_core import create_model, load_model
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import Cancelled, CancelToken
from fakd_core.models.layers import SRNetwork


def truncated(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path: Path, other: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def emptied(path: Path, other: Path) -> None:
    path.write_bytes(b"")


def taken_from_another_cache(path: Path, other: Path) -> None:
    shutil.copy(other, path)


@pytest.mark.parametrize("damage", [truncated, flipped, emptied, taken_from_another_cache])
def test_a_block_that_cannot_be_trusted_is_computed_anew(
    lessons: Make, teacher: SRNetwork, tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    prepared(lessons())
    retrained = frozen(create_model(teacher.spec))
    prepared(lessons(teachers=[("retrained", retrained)], folder=tmp_path / "other"))
    (other, *_), (first, second, third) = block_files(tmp_path / "other"), block_files(tmp_path / "cache")
    # Copies: what is mapped goes with the file.
    good = {name: tensor.clone() for name, tensor in load_file(second).items()}
    untouched = {path: path.stat().st_mtime_ns for path in (first, third)}
    damage(second, other)
    assert "1 files are damaged and made anew" in announcement(prepared(lessons()))
    again = load_file(second)
    assert all(torch.equal(again[name], tensor) for name, tensor in good.items())
    assert {path: path.stat().st_mtime_ns for path in untouched} == untouched


def test_no_room_is_said_before_anything_is_written(
    lessons: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    block = lessons()._caches[0].block_bytes
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2 * block))
    with pytest.raises(
        DataError,
        match=r"70 patches, 1\.8 MB in .*: no room, 1\.8 MB .* 1\.2 MB free; use --cache-patches 64 or fewer",
    ):
        prepared(lessons())
    assert not (tmp_path / "cache").exists()
    prepared(lessons(patches=64))
    # Now only what is missing counts.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=block))
    prepared(lessons())
    with pytest.raises(DataError, match="--cache-patches 128 or fewer"):
        prepared(lessons(patches=200))


def test_the_size_told_is_the_size_taken(lessons: Make, tmp_path: Path) -> None:
    cached = lessons()
    prepared(cached)
    taken = sum(path.stat().st_size for path in block_files(tmp_path))
    told = 3 * cached._caches[0].block_bytes
    assert told - 3 * 1024 <= taken <= told


def test_a_disk_that_fills_up_on_the_way_keeps_what_is_finished(lessons: Make, tmp_path: Path) -> None:
    building = lessons().prepare(CancelToken())
    while not block_files(tmp_path):
        next(building)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"can't be written .*what is finished stays"):
            list(building)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(files(tmp_path / "cache")) == 2
    prepared(lessons())
    assert files(tmp_path / "cache") == THREE_BLOCKS


def test_a_stop_keeps_what_is_finished(lessons: Make, tmp_path: Path) -> None:
    token = CancelToken()
    building = lessons().prepare(token)
    while not block_files(tmp_path):
        next(building)
    token.cancel()
    with pytest.raises(Cancelled):
        list(building)
    assert len(files(tmp_path / "cache")) == 2


def test_answers_beyond_half_precision_are_refused(
    lessons: Make, small_teacher: Path, tmp_path: Path
) -> None:
    loud = load_model(small_teacher)
    loud.state_dict()["head.0.weight"].mul_(1e6)
    with pytest.raises(ConfigError, match=r"loud: its SR reaches .*65504; train without --teacher-cache"):
        prepared(lessons(teachers=[("loud", frozen(loud))]))
    assert block_files(tmp_path) == []


def test_a_folder_that_is_a_file_is_refused(lessons: Make, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(ConfigError, match=r"cache: .*Not a directory.*--teacher-cache"):
        lessons()


def test_abandoned_parts_are_removed_and_those_in_the_making_are_not(lessons: Make, tmp_path: Path) -> None:
    prepared(lessons())
    (folder,) = (tmp_path / "cache").iterdir()
    old, new = folder / ".block-00000.aa.safetensors", folder / ".block-00001.bb.safetensors"
    for part in (old, new):
        part.write_bytes(b"part")
    os.utime(old, (time.time() - 7200,) * 2)
    prepared(lessons())
    assert files(tmp_path / "cache") == [new.name, *THREE_BLOCKS]
