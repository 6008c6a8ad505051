"""The states that a run resumes from: the last three, and a damaged one is noticed."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from fakd_core.errors import RunError
from fakd_core.files import atomic_path

KEPT = 3

State = dict[str, Any]


def state_file(folder: Path, age: int = 0) -> Path:
    """The newest state in `folder`, or the one `age` saves before it."""
    return folder / (f"last-{age}.pt" if age else "last.pt")


def save_state(folder: Path, state: State) -> Path:
    """Write `state` as the newest; at every moment of this the ones before are whole.

    Raises `OSError` if it can't be written.
    """
    newest = state_file(folder)
    with atomic_path(newest) as temporary:
        try:
            torch.save(state, temporary)
        except RuntimeError as error:  # What torch makes of a full disk.
            raise OSError(f"{newest}: can't be written: {error}") from error
        for age in reversed(range(2, KEPT)):
            with suppress(FileNotFoundError):
                state_file(folder, age - 1).replace(state_file(folder, age))
        with suppress(FileNotFoundError):
            _keep_as(newest, state_file(folder, 1))
    return newest


def _keep_as(path: Path, other: Path) -> None:
    """Give `path` a second name; on file systems that know no second names, that one alone."""
    try:
        other.hardlink_to(path)
    except FileNotFoundError:
        raise
    except OSError:
        path.replace(other)


def load_state(folder: Path) -> tuple[State | None, list[Path]]:
    """The newest state that is whole, and the damaged ones that are newer; None where none was ever saved.

    Raises:
        RunError: all are damaged.
    """
    damaged: list[Path] = []
    for path in (state_file(folder, age) for age in range(KEPT)):
        if not path.exists():
            continue
        try:
            return _read(path), damaged
        except Exception:  # noqa: BLE001 - whatever is wrong with it, there may be one before
            damaged.append(path)
    if damaged:
        names = ", ".join(path.name for path in damaged)
        raise RunError(
            f"{folder}: damaged or not checkpoints of this program: {names}; "
            "remove them to begin the run again, or start a new run"
        )
    return None, []


def _read(path: Path) -> State:
    # torch itself does not look at the checksums that it writes.
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
    if broken is not None:
        raise RunError(f"{path}: {broken} does not match its checksum")
    state: State = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise RunError(f"{path}: expected the state of a run, found {type(state).__name__}")
    return state
