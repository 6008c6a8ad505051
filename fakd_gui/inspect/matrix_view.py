"""Linked panes with the affinity matrices of a region, one per model and difference."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fakd_gui.inspect.board import COLUMN_COLOUR
from fakd_gui.inspect.colour_bar import signed
from fakd_gui.inspect.matrices import Matrices
from fakd_gui.inspect.state import IMAGE, InspectState, Pixel
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import qimage_from_array
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.pane_grid import PaneGrid
from fakd_gui.widgets.theme import current_theme

TIP = (
    "Row i, column j: the affinity of the region's pixels i and j, in row-major order.\n"
    "Click: inspect the pixel of the row; drag to pan, wheel to zoom"
)


class MatrixView(QWidget):
    """N x N cells: row i, column j has the affinity of pixels i and j of the region."""

    cell_hovered = Signal(object)
    """The two pixels of the cell under the mouse, or None."""
    pixel_clicked = Signal(int, int)
    """A cell was clicked: the pixel (y, x) of its row."""
    shown = Signal()

    def __init__(self, state: InspectState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.camera = Camera(self)
        self.grid = PaneGrid(self.camera, self)
        self.panes: dict[str, ImagePane] = {}
        self.matrices: Matrices | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.grid)
        self.camera.cursor_changed.connect(self._show_readouts)

    def arrange(self) -> None:
        """One pane for each model and difference, with their titles."""
        keys = [key for key in self._state.pane_keys if key != IMAGE]
        if keys != list(self.panes):
            self.panes = {key: self.panes.get(key) or self._make_pane(key) for key in keys}
            self.grid.set_panes(list(self.panes.values()))
        for number, (key, pane) in enumerate(self.panes.items(), start=1):
            badge = str(number) if number < 10 else ""
            pane.set_title(self._state.title(key), self._state.colour(key), badge)

    def show_matrices(self, matrices: Matrices) -> None:
        self.matrices = matrices
        request, region = matrices.request, matrices.request.region
        side = region.positions
        self.camera.set_scene(side, side)
        for key, pane in self.panes.items():
            values = matrices.values.get(key)
            if values is None:
                pane.canvas.set_overlays()
                continue
            picture = qimage_from_array(matrices.pictures[key])
            pane.canvas.set_overlays(Overlay(picture, QRectF(0, 0, side, side)))
            if request.is_model(key):
                figures = f"mean {signed(float(values.mean()))}"
            else:
                figures = f"mean |Δ| {signed(float(abs(values).mean()), 4)}"
            tip = f"All {side} × {side} pairs of the region of {region.width} × {region.height} px"
            pane.set_figures(figures, tip)
        self._show_readouts()
        self.shown.emit()

    def mark(self, row: Pixel, column: Pixel | None = None) -> None:
        """Outline the row of the pixel `row` and the column of `column`, if they lie in the region."""
        if self.matrices is None:
            return
        region, marks = self.matrices.request.region, list[tuple[QRectF, str]]()
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
        cell = self._hovered_cell()
        if cell is None or self.matrices is None or self.isHidden():
            return None
        region = self.matrices.request.region
        return region.pixel(cell[0]), region.pixel(cell[1])

    def _hovered_cell(self) -> tuple[int, int] | None:
        position = self.camera.cursor
        if position is None or self.matrices is None:
            return None
        return int(position.y()), int(position.x())

    def _make_pane(self, key: str) -> ImagePane:
        pane = ImagePane(key, self.camera, self.grid)
        pane.canvas.pointed.connect(self._click)
        pane.canvas.setToolTip(TIP)
        return pane

    def _show_readouts(self) -> None:
        cell = self._hovered_cell()
        for key, pane in self.panes.items():
            values = self.matrices.values.get(key) if self.matrices is not None else None
            shown = cell is not None and values is not None
            pane.set_readout(f"{values[cell]:+.3f}".replace("-", "−") if shown else "")
        self.cell_hovered.emit(self.hovered_pixels())

    def _click(self, position: QPointF) -> None:
        if self.matrices is None:
            return
        region, row = self.matrices.request.region, int(position.y() // 1)
        if 0 <= row < region.positions:
            self.pixel_clicked.emit(*region.pixel(row))
