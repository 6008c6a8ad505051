"""Linked panes with the affinity matrices of a region, one per model and difference."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtWidgets import QWidget

from fakd_gui.inspect.board import COLUMN_COLOUR, MapPanes
from fakd_gui.inspect.colour_bar import signed
from fakd_gui.inspect.matrices import Matrices
from fakd_gui.inspect.state import IMAGE, NO_WINDOW, InspectState, Pixel
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import qimage_from_array
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.theme import current_theme

TIP = (
    "Row i, column j: the affinity of the region's pixels i and j, in row-major order.\n"
    "Click: inspect the pixel of the row; drag to pan, wheel to zoom"
)


class MatrixView(MapPanes):
    """N x N cells: row i, column j has the affinity of pixels i and j of the region."""

    shown = Signal()

    def __init__(self, state: InspectState, parent: QWidget) -> None:
        super().__init__(state, Camera(parent), parent)
        self.matrices = Matrices(NO_WINDOW, 0, {}, {})
        self.camera.cursor_changed.connect(self._show_cell)

    def arrange(self) -> None:
        self.grid.set_keys([key for key in self._state.pane_keys if key != IMAGE], self.make_pane)
        self.set_titles()

    def show_matrices(self, matrices: Matrices) -> None:
        self.matrices = matrices
        side = matrices.region.positions
        self.camera.set_scene(side, side)
        size = f"{matrices.region.width} × {matrices.region.height} px"
        for key, pane in self.panes.items():
            values = matrices.values.get(key)
            if values is None:
                pane.canvas.set_overlays()
                continue
            picture = qimage_from_array(matrices.pictures[key])
            pane.canvas.set_overlays(Overlay(picture, QRectF(0, 0, side, side)))
            if key in self._state.models:
                figures = f"mean {signed(float(values.mean()))}"
            else:
                figures = f"mean |Δ| {float(abs(values).mean()):.4f}"
            pane.set_figures(figures, f"All {side} × {side} pairs of the region of {size}")
        self._show_cell()
        self.shown.emit()

    def mark(self, row: Pixel, column: Pixel | None = None) -> None:
        """Outline the row of the pixel `row` and the column of `column`, if they lie in the region."""
        region, marks = self.matrices.region, list[tuple[QRectF, str]]()
        side = region.positions
        if region.contains_pixel(*row):
            marks.append((QRectF(0, region.index(*row), side, 1), current_theme().accent))
        if column is not None and region.contains_pixel(*column):
            marks.append((QRectF(region.index(*column), 0, 1, side), COLUMN_COLOUR))
        for pane in self.panes.values():
            pane.canvas.marks = tuple(marks)
            pane.canvas.update()

    def hovered_pixels(self) -> tuple[Pixel, Pixel] | None:
        """The two pixels of the cell under the mouse."""
        cell, region = self._hovered_cell(), self.matrices.region
        if cell is None or not region.positions or self.grid.isHidden():
            return None
        return region.pixel(cell[0]), region.pixel(cell[1])

    def make_pane(self, key: str) -> ImagePane:
        pane = super().make_pane(key)
        pane.canvas.setToolTip(TIP)
        return pane

    def pixel(self, position: QPointF | None) -> Pixel | None:
        """The pixel of the row at `position`."""
        region, row = self.matrices.region, -1 if position is None else int(position.y() // 1)
        return region.pixel(row) if 0 <= row < region.positions else None

    def _hovered_cell(self) -> tuple[int, int] | None:
        position = self.camera.cursor
        return None if position is None else (int(position.y()), int(position.x()))

    def _show_cell(self) -> None:
        cell = self._hovered_cell()
        values = {} if cell is None else self.matrices.values
        self.show_values({key: float(matrix[cell]) for key, matrix in values.items()})
