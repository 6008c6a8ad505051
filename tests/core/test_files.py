"""Atomic writing: the old content or the new, never a part."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fakd_core.files import atomic_path, check_writable, clear_unfinished, remove_unfinished, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "settings.toml"
    write_text(target, "old")

    def fail_half_way() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("ne")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_can_be_read_by_those_who_could_read_a_plain_one(tmp_path: Path) -> None:
    plain, atomic = tmp_path / "baseline", tmp_path / "atomic"
    plain.write_text("")
    write_text(atomic, "")
    assert atomic.stat().st_mode == plain.stat().st_mode


def test_what_a_killed_process_left_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with atomic_path(inner / "a.pt") as temporary:
        left = temporary
    left.write_text("half")
    (inner / "a.pt").unlink()
    kept = [inner / name for name in ("a.pt", ".hidden", ".a.notes.txt", "b.0123abcd.pt")]
    for path in kept:
        path.write_text("")
    clear_unfinished(tmp_path)
    assert not left.exists()
    assert all(path.exists() for path in kept)


@pytest.mark.parametrize("name", ["a" * 244 + ".png", "é" * 124 + ".toml", "a." + "b" * 253, "日" * 85])
def test_a_name_of_any_allowed_length_can_be_written(tmp_path: Path, name: str) -> None:
    with atomic_path(tmp_path / name) as temporary:
        temporary.write_text("new")
        assert len(Path(name).suffix) > 9 or temporary.name.endswith(Path(name).suffix)
        left = temporary.name
    assert [path.name for path in tmp_path.iterdir()] == [name]
    (tmp_path / left).write_text("left by a killed process")
    remove_unfinished(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_name_that_is_too_long_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File name too long"), atomic_path(tmp_path / ("a" * 256)):
        pytest.fail("the work began")
    with pytest.raises(OSError, match="File name too long"):
        check_writable(tmp_path / ("a" * 256))


def test_a_link_stays_and_the_file_behind_it_is_written(tmp_path: Path) -> None:
    target, link, loop = (tmp_path / name for name in ("there/target.toml", "link.toml", "loop.toml"))
    link.symlink_to("there/target.toml")
    for content in ("new", "newer"):
        check_writable(link)
        write_text(link, content)
        assert link.is_symlink()
        assert target.read_text() == content
    assert list(target.parent.iterdir()) == [target]
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="symbolic links"):
        write_text(loop, "")


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "a.toml").touch(0o600)
    write_text(tmp_path / "a.toml", "secret")
    assert (tmp_path / "a.toml").stat().st_mode & 0o777 == 0o600


def test_a_device_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link.csv"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(OSError, match="a pipe or a device; name a file"):
            check_writable(path)
        with pytest.raises(OSError, match="a pipe or a device; name a file"):
            write_text(path, "")
    assert pipe.is_fifo()
