"""The last three states are kept, complete at every moment, and damage is detected."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from fakd_core.errors import RunError
from fakd_core.runs.checkpoints import load_state, save_state
from fakd_core.runs.layout import RunLayout


def states(folder: Path) -> list[Path]:
    return [folder / name for name in ("last.pt", "last-1.pt", "last-2.pt")]


def save(folder: Path, *numbers: int) -> None:
    for number in numbers:
        save_state(states(folder), {"number": number, "weights": torch.full((1000,), float(number))})


def loaded(folder: Path) -> tuple[int | None, list[str]]:
    state, damaged = load_state(states(folder))
    return (None if state is None else state["number"]), [path.name for path in damaged]


def test_the_last_three_are_kept(tmp_path: Path) -> None:
    assert loaded(tmp_path) == (None, [])
    save(tmp_path, 1, 2, 3, 4, 5)
    assert loaded(tmp_path) == (5, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last-1.pt", "last-2.pt", "last.pt"]
    kept = [torch.load(path)["number"] for path in states(tmp_path)]
    assert kept == [5, 4, 3]
    assert len(RunLayout(tmp_path).states) == 3


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_damage_is_detected_and_the_state_before_is_used(tmp_path: Path, content: bytes | None) -> None:
    save(tmp_path, 1, 2, 3)
    whole = (tmp_path / "last.pt").read_bytes()
    (tmp_path / "last.pt").write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert loaded(tmp_path) == (2, ["last.pt"])
    (tmp_path / "last-1.pt").write_bytes(b"")
    assert loaded(tmp_path) == (1, ["last.pt", "last-1.pt"])
    (tmp_path / "last-2.pt").write_bytes(b"")
    with pytest.raises(RunError, match="begin the run again"):
        load_state(states(tmp_path))


def test_every_flipped_bit_of_the_weights_is_detected(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    path = tmp_path / "last.pt"
    content = path.read_bytes()
    start = content.index(torch.full((4,), 2.0).numpy().tobytes())
    for offset in range(start, start + 4000, 397):
        damaged = bytearray(content)
        damaged[offset] ^= 16
        path.write_bytes(damaged)
        assert loaded(tmp_path) == (1, ["last.pt"])


def test_a_failed_save_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 1, 2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path, 3)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_complete_state_exists_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even between the renames, when the process may be killed."""
    save(tmp_path, 1, 2, 3)
    seen: list[int | None] = []
    replace = Path.replace

    def look_and_replace(path: Path, target: Path) -> Path:
        seen.append(loaded(tmp_path)[0])
        moved = replace(path, target)
        seen.append(loaded(tmp_path)[0])
        return moved

    monkeypatch.setattr(Path, "replace", look_and_replace)
    save(tmp_path, 4)
    assert seen == [3, 3, 3, 4]


def test_without_hard_links_the_files_are_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    save(tmp_path, 1, 2, 3, 4)
    assert loaded(tmp_path) == (4, [])
    assert torch.load(tmp_path / "last-2.pt")["number"] == 2


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "harm",)

    torch.save({"harm": Harm()}, tmp_path / "last.pt")
    with pytest.raises(RunError):
        load_state(states(tmp_path))
    assert not (tmp_path / "harm").exists()
