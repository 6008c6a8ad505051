"""Where runs lie, which are there, and moving them; cheap enough for the start of the app (no torch)."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QFile

from fakd_core.errors import RunError
from fakd_core.runs.layout import RunLayout


def default_runs_root() -> Path:
    """`./runs` where that folder is, as in a project; else `FAKD runs` in the home folder."""
    here = Path.cwd() / "runs"
    return here if here.is_dir() else Path.home() / "FAKD runs"


def is_run(folder: Path) -> bool:
    """Whether `folder` holds a run that can be read."""
    return RunLayout(folder).is_run()


def has_student(run: Path) -> bool:
    """Whether a student was saved in `run` already."""
    return RunLayout(run).best_student() is not None


def runs_in(root: Path) -> list[Path]:
    """The run folders directly in `root`, the newest first; none if it can't be read."""
    try:
        found = [folder for folder in root.iterdir() if is_run(folder)]
    except OSError:
        return []
    return sorted(found, key=begun, reverse=True)


def begun(run: Path) -> float:
    """When the run's settings were written; of one that is being set up, the future."""
    try:
        return RunLayout(run).config.stat().st_mtime
    except OSError:
        return float("inf")


def free_run_folder(root: Path, name: str) -> Path:
    """`root/name-N` with the first N that is free."""
    number = 1
    while (root / f"{name}-{number}").exists():
        number += 1
    return root / f"{name}-{number}"


def rename_run(run: Path, name: str) -> Path:
    """Give the folder another name; where it lies now.

    Raises `RunError` for a name that is none or taken, or a folder that can't be renamed.
    """
    name = name.strip()
    if not name or name.startswith(".") or Path(name).name != name:
        raise RunError(
            f"{name or 'an empty text'} can't be the name of a run: "
            "give a name without / that doesn't begin with a dot"
        )
    to = run.with_name(name)
    try:
        if to.exists():
            raise RunError(f"{name} is there already: choose another name")
        return run.rename(to)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunError(f"{run.name} can't be renamed: {reason}") from None


def move_to_trash(run: Path) -> Path | None:
    """Move the folder to the system's trash; where it is there, if the system says.

    Raises `RunError` if it can't be moved there.
    """
    folder = QFile(str(run))
    if not folder.moveToTrash():
        raise RunError(f"{run}: can't be moved to the trash")
    trashed = Path(folder.fileName())
    return trashed if trashed != run and trashed.exists() else None


def take_from_trash(trashed: Path, run: Path) -> Path:
    """Bring a folder back to where it was, or beside what is there now; gives its place.

    Raises `RunError` if it can't be.
    """
    to = free_run_folder(run.parent, run.name) if run.exists() else run
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(trashed, to)
    except OSError as error:
        raise RunError(f"{run.name} can't be taken from the trash: {error.strerror}") from None
    # What the trash keeps beside it, on systems that follow freedesktop.org.
    with suppress(OSError):
        (trashed.parent.parent / "info" / f"{trashed.name}.trashinfo").unlink(missing_ok=True)
    return to


def delete_for_good(run: Path) -> None:
    """Remove the folder and all in it. Raises `RunError` if it can't be."""
    try:
        shutil.rmtree(run)
    except OSError as error:
        raise RunError(f"{run.name} can't be deleted: {error.strerror}") from None
