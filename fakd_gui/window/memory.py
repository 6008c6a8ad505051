"""The window's state as it is kept between two starts, and its writer while the window is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field
from PySide6.QtCore import QObject, QTimer

from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.library_keys import LibraryMemory
from fakd_gui.session.opening import Workspace
from fakd_gui.session.user_files import Memory, state_file, write_memory
from fakd_gui.widgets.theme import Scheme

SAVE_INTERVAL_MS = 20_000
"""While the window is open the state is saved for the start after a crash."""


class WindowMemory(Memory):
    """Qt's geometry and dock state in base64, what is open, and what each workspace keeps."""

    geometry: str = ""
    docks: str = ""
    colours: Scheme = "system"
    notify: bool = True
    device: str = "auto"
    """The device that models run on, by the name that the command line takes."""
    workspace: Workspace = "Train"
    teacher: str = ""
    library: LibraryMemory = LibraryMemory()
    image: str = ""
    is_lr: bool = False
    recent_files: list[tuple[str, Workspace]] = Field(default_factory=list)
    training: str = ""
    """The folder of the run that is training: one that the next start finds here was interrupted."""
    keys: dict[str, list[str]] = Field(default_factory=dict)
    """Shortcuts that the user changed, by workspace and command."""
    workspaces: dict[str, Any] = Field(default_factory=dict)


class MemoryWriter(QObject):
    """Writes `memory()` to the user's folder when it has changed: every 20 s, on request, and at the end."""

    def __init__(self, memory: Callable[[], WindowMemory], parent: QObject) -> None:
        super().__init__(parent)
        self._memory = memory
        self._written: WindowMemory | None = None
        self._writing = LatestWins("save the window's state", self)
        QTimer(self, interval=SAVE_INTERVAL_MS, timeout=self.save).start()

    def save(self) -> None:
        """Write on a thread."""
        memory = self._memory()
        if memory != self._written:
            self._written = memory
            self._writing.submit(lambda token: write_memory(state_file(), memory))

    def save_now(self) -> None:
        """Write before this returns."""
        self._writing.cancel()
        self._writing.wait()
        write_memory(state_file(), self._memory())
