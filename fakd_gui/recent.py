"""The files and folders that were opened last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu

KEPT = 12


class RecentFiles(QObject):
    """Paths, the newest first, and the menu that opens them again."""

    def __init__(self, menu: QMenu, open_file: Callable[[Path], object]) -> None:
        super().__init__(menu)
        self.paths: list[str] = []
        self._menu = menu
        self._open = open_file
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill)

    def add(self, path: Path) -> None:
        name = str(path.absolute())
        self.paths = [name, *(other for other in self.paths if other != name)][:KEPT]

    def recall(self, paths: Iterable[str]) -> None:
        """Take what an earlier start left, below what was opened since."""
        self.paths = list(dict.fromkeys([*self.paths, *paths]))[:KEPT]

    def _fill(self) -> None:
        self._menu.clear()
        there = [Path(path) for path in self.paths if Path(path).exists()]
        for path in there:
            entry = self._menu.addAction(f"{path.parent.name}/{path.name}".replace("&", "&&"))
            entry.setToolTip(str(path))
            entry.triggered.connect(lambda _=False, path=path: self._open(path))
        if not there:
            self._menu.addAction("Nothing opened yet").setEnabled(False)
            return
        self._menu.addSeparator()
        self._menu.addAction("Clear the list", self.paths.clear)
