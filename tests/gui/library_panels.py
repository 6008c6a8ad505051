"""Steps of tests on the library."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from fakd_gui.library.model import EYE, EYE_ROLE, NAME, PSNR, RUN_ROLE, STATE_ROLE
from fakd_gui.library.panel import LibraryPanel


def section(panel: LibraryPanel, title: str) -> QModelIndex:
    model = panel.filter
    found = (model.index(row, 0) for row in range(model.rowCount()))
    return next(index for index in found if index.siblingAtColumn(NAME).data() == title)


def indexes(panel: LibraryPanel, title: str = "Runs") -> list[QModelIndex]:
    """The rows of a section that search and filter leave, from the top."""
    above = section(panel, title)
    return [panel.filter.index(row, NAME, above) for row in range(panel.filter.rowCount(above))]


def names(panel: LibraryPanel, title: str = "Runs") -> list[str]:
    return [index.data() for index in indexes(panel, title)]


def index_of(panel: LibraryPanel, name: str, title: str = "Runs") -> QModelIndex:
    return next(index for index in indexes(panel, title) if index.data() == name)


def children(panel: LibraryPanel, name: str) -> list[QModelIndex]:
    """The networks of a run."""
    above = index_of(panel, name).siblingAtColumn(0)
    return [panel.filter.index(row, NAME, above) for row in range(panel.filter.rowCount(above))]


def choose(panel: LibraryPanel, name: str) -> Path:
    """Select a run and focus the tree."""
    run: Path = index_of(panel, name).data(RUN_ROLE)
    panel.select(str(run))
    panel.view.setFocus()
    assert panel.selected() == run
    return run


def eye(index: QModelIndex) -> bool | None:
    found: bool | None = index.data(EYE_ROLE)
    return found


def click(qtbot: QtBot, panel: LibraryPanel, index: QModelIndex, column: int = NAME) -> None:
    """Click on a row; in the column `EYE`, on its eye."""
    panel.view.scrollTo(index)
    at = panel.view.visualRect(index.siblingAtColumn(column)).center()
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=at)


def click_eye(qtbot: QtBot, panel: LibraryPanel, index: QModelIndex) -> None:
    click(qtbot, panel, index, EYE)


def state_of(panel: LibraryPanel, run: Path) -> str:
    """The text below the name of a run, or that it isn't listed."""
    found = next((index for index in indexes(panel) if index.data(RUN_ROLE) == run), None)
    return "not listed" if found is None else str(found.data(STATE_ROLE))


def psnr_of(index: QModelIndex) -> str:
    return str(index.siblingAtColumn(PSNR).data())


def tip_of(panel: LibraryPanel, name: str) -> str:
    return str(index_of(panel, name).data(Qt.ItemDataRole.ToolTipRole))


def scan(qtbot: QtBot, panel: LibraryPanel) -> None:
    """Look for new runs and for those that are gone, and wait until the library has them."""
    panel.scan()
    qtbot.waitUntil(lambda: not panel.scanner.scanning.running)
