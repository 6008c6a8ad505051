"""The keys of the library (references of models, `BICUBIC`, pictures), and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import Field
from PySide6.QtCore import Signal

from fakd_core.data.resize import BICUBIC
from fakd_core.runs.layout import BASELINE, RunLayout
from fakd_core.runs.references import bundled_models, split_taps
from fakd_gui.session.user_files import Memory

PICTURE = "picture:"
"""Prefix of the key of another tool's picture."""


def picture_key(path: Path) -> str:
    return f"{PICTURE}{path}"


def picture_path(key: str) -> Path | None:
    """The image file of a picture; None for other keys."""
    return Path(key.removeprefix(PICTURE)) if key.startswith(PICTURE) else None


def baseline_ref(run: Path) -> str:
    """The reference of the student that `run` trains without a teacher."""
    return str(RunLayout(run).best_weights(BASELINE))


def exists(key: str) -> bool:
    """True if the file of `key` is there."""
    if (picture := picture_path(key)) is not None:
        return picture.is_file()
    name = split_taps(key)[0]
    return key == BICUBIC or (bool(name) and (name in bundled_models() or Path(name).exists()))


@dataclass(frozen=True)
class View:
    """The keys that a workspace shows, in order, and whether the teacher is among them."""

    keys: tuple[str, ...]
    has_teacher: bool


class Owner(Protocol):
    """The session, as far as its library needs it."""

    teacher: str
    scale: int
    runs: list[Path]
    teacher_changed: Signal
    scale_changed: Signal

    def add_run(self, run: Path) -> Path: ...

    def follow_runs(self, ref: str) -> str | None: ...

    def offer_undo(self, text: str, undo: Callable[[], object], redo: Callable[[], object]) -> None: ...


class LibraryMemory(Memory):
    """The part of the library that is kept between two starts."""

    files: list[str] = Field(default_factory=list)
    pictures: dict[str, list[Path]] = Field(default_factory=dict)
    shown: dict[str, list[str]] = Field(default_factory=dict)
    without_teacher: list[str] = Field(default_factory=list)
    automatic: list[str] = Field(default_factory=list)
    names: dict[str, str] = Field(default_factory=dict)
    colours: dict[str, int] = Field(default_factory=dict)
