"""A list of three runs, shown, and what tests do with it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QListWidgetItem,
)

from fakd_gui.runs.delegate import run_of
from fakd_gui.runs.run_list import RunList


def items(runs: RunList) -> list[QListWidgetItem]:
    return [runs.list.item(row) for row in range(runs.list.count())]


def names(runs: RunList) -> list[str]:
    return [item.text() for item in items(runs) if not item.isHidden()]


def choose(runs: RunList, name: str) -> Path:
    runs.list.setCurrentItem(item_of(runs, name))
    runs.list.setFocus()
    return run_of(item_of(runs, name))


def item_of(runs: RunList, name: str) -> QListWidgetItem:
    return next(item for item in items(runs) if run_of(item).name == name)
