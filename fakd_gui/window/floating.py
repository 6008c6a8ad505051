"""Workspaces in windows of their own."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QMargins, QRect, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QPushButton, QToolBar, QVBoxLayout, QWidget

from fakd_gui.session.opening import WORKSPACES, Workspace
from fakd_gui.session.session import Session
from fakd_gui.widgets.empty_state import Invitation
from fakd_gui.widgets.theme import with_role
from fakd_gui.window.workspaces import Workspaces

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


class FloatingWorkspaces(Workspaces):
    """Tabs of workspaces, each of which can have a window of its own instead."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(session, parent)
        self.floating: dict[Workspace, FloatingWindow] = {}

    @property
    def active(self) -> Workspace:
        """The workspace whose window is the active one, else the current one."""
        active = QApplication.activeWindow()
        return next((name for name, window in self.floating.items() if window is active), self.current)

    def show_workspace(self, name: Workspace) -> None:
        """Bring a workspace to the front."""
        if name in self.floating:
            self.floating[name].raise_()
            self.floating[name].activateWindow()
        else:
            super().show_workspace(name)

    def float_workspace(self, name: Workspace) -> None:
        """Give a workspace a window of its own, until it is closed; one that has it comes to the front."""
        if name not in self.floating:
            panel = self.panels[name]
            self._replace(name, Placeholder(name, lambda: self.floating[name].close()))
            window = FloatingWindow(panel, name, self.window())
            window.closed.connect(lambda: self._bring_back(name))
            self.floating[name] = window
            window.show()
        self.show_workspace(name)
        self.panels[name].setFocus()

    def bring_all_back(self) -> None:
        """Close the windows of workspaces."""
        for window in list(self.floating.values()):
            window.close()

    def _bring_back(self, name: Workspace) -> None:
        window, placeholder = self.floating.pop(name), self.widget(WORKSPACES.index(name))
        self._replace(name, self.panels[name])
        placeholder.deleteLater()
        window.deleteLater()
        show_bars(self.window(), shown=not self.window().isFullScreen())

    def _replace(self, name: Workspace, page: QWidget) -> None:
        """Show `page` in the tab of a workspace; the current one stays."""
        index, current = WORKSPACES.index(name), self.currentIndex()
        picture = self.tabIcon(index)
        with QSignalBlocker(self):
            self.removeTab(index)
            self.insertTab(index, page, picture, name)
            self.setCurrentIndex(current)
