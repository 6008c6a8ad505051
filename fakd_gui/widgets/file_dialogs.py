"""Asks where a file is to be written, and before one is replaced that the chooser didn't ask about."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget


def ask_save_path(
    parent: QWidget, title: str, start: Path | str, kinds: Mapping[str, str]
) -> tuple[Path, str] | None:
    """The chosen path, with its suffix, and the chosen kind; None if the person changed their mind.

    `start` is the suggested path; `kinds` has the suffix (".png") of each kind by name, the usual one first.
    A path with one of these suffixes is taken as it is and says the kind; any other gets that of the chosen
    kind.
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
        # The chooser asked about the name without the suffix.
        if os.path.lexists(path) and not _may_replace(parent, path):
            return None
    elif kinds[kind] != suffix:
        kind = next(name for name, ending in kinds.items() if ending == suffix)
    return path, kind


def _may_replace(parent: QWidget, path: Path) -> bool:
    answer = QMessageBox.question(
        parent,
        "Replace the file",
        f"{path.name} exists already in {path.parent}. Replace it?",
        QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
    )
    return answer is QMessageBox.StandardButton.Yes
