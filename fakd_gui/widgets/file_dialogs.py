"""Dialogs that ask for files to open and for a path to write."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from fakd_core.data.folders import IMAGE_SUFFIXES
from fakd_core.models.spec import WEIGHT_SUFFIXES


def ask_open_path(
    parent: QWidget, title: str, kind: str, suffixes: Iterable[str], start: Path | str = ""
) -> Path | None:
    """The existing file that the user chose; None if they cancelled.

    `kind` names files with one of `suffixes`, as 'Models'. With no `start` the last folder is shown.
    """
    patterns = " ".join(f"*{suffix}" for suffix in sorted(suffixes))
    filters = f"{kind} ({patterns});;All files (*)"
    chosen, _ = QFileDialog.getOpenFileName(parent, title, str(start), filters)
    return Path(chosen) if chosen else None


def ask_image(parent: QWidget, title: str = "Open an image") -> Path | None:
    return ask_open_path(parent, title, "Images", IMAGE_SUFFIXES)


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
        if os.path.lexists(path) and not _may_overwrite(parent, path):
            return None
    elif kinds[kind] != suffix:
        kind = next(name for name, ending in kinds.items() if ending == suffix)
    return path, kind


def _may_overwrite(parent: QWidget, path: Path) -> bool:
    answer = QMessageBox.question(
        parent,
        "Overwrite the file",
        f"{path.name} already exists in {path.parent}. Overwrite it?",
        QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
    )
    return answer is QMessageBox.StandardButton.Yes
