"""Find, rename and delete run folders; loads no torch, so that the app starts quickly."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import ENOENT, ENOTDIR
from itertools import count
from pathlib import Path
from stat import S_ISREG

from PySide6.QtCore import QFile

from fakd_core.errors import RunError
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.references import split_taps, with_taps
from fakd_core.system.platforms import check_name, wait_while_in_use


def default_runs_root() -> Path:
    """`./runs` if it exists, as in a project; else `FAKD runs` in the home folder."""
    here = Path.cwd() / "runs"
    return here if here.is_dir() else Path.home() / "FAKD runs"


OWN_TRASH = ".trash"
"""The folder for runs where the system has no trash."""


def is_run(folder: Path) -> bool:
    """True if `folder` holds a readable run."""
    return RunLayout(folder).is_run()


def has_student(run: Path) -> bool:
    """True if `run` has a saved student."""
    return RunLayout(run).best_student() is not None


@dataclass(frozen=True)
class RunScan:
    """The runs that were found on the disk, when `known` was what the session knew."""

    known: tuple[Path, ...]
    started: dict[Path, float]
    """The time at which each run's settings were written, the newest first."""
    folders: list[Path]
    """The root and the other folders in it, which may become runs."""

    @property
    def gone(self) -> list[Path]:
        return [run for run in self.known if run not in self.started]


def scan_runs(root: Path, known: Sequence[Path]) -> RunScan:
    """Look for the `known` runs, and for others directly in `root`. Slow: call from a worker thread only.

    A run is found once, even if it can be reached by several paths.
    """
    real_root = os.path.realpath(root)
    try:
        inside = [Path(entry.path) for entry in os.scandir(root) if entry.is_dir()]
        folders = [root]
    except OSError:
        inside, folders = [], []
    started: dict[Path, float] = {}
    found: set[str] = set()
    for folder in dict.fromkeys((*known, *inside)):
        is_inside = folder.parent == root
        place = os.path.join(real_root, folder.name) if is_inside else os.path.realpath(folder)
        if place in found:
            continue
        try:
            started[folder] = started_at(folder)
            found.add(place)
        except OSError as error:
            # One that can't be read at present is still there.
            if folder in known and error.errno not in (ENOENT, ENOTDIR):
                started[folder] = 0.0
            elif is_inside:
                folders.append(folder)
    newest = sorted(started, key=started.__getitem__, reverse=True)
    return RunScan(tuple(known), {run: started[run] for run in newest}, folders)


def is_same_folder(a: Path, b: Path) -> bool:
    """True if both paths lead to one existing folder."""
    try:
        return a.samefile(b)
    except OSError:
        return False


def started_at(run: Path) -> float:
    """The time at which the run's settings were written; raises `OSError` if there are none."""
    info = RunLayout(run).config.stat()
    if not S_ISREG(info.st_mode):
        raise FileNotFoundError(ENOENT, "no file", str(run))
    return info.st_mtime


def follow_run(ref: str, run: Path, to: Path | None) -> str | None:
    """The reference `ref` after the folder `run` was renamed to `to`; None if it is gone with it.

    It may name the run or a file in it, with taps. A name without a folder is a bundled model's or a
    preset's.
    """
    name, taps = split_taps(ref)
    if Path(name).name == name:
        return ref
    path = Path(os.path.abspath(os.path.expanduser(name)))
    if path != run and run not in path.parents:
        return ref
    return None if to is None else with_taps(str(to / path.relative_to(run)), taps)


def free_run_folder(root: Path, name: str, taken: Collection[Path | None] = ()) -> Path:
    """`root/name-N` with the first N that is free and not `taken`."""
    numbered = (root / f"{name}-{number}" for number in count(1))
    return next(folder for folder in numbered if folder not in taken and not folder.exists())


def rename_run(run: Path, name: str) -> Path:
    """Rename the folder; its new path.

    Raises:
        RunError: The name is invalid or in use, or the folder can't be renamed.
    """
    name = name.strip()
    if not name or name.startswith(".") or Path(name).name != name:
        raise RunError(
            f"{name or 'an empty text'} can't be the name of a run: "
            "use a name without / that doesn't begin with a dot"
        )
    to = run.with_name(name)
    try:
        check_name(to)
        if to.exists() and not is_same_folder(run, to):  # It is the same if only the case changes.
            raise RunError(f"{name} already exists: choose another name")
        return wait_while_in_use(lambda: run.rename(to))  # The list of runs may be reading in it.
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunError(f"{run.name} can't be renamed: {reason}") from None


def move_to_trash(run: Path) -> Path | None:
    """Move the folder to the system's trash; its path there, if the system gives it.

    Where the system has no trash for it, it goes to a hidden folder beside it.

    Raises:
        RunError: It can't be moved.
    """
    folder = QFile(str(run))

    def move() -> None:
        if not folder.moveToTrash():
            raise PermissionError

    try:
        wait_while_in_use(move)
    except PermissionError:
        return _move_to_own_trash(run)
    trashed = Path(folder.fileName())  # Empty if the system doesn't say where.
    return trashed if trashed not in (run, Path()) and trashed.exists() else None


def _move_to_own_trash(run: Path) -> Path:
    trash = run.with_name(OWN_TRASH)
    try:
        trash.mkdir(exist_ok=True)
        return run.rename(free_run_folder(trash, run.name))
    except OSError as error:
        raise RunError(f"{run}: can't be moved to the trash ({error.strerror})") from None


def restore_from_trash(trashed: Path, run: Path) -> Path:
    """Move a folder back to `run`, or beside it if that path is in use again; its path.

    Raises:
        RunError: It can't be moved.
    """
    to = free_run_folder(run.parent, run.name) if run.exists() else run
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(trashed, to)
    except OSError as error:
        raise RunError(f"{run.name} can't be restored from the trash: {error.strerror}") from None
    # The trash's record of it, on systems that follow freedesktop.org.
    with suppress(OSError):
        (trashed.parent.parent / "info" / f"{trashed.name}.trashinfo").unlink(missing_ok=True)
    return to
