"""Find, rename and delete run folders; loads no torch, so that the app starts quickly."""

from __future__ import annotations

import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path

from PySide6.QtCore import QFile

from fakd_core.errors import RunError
from fakd_core.runs.layout import RunLayout


def default_runs_root() -> Path:
    """`./runs` if it exists, as in a project; else `FAKD runs` in the home folder."""
    here = Path.cwd() / "runs"
    return here if here.is_dir() else Path.home() / "FAKD runs"


def is_run(folder: Path) -> bool:
    """True if `folder` holds a readable run."""
    return RunLayout(folder).is_run()


def has_student(run: Path) -> bool:
    """True if `run` has a saved student."""
    return RunLayout(run).best_student() is not None


def runs_in(root: Path) -> list[Path]:
    """The run folders directly in `root`, newest first; none if it can't be read."""
    try:
        found = [folder for folder in root.iterdir() if is_run(folder)]
    except OSError:
        return []
    return sorted(found, key=started_at, reverse=True)


def started_at(run: Path) -> float:
    """The time at which the run's settings were written; infinity while it is being set up."""
    try:
        return RunLayout(run).config.stat().st_mtime
    except OSError:
        return float("inf")


def free_run_folder(root: Path, name: str) -> Path:
    """`root/name-N` with the first N that is free."""
    numbered = (root / f"{name}-{number}" for number in count(1))
    return next(folder for folder in numbered if not folder.exists())


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
        if to.exists():
            raise RunError(f"{name} already exists: choose another name")
        return run.rename(to)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunError(f"{run.name} can't be renamed: {reason}") from None


def move_to_trash(run: Path) -> Path | None:
    """Move the folder to the system's trash; its path there, if the system gives it.

    Raises:
        RunError: It can't be moved.
    """
    folder = QFile(str(run))
    if not folder.moveToTrash():
        raise RunError(f"{run}: can't be moved to the trash")
    trashed = Path(folder.fileName())
    return trashed if trashed != run and trashed.exists() else None


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


def delete_permanently(run: Path) -> None:
    """Delete the folder and everything in it.

    Raises:
        RunError: It can't be deleted.
    """
    try:
        shutil.rmtree(run)
    except OSError as error:
        raise RunError(f"{run.name} can't be deleted: {error.strerror}") from None
