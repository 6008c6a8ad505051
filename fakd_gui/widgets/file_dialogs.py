"""Dialogs that ask for files to open and for a path to write."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from fakd_core.data.image_formats import IMAGE_SUFFIXES
from fakd_core.models.spec import WEIGHT_SUFFIXES


def ask_open_path(
    parent: QWidget, title: str, kind: str, suffixes: Iterable[str], start: Path | str = ""
) -> Path | None:
    """The existing file that the user chose; None if they cancelled.

    `kind` names files with one of `suffixes`, as 'Models'. With no `start` the last folder is shown.
    """
    chosen, _ = QFileDialog.getOpenFileName(parent, title, str(start), _filters(kind, suffixes))
    return Path(chosen) if chosen else None


def ask_image(parent: QWidget) -> Path | None:
    return ask_open_path(parent, "Open an image", "Images", IMAGE_SUFFIXES)


def ask_images(parent: QWidget, title: str) -> list[Path]:
    """The existing images that the user chose; none if they cancelled."""
    names, _ = QFileDialog.getOpenFileNames(parent, title, "", _filters("Images", IMAGE_SUFFIXES))
    return [Path(name) for name in names]


def ask_model(parent: QWidget, title: str, start: Path | str = "") -> Path | None:
    return ask_open_path(parent, title, "Models", WEIGHT_SUFFIXES, start)


def ask_folder(parent: QWidget, title: str, start: Path | str = "") -> Path | None:
    """The existing folder that the user chose; None if they cancelled."""
    chosen = QFileDialog.getExistingDirectory(parent, title, str(start))
    return Path(chosen) if chosen else None


def ask_save_path(
    parent: QWidget, title: str, start: Path | str, kinds: Mapping[str, str]
) -> tuple[Path, str] | None:
    """The chosen path, with its suffix, and the chosen kind; None if the user cancelled.

    `start` is the suggested path; `kinds` has the suffix (".png") of each kind by name, the usual one first.
    A path with one of these suffixes is used as it is and determines the kind; any other path gets the suffix
    of the chosen kind.
    """
    filters = {f"{name} (*{suffix})": name for name, suffix in kinds.items()}
    chosen, filter_ = QFileDialog.getSaveFileName(parent, title, str(start), ";;".join(filters))
    if not chosen:
        return None
    path = Path(chosen)
    kind = filters.get(filter_, next(iter(kinds)))
    suffix = path.suffix.lower()
    if suffix not in kinds.values():
        path = path.with_name(path.name + kinds[kind])
        # The system's dialog asked about the name without the suffix.
        if not may_overwrite(parent, [path]):
            return None
    elif kinds[kind] != suffix:
        kind = next(name for name, ending in kinds.items() if ending == suffix)
    return path, kind


def _filters(kind: str, suffixes: Iterable[str]) -> str:
    return f"{kind} ({' '.join(f'*{suffix}' for suffix in sorted(suffixes))});;All files (*)"


def may_overwrite(parent: QWidget, paths: Sequence[Path]) -> bool:
    """Ask before files in one folder are overwritten; True without a question if none of `paths` exists."""
    existing = [path for path in paths if os.path.lexists(path)]
    if not existing:
        return True
    title, folder = "Overwrite the file", existing[0].parent
    text = f"{existing[0].name} already exists in {folder}. Overwrite it?"
    if len(existing) > 1:
        names = ", ".join(path.name for path in existing[:3]) + (", …" if len(existing) > 3 else "")
        title = "Overwrite files"
        text = f"{len(existing)} of these files already exist in {folder}: {names}. Overwrite them?"
    yes, cancel = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.Cancel
    return QMessageBox.question(parent, title, text, yes | cancel, cancel) == yes
