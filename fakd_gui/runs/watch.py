"""Notices that runs come and go in a folder, made or removed by whichever program."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from fakd_gui.session.run_folders import is_run

SETTLE_MS = 300
"""A folder that another program makes is complete a moment later."""


class RunWatch(QObject):
    """Says `changed` some time after something happened, once for many things."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(lambda _: self.look_soon())
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.changed)

    def look_soon(self) -> None:
        self._settle.start()

    def follow(self, root: Path) -> None:
        """Watch `root`, and in it the folders that may become runs."""
        try:
            inside = [path for path in root.iterdir() if path.is_dir() and not is_run(path)]
        except OSError:
            return
        wanted = {str(path) for path in (root, *inside)}
        watched = set(self._watcher.directories())
        if watched - wanted:
            self._watcher.removePaths(list(watched - wanted))
        if wanted - watched:
            self._watcher.addPaths(list(wanted - watched))
