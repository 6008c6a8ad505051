"""The files that were opened recently, and their menu."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu

from fakd_gui.session.opening import Workspace
from fakd_gui.session.run_folders import follow_run
from fakd_gui.session.session import Session

MAX_RECENT = 12


class RecentFiles(QObject):
    """The paths that were opened, newest first, and the menu that opens them again in the same workspace."""

    def __init__(self, menu: QMenu, session: Session) -> None:
        super().__init__(menu)
        self.files: list[tuple[str, Workspace]] = []
        """Absolute paths, and the workspaces they were opened in."""
        self.menu = menu
        self._session = session
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill)
        session.opened.connect(self.add)
        session.run_moved.connect(self._move_run)

    def add(self, path: Path, workspace: Workspace) -> None:
        self._set_files([(str(path.absolute()), workspace), *self.files])

    def restore(self, files: Iterable[tuple[str, Workspace]]) -> None:
        """Append what an earlier start left to what was opened since."""
        self._set_files([*self.files, *files])

    def _set_files(self, files: Iterable[tuple[str, Workspace]]) -> None:
        newest: dict[str, Workspace] = {}
        for path, workspace in files:
            newest.setdefault(path, workspace)
        self.files = list(newest.items())[:MAX_RECENT]

    def _move_run(self, run: Path, to: Path | None) -> None:
        # The menu leaves out what is gone, which may be restored.
        if to is not None:
            self.files = [(str(follow_run(path, run, to)), workspace) for path, workspace in self.files]

    def _fill(self) -> None:
        self.menu.clear()
        existing = [(Path(path), workspace) for path, workspace in self.files if Path(path).exists()]
        for path, workspace in existing:
            entry = self.menu.addAction(f"{path.parent.name}/{path.name}".replace("&", "&&"))
            entry.setToolTip(f"{path}\nOpens in {workspace}")
            entry.triggered.connect(
                lambda _=False, path=path, workspace=workspace: self._session.open_paths([path], workspace)
            )
        if not existing:
            self.menu.addAction("Nothing opened yet").setEnabled(False)
            return
        self.menu.addSeparator()
        self.menu.addAction("Clear the list", self.files.clear)
