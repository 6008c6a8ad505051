"""Linked panes with a map or a matrix of each model and difference."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, QPointF
from PySide6.QtWidgets import QWidget

from fakd_gui.inspect.colour_bar import signed
from fakd_gui.inspect.state import InspectState, Pixel
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.pane_grid import PaneGrid


class MapPanes(QObject):
    """A grid of panes by key. A click in one of them chooses the pixel that lies there."""

    def __init__(self, state: InspectState, camera: Camera, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self.camera = camera
        self.grid = PaneGrid(camera, parent)
        self.panes: dict[str, ImagePane] = {}

    def set_keys(self, keys: list[str]) -> None:
        if keys != list(self.panes):
            self.panes = {key: self.panes.get(key) or self.make_pane(key) for key in keys}
            self.grid.set_panes(list(self.panes.values()))

    def set_titles(self, *, numbered: bool = True) -> None:
        """Set the titles, `numbered` with the digits that show a pane alone."""
        for number, (key, pane) in enumerate(self.panes.items(), start=1):
            badge = str(number) if numbered and number < 10 else ""
            pane.set_title(self._state.title(key), self._state.colour(key), badge)

    def show_values(self, values: Mapping[str, float]) -> None:
        """Show the values under the cursor in the headers."""
        for key, pane in self.panes.items():
            pane.set_readout(signed(values[key], "+.3f") if key in values else "")

    def make_pane(self, key: str) -> ImagePane:
        pane = ImagePane(key, self.camera, self.grid)
        pane.canvas.pointed.connect(self._choose)
        return pane

    def pixel(self, position: QPointF | None) -> Pixel | None:
        """The LR pixel (y, x) at `position` in the scene of the camera."""
        raise NotImplementedError

    def _choose(self, position: QPointF) -> None:
        pixel = self.pixel(position)
        if pixel is not None:
            self._state.set_query(*pixel)
