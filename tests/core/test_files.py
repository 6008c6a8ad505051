"""Atomic writing: the old content or the new, never a part."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakd_core.files import atomic_path, clear_unfinished, write_text


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
