"""The window of a workspace, and the page that its tab shows meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QMargins, QRect, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QPushButton, QToolBar, QVBoxLayout, QWidget

from fakd_gui.widgets.empty_state import Invitation
from fakd_gui.widgets.theme import with_role

MARGIN = 40
"""Distance of a new window from the corner of the main window."""


def show_bars(window: QWidget, shown: bool) -> None:
    """Show or hide the tool bars in `window`, but not in others that it owns."""
    for bar in window.findChildren(QToolBar):
        if bar.window() is window:
            bar.setVisible(shown)


class FloatingWindow(QWidget):
    """A window that holds the panel of a workspace; keys that it doesn't use are those of the main window."""

    closed = Signal()

    def __init__(self, panel: QWidget, name: str, main: QWidget) -> None:
        # As a child of the main window, its jobs and unsaved work are still found there.
        super().__init__(main, Qt.WindowType.Window)
        self.setWindowTitle(f"{name} – FAKD Workbench")
        self._main = main
        room = main.screen().availableGeometry()
        corner = main.geometry().topLeft()
        place = QRect(corner.x() + MARGIN, corner.y() + MARGIN, panel.width() + 8, panel.height() + 8)
        self.setGeometry(place.intersected(room) if place.intersects(room) else place)
        layout = QVBoxLayout(self, contentsMargins=QMargins(4, 4, 4, 4))
        layout.addWidget(panel)
        panel.show()
        show_bars(self, shown=True)
        # Shortcuts of the main window work here, too.
        self.addActions(QWidget.actions(main))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.isFullScreen():
            self.showNormal()
        else:
            QApplication.sendEvent(self._main, event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.WindowStateChange:
            show_bars(self, shown=not self.isFullScreen())

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.closed.emit()


class Placeholder(Invitation):
    """The page of a workspace that has a window of its own."""

    def __init__(self, name: str, bring_back: Callable[[], object]) -> None:
        button = with_role(QPushButton("Bring it back"), "primary")
        button.clicked.connect(lambda: bring_back())
        hint = "Closing that window brings it back, too."
        super().__init__("dock-window", f"{name} is in a window of its own", hint, button)
