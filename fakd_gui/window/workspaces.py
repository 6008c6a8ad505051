"""The four workspaces as tabs, or in windows of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QApplication, QTabWidget, QWidget

from fakd_gui.benchmark.panel import BenchmarkPanel
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.session.opening import WORKSPACES, Workspace
from fakd_gui.session.session import Session
from fakd_gui.train.panel import TrainPanel
from fakd_gui.widgets.theme import Theme, follow_theme, icon
from fakd_gui.window.floating import FloatingWindow, Placeholder, show_bars

Panel = TrainPanel | ComparePanel | InspectPanel | BenchmarkPanel
ICONS = ("school", "compare", "crosshairs-gps", "table")


class Workspaces(QTabWidget):
    """Train, Compare, Inspect and Benchmark; they share the session and don't know one another."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent, accessibleName="Workspaces")
        self.setDocumentMode(True)
        self.train = TrainPanel(session)
        self.compare = ComparePanel(session)
        self.inspect = InspectPanel(session)
        self.benchmark = BenchmarkPanel(session)
        panels = (self.train, self.compare, self.inspect, self.benchmark)
        self.panels: dict[Workspace, Panel] = dict(zip(WORKSPACES, panels, strict=True))
        self.floating: dict[Workspace, FloatingWindow] = {}
        """The workspaces that have a window of their own."""
        for name, panel in self.panels.items():
            panel.setAccessibleName(name)
            self.addTab(panel, name)
        session.workspace_requested.connect(self.show_workspace)
        session.images_chosen.connect(lambda *_: self.show_workspace("Compare"))
        session.training_started.connect(lambda _: self.show_workspace("Train"))
        follow_theme(self, self._apply_theme)

    @property
    def current(self) -> Workspace:
        return WORKSPACES[self.currentIndex()]

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
            self.setCurrentWidget(self.panels[name])

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

    def memories(self) -> dict[str, Any]:
        """The state of each workspace until the next start, by name, as JSON values."""
        return {name: panel.memory().model_dump(mode="json") for name, panel in self.panels.items()}

    def restore(self, memories: Mapping[str, Any]) -> None:
        """Restore what `memories` gave; invalid values fall back to their defaults."""
        for name, panel in self.panels.items():
            if isinstance(memory := memories.get(name), dict):
                panel.restore(type(panel.memory()).model_validate(memory))

    def _apply_theme(self, theme: Theme) -> None:
        for index, name in enumerate(ICONS):
            self.setTabIcon(index, icon(name))

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
