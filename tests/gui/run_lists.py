"""Steps of tests on a list of runs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from fakd_gui.runs.model import RUN_ROLE, STATE_ROLE
from fakd_gui.runs.run_list import RunList
from fakd_gui.session.jobs import LatestWins


def indexes(runs: RunList) -> list[QModelIndex]:
    """The runs that the search leaves, from the top."""
    model = runs.view.model()
    return [model.index(row, 0) for row in range(model.rowCount())]


def names(runs: RunList) -> list[str]:
    return [index.data() for index in indexes(runs)]


def index_of(runs: RunList, name: str) -> QModelIndex:
    return next(index for index in indexes(runs) if index.data(RUN_ROLE).name == name)


def choose(runs: RunList, name: str) -> Path:
    """Select a run and focus the list."""
    runs.view.setCurrentIndex(index_of(runs, name))
    runs.view.setFocus()
    run = runs.selected()
    assert run is not None
    return run


def is_checked(runs: RunList, name: str) -> bool:
    return Qt.CheckState(index_of(runs, name).data(Qt.ItemDataRole.CheckStateRole)) is Qt.CheckState.Checked


def state_of(runs: RunList, run: Path) -> str:
    """The text below the name of a run, or that it isn't listed."""
    found = (index for index in indexes(runs) if index.data(RUN_ROLE) == run)
    index = next(found, None)
    return "not listed" if index is None else str(index.data(STATE_ROLE))


def tip_of(runs: RunList, name: str) -> str:
    return str(index_of(runs, name).data(Qt.ItemDataRole.ToolTipRole))


def scan(qtbot: QtBot, runs: RunList) -> None:
    """Look for new runs and for those that are gone, and wait until the list has them."""
    runs.scan()
    scanner = runs.findChild(LatestWins)
    assert scanner is not None
    qtbot.waitUntil(lambda: not scanner.running)
