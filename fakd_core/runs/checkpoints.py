"""Saving and loading the states that a run resumes from: several are kept, and damage is detected."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from fakd_core.errors import RunError
from fakd_core.files import atomic_path
from fakd_core.system.platforms import replace_file

State = dict[str, Any]


def save_state(files: Sequence[Path], state: State) -> None:
    """Write `state` to the first of `files`; each older state moves on to the next file.

    At every moment all of them are complete. Raises `OSError` if it can't be written.
    """
    newest, previous, *_ = files
    if newest.is_dir():  # Someone's mistake, which `load_state` reported as damaged.
        newest.rename(newest.with_name(f"{newest.name}-damaged-{time.time_ns()}"))
    with atomic_path(newest) as temporary:
        try:
            torch.save(state, temporary)
        except RuntimeError as error:  # torch's error for a full disk.
            raise OSError(f"{newest}: can't be written (is the disk full?): {error}") from error
        for file, older in reversed(list(pairwise(files[1:]))):
            with suppress(FileNotFoundError):
                replace_file(file, older)
        with suppress(FileNotFoundError):
            try:
                previous.hardlink_to(newest)
            except OSError:  # There is no older state, or the file system has no hard links.
                replace_file(newest, previous)


def load_state(files: Sequence[Path]) -> tuple[State | None, list[Path]]:
    """The newest state that is intact, and the damaged files that are newer; None if none was ever saved.

    Raises `RunError` if all are damaged.
    """
    damaged: list[Path] = []
    for path in files:
        if not path.exists():
            continue
        try:
            return _read(path), damaged
        except Exception:  # noqa: BLE001 - whatever is wrong with it, an older one may be intact
            damaged.append(path)
    if damaged:
        names = ", ".join(path.name for path in damaged)
        raise RunError(
            f"{files[0].parent}: damaged or not checkpoints of this program: {names}; "
            "remove them to begin the run again, or start a new run"
        )
    return None, []


def _read(path: Path) -> State:
    # torch doesn't verify the checksums that it writes.
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
    if broken is not None:
        raise RunError(f"{path}: {broken} does not match its checksum")
    state: State = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise RunError(f"{path}: expected the state of a run, found {type(state).__name__}")
    return state
