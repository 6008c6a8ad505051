"""The files of a teacher cache: damaged, too large for the disk, cut off, abandoned."""

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
def test_a_damaged_block_is_computed_again(
    make_batches: Make, teacher: SRNetwork, tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    prepared(make_batches())
    retrained = frozen(create_model(teacher.spec))
    prepared(make_batches(teachers=[("retrained", retrained)], folder=tmp_path / "other"))
    (other, *_), (first, second, third) = block_files(tmp_path / "other"), block_files(tmp_path / "cache")
    # Copies: what is mapped goes with the file.
    good = {name: tensor.clone() for name, tensor in load_file(second).items()}
    untouched = {path: path.stat().st_mtime_ns for path in (first, third)}
    damage(second, other)
    assert "1 files are damaged and computed again" in announcement(prepared(make_batches()))
    again = load_file(second)
    assert all(torch.equal(again[name], tensor) for name, tensor in good.items())
    assert {path: path.stat().st_mtime_ns for path in untouched} == untouched


def test_a_full_disk_is_reported_before_anything_is_written(
    make_batches: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    block = make_batches()._caches[0].block_bytes
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2 * block))
    with pytest.raises(
        DataError,
        match=r"70 patches, 1\.8 MB in .*: no room, 1\.8 MB .* 1\.2 MB free; use --cache-patches 64 or fewer",
    ):
        prepared(make_batches())
    assert not (tmp_path / "cache").exists()
    prepared(make_batches(patches=64))
    # Now only what is missing counts.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=block))
    prepared(make_batches())
    with pytest.raises(DataError, match="--cache-patches 128 or fewer"):
        prepared(make_batches(patches=200))


def test_the_reported_size_is_the_size_on_disk(make_batches: Make, tmp_path: Path) -> None:
    cached = make_batches()
    prepared(cached)
    taken = sum(path.stat().st_size for path in block_files(tmp_path))
    reported = 3 * cached._caches[0].block_bytes
    assert reported - 3 * 1024 <= taken <= reported


def test_a_disk_that_fills_up_meanwhile_keeps_the_finished_blocks(make_batches: Make, tmp_path: Path) -> None:
    building = make_batches().prepare(CancelToken())
    while not block_files(tmp_path):
        next(building)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"can't be written .*finished files are kept"):
            list(building)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(files(tmp_path / "cache")) == 2
    prepared(make_batches())
    assert files(tmp_path / "cache") == THREE_BLOCKS


def test_a_stop_keeps_the_finished_blocks(make_batches: Make, tmp_path: Path) -> None:
    token = CancelToken()
    building = make_batches().prepare(token)
    while not block_files(tmp_path):
        next(building)
    token.cancel()
    with pytest.raises(Cancelled):
        list(building)
    assert len(files(tmp_path / "cache")) == 2


def test_outputs_beyond_half_precision_are_refused(
    make_batches: Make, small_teacher: Path, tmp_path: Path
) -> None:
    loud = load_model(small_teacher)
    loud.state_dict()["head.0.weight"].mul_(1e6)
    with pytest.raises(ConfigError, match=r"loud: its SR reaches .*65504; train without --teacher-cache"):
        prepared(make_batches(teachers=[("loud", frozen(loud))]))
    assert block_files(tmp_path) == []


def test_a_folder_that_is_a_file_is_refused(make_batches: Make, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(ConfigError, match=r"cache: .*Not a directory.*--teacher-cache"):
        make_batches()


def test_only_abandoned_partial_files_are_removed(make_batches: Make, tmp_path: Path) -> None:
    prepared(make_batches())
    (folder,) = (tmp_path / "cache").iterdir()
    old, new = folder / ".block-00000.aa.safetensors", folder / ".block-00001.bb.safetensors"
    for part in (old, new):
        part.write_bytes(b"part")
    os.utime(old, (time.time() - 7200,) * 2)
    prepared(make_batches())
    assert files(tmp_path / "cache") == [new.name, *THREE_BLOCKS]
