"""Where runs lie and which are there; cheap enough for the start of the app (no torch)."""

from __future__ import annotations

from pathlib import Path

CONFIG = "config.toml"
STUDENTS = ("checkpoints/best.safetensors", "student.safetensors")


def default_runs_root() -> Path:
    """`./runs` where that folder is, as in a project; else `FAKD runs` in the home folder."""
    here = Path.cwd() / "runs"
    return here if here.is_dir() else Path.home() / "FAKD runs"


def is_run(folder: Path) -> bool:
    return (folder / CONFIG).is_file()


def has_student(run: Path) -> bool:
    """Whether a student was saved in `run` already."""
    return any((run / name).is_file() for name in STUDENTS)


def runs_in(root: Path) -> list[Path]:
    """The run folders directly in `root`, the newest first; none if it can't be read."""
    try:
        found = [folder for folder in root.iterdir() if is_run(folder)]
        return sorted(found, key=lambda run: (run / CONFIG).stat().st_mtime, reverse=True)
    except OSError:
        return []


def free_run_folder(root: Path, name: str) -> Path:
    """`root/name-N` with the first N that is free."""
    number = 1
    while (root / f"{name}-{number}").exists():
        number += 1
    return root / f"{name}-{number}"
