"""The four workspaces as tabs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QTabWidget, QWidget

from fakd_gui.benchmark.panel import BenchmarkPanel
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.session.opening import WORKSPACES, Workspace
from fakd_gui.session.session import Session
from fakd_gui.train.panel import TrainPanel
from fakd_gui.widgets.theme import Theme, follow_theme, icon

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

    def show_workspace(self, name: Workspace) -> None:
        """Bring a workspace to the front."""
        self.setCurrentWidget(self.panels[name])

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
