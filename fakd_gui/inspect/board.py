"""The panes of Inspect: the image, every model's affinities, the students' differences to the teacher."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from fakd_core.evaluation.features import MAX_EXACT_POSITIONS, Floats, Window, tap_title
from fakd_core.events import Image8
from fakd_gui.inspect.colour_bar import signed
from fakd_gui.inspect.loss_chart import StudentLosses, nearest_at
from fakd_gui.inspect.matrices import coloured
from fakd_gui.inspect.sources import SourceMaps
from fakd_gui.inspect.state import IMAGE, InspectState, Pixel, difference_key
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import qimage_from_array
from fakd_gui.widgets.image_canvas import Drag
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.pane_grid import PaneGrid
from fakd_gui.widgets.theme import current_theme

ROW_COLOUR, COLUMN_COLOUR = "#ffd34d", "#4dd7ff"
"""Of the two pixels that a cell of the matrix relates."""
IMAGE_TIP = (
    "Click or drag to choose the pixel; Shift and drag: a region for the matrix;\n"
    "the right or middle button pans"
)
MAP_TIP = "Click to choose the pixel; drag to pan; Shift and drag: a region for the matrix"
DIFFERENCE_TIP = (
    "Student minus teacher. SA: the mean absolute difference of all positions' maps, unweighted\n"
    f"(≈: estimated; exact up to {MAX_EXACT_POSITIONS} positions); mean |Δ|: of this map.\n"
    "Red: the student's affinity is higher than the teacher's."
)


class MapBoard(QObject):
    """Shows the rows as heat maps over the image. A value belongs to the LR pixel that it covers."""

    pointed = Signal(int, int)
    """The LR pixel (y, x) was clicked or dragged to."""
    region_edited = Signal(QRectF)
    """The region that is being drawn, moved or resized, in HR pixels."""
    region_drawn = Signal()

    def __init__(self, state: InspectState, camera: Camera, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self.camera = camera
        self.grid = PaneGrid(camera, parent)
        self.panes: dict[str, ImagePane] = {}
        self.window: Window | None = None
        """The part of the image that the rows cover."""
        self.rows: dict[str, Floats] = {}
        """Affinities by model and differences by `difference_key`, (h, w) over the window."""
        self._picture: Image8 | None = None
        self._colour: Overlay | None = None
        self._grey: Overlay | None = None

    def arrange(self) -> None:
        """One pane for the image and each model and difference, with their titles."""
        state, keys = self._state, self._state.pane_keys
        self.grid.columns = len(state.students) + 1 if len(state.students) > 1 else None
        if keys != list(self.panes):
            self.panes = {key: self.panes.get(key) or self._make_pane(key) for key in keys}
            self.grid.set_panes(list(self.panes.values()))
            self.mark_region()
        self.set_titles()

    def set_titles(self) -> None:
        """The titles, with the digits that show a pane alone: beside matrices the digits show those."""
        for number, (key, pane) in enumerate(self.panes.items(), start=1):
            badge = str(number) if number < 10 and not self._state.matrix_shown else ""
            pane.set_title(self._state.title(key), self._state.colour(key), badge)

    def show_picture(self, picture: Image8, covers: QRectF) -> None:
        """Show `picture`, which covers `covers` in HR pixels: in colour in its pane, grey under the maps."""
        if picture is not self._picture:
            self._picture = picture
            colour = qimage_from_array(picture)
            self._colour = Overlay(colour, covers)
            # Only a backdrop: Qt's luma takes a fraction of the time of the one that scores are measured on.
            self._grey = Overlay(colour.convertToFormat(QImage.Format.Format_Grayscale8), covers)
        if self._colour is not None and IMAGE in self.panes:
            self.panes[IMAGE].canvas.set_overlays(self._colour)

    def mark(self, cell: tuple[Pixel, Pixel] | None) -> None:
        """Outline the chosen pixel, the one under the mouse, and the two of a matrix `cell`."""
        state, accent = self._state, current_theme().accent
        marks: list[tuple[QRectF, str]] = []
        if state.hovered is not None and state.hovered != state.query:
            marks.append((self._pixel_rect(state.hovered), accent))
        if cell is not None:
            marks += [(self._pixel_rect(cell[0]), ROW_COLOUR), (self._pixel_rect(cell[1]), COLUMN_COLOUR)]
        for key, pane in self.panes.items():
            part = self.window if key == IMAGE and not self._shows_whole_image() else None
            pane.canvas.marker = self._pixel_rect(state.query)
            pane.canvas.marks = (*([(self.covers(part), accent)] if part else []), *marks)
            pane.canvas.update()

    def mark_region(self) -> None:
        """Outline the region. Beside the matrix, dragging on the image moves it rather than the pixel."""
        region, movable = self._state.region, self._state.matrix_shown
        for key, pane in self.panes.items():
            pane.canvas.region = None if region is None else self.covers(region)
            pane.canvas.region_editable = movable or key != IMAGE
            if key == IMAGE:
                pane.canvas.drag = Drag.PAN if movable else Drag.POINT
            pane.canvas.update()

    def set_rows(self, rows: Mapping[str, Floats], window: Window | None) -> None:
        self.rows, self.window = dict(rows), window

    def draw(self) -> None:
        """Colour the rows over the grey picture."""
        if self._state.image is None:
            return
        for key, pane in self.panes.items():
            if key == IMAGE:
                continue
            overlays = [] if self._grey is None else [self._grey]
            row = self.rows.get(key)
            if row is not None and self.window is not None:
                heat = qimage_from_array(coloured(row, self._is_difference(key), self._state.style))
                overlays.append(Overlay(heat, self.covers(self.window), self._state.style.opacity / 100))
                pane.canvas.set_message("")
            pane.canvas.set_overlays(*overlays)

    def show_waiting(self, message: str) -> None:
        """Show `message` in every pane without a map."""
        for key, pane in self.panes.items():
            if key != IMAGE and key not in self.rows:
                pane.canvas.set_message(message)

    def show_failure(self, ref: str, message: str) -> None:
        """Show why there is no map of `ref`, in its pane and in those of its differences."""
        students = self._state.students if ref == self._state.teacher else [ref]
        for key in (ref, *map(difference_key, students)):
            if key in self.panes:
                self.panes[key].canvas.set_message(message, error=True)

    def show_figures(self, features: Mapping[str, SourceMaps], losses: Mapping[str, StudentLosses]) -> None:
        """The second line of every header, from the feature maps and the students' losses."""
        state = self._state
        if IMAGE in self.panes:
            self.panes[IMAGE].set_figures(self._pixel_figures(), "Arrow keys move the pixel")
        for ref in state.models:
            if ref in self.rows and ref in features:
                # Adding 0 turns a rounded -0.0 into 0.0.
                mean = signed(round(float(self.rows[ref].mean()), 3) + 0.0)
                figures = f"mean {mean} · {tap_title(features[ref].spec, state.layer)}"
                self.panes[ref].set_figures(figures, "Cosine similarity to the marked pixel")
            elif ref in self.panes:
                self.panes[ref].set_figures("")
        nearest = nearest_at(list(losses.values()), state.layer)
        for number, student in enumerate(state.students):
            pane, row = self.panes.get(difference_key(student)), self.rows.get(difference_key(student))
            if pane is not None and row is not None:
                loss = losses[student].losses.get(state.layer)
                text = f"SA {'…' if loss is None else loss.text}{' (nearer)' if nearest == number else ''}"
                text += f" · mean |Δ| {float(np.abs(row).mean()):.4f}"
                pane.set_figures(text, DIFFERENCE_TIP)
            elif pane is not None:
                pane.set_figures("")

    def _pixel_figures(self) -> str:
        state, window = self._state, self.window
        y, x = state.shown_pixel
        text = f"LR pixel x {x}, y {y}"
        if state.hovering and state.hovered is None:
            text += " (pinned)"
        if window is not None and state.image is not None and not self._shows_whole_image():
            height, width = state.image.lr.shape[:2]
            text += f" · window {window.width} × {window.height} of {width} × {height} px"
        return text

    def show_readouts(self, pixel: Pixel | None) -> dict[str, float]:
        """Show every map's value at `pixel` (y, x), and return them."""
        values: dict[str, float] = {}
        for key, pane in self.panes.items():
            value = self.value(key, pixel)
            if value is not None:
                values[key] = value
            pane.set_readout("" if value is None else f"{value:+.3f}".replace("-", "−"))
        return values

    def pixel(self, position: QPointF | None) -> Pixel | None:
        """The LR pixel at `position` (HR pixels)."""
        image = self._state.image
        if position is None or image is None:
            return None
        return int(position.y() // image.scale), int(position.x() // image.scale)

    def value(self, key: str, pixel: Pixel | None) -> float | None:
        """The value of the map `key` at `pixel`; None outside the window."""
        row, window = self.rows.get(key), self.window
        if row is None or pixel is None or window is None or not window.contains_pixel(*pixel):
            return None
        return float(row[pixel[0] - window.top, pixel[1] - window.left])

    def covers(self, window: Window) -> QRectF:
        """`window` in HR pixels."""
        scale = self._state.image.scale if self._state.image is not None else 1
        return QRectF(window.left * scale, window.top * scale, window.width * scale, window.height * scale)

    def _is_difference(self, key: str) -> bool:
        return key not in self._state.models

    def _shows_whole_image(self) -> bool:
        image, window = self._state.image, self.window
        return image is None or window is None or (window.height, window.width) == image.lr.shape[:2]

    def _pixel_rect(self, pixel: Pixel) -> QRectF:
        return self.covers(Window(*pixel, 1, 1))

    def _make_pane(self, key: str) -> ImagePane:
        pane = ImagePane(key, self.camera, self.grid)
        pane.canvas.drag = Drag.POINT if key == IMAGE else Drag.PAN
        pane.canvas.has_overview = True
        pane.canvas.pointed.connect(self._point)
        pane.canvas.region_edited.connect(self.region_edited)
        pane.canvas.region_drawn.connect(self.region_drawn)
        pane.canvas.setToolTip(IMAGE_TIP if key == IMAGE else MAP_TIP)
        return pane

    def _point(self, position: QPointF) -> None:
        pixel = self.pixel(position)
        if pixel is not None:
            self.pointed.emit(*pixel)
