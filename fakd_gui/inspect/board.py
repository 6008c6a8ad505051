"""The panes of Inspect: the image, every model's affinities, the students' differences to the teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from PIL import Image
from PySide6.QtCore import QObject, QPointF, QRectF
from PySide6.QtWidgets import QMenu, QWidget

from fakd_core.evaluation.features import MAX_EXACT_POSITIONS, Floats, Window, tap_title
from fakd_core.events import Image8
from fakd_gui.inspect.colour_bar import signed
from fakd_gui.inspect.features import SourceMaps
from fakd_gui.inspect.loss_chart import StudentLosses, nearest_at
from fakd_gui.inspect.matrices import coloured, region_from
from fakd_gui.inspect.state import IMAGE, NO_WINDOW, InspectState, Pixel, difference_key
from fakd_gui.session.jobs import LatestWins
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import qimage_from_array
from fakd_gui.widgets.image_canvas import Drag, ImageCanvas
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.pane_grid import PaneGrid
from fakd_gui.widgets.theme import current_theme

MAX_SYNC_PIXELS = 250_000
"""A picture of at most this many pixels is drawn in the window's thread: it takes a frame or two."""
ROW_COLOUR, COLUMN_COLOUR = "#ffd34d", "#4dd7ff"
"""Marks of the two pixels that a cell of the matrix relates."""
IMAGE_TIP = (
    "Click or drag to choose the pixel; Shift and drag: a region for the matrix;\n"
    "the right or middle button pans"
)
MAP_TIP = "Click to choose the pixel; drag to pan; Shift and drag: a region for the matrix"
MAP_FIGURES_TIP = (
    "Cosine similarity to the marked pixel, and of all pairs of pixels: mean ± standard deviation.\n"
    "Where the deviation is near 0, the layer has little to teach."
)
DIFFERENCE_TIP = (
    "Student minus teacher. SA: the mean absolute difference of all positions' maps, unweighted\n"
    f"(≈: estimated; exact up to {MAX_EXACT_POSITIONS} positions); mean |Δ|: of this map.\n"
    "Red: the student's affinity is higher than the teacher's."
)


def draw_picture(picture: Image8, covers: QRectF) -> tuple[list[Overlay], list[Overlay]]:
    """`picture` in colour and in grey; call it from a worker thread for large ones."""
    # Only a backdrop: Pillow's luma takes a fraction of the time of the one that scores are measured on.
    grey = np.asarray(Image.fromarray(picture).convert("L"))
    shades = np.broadcast_to(grey[:, :, None], picture.shape)
    return [Overlay.from_pixels(picture, covers)], [Overlay.from_pixels(shades, covers)]


class MapPanes(QObject):
    """A grid of panes by key. A click in one of them chooses the pixel that lies there."""

    def __init__(self, state: InspectState, camera: Camera, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self.camera = camera
        self.grid = PaneGrid(camera, parent)
        self._before_click: Pixel = state.query

    @property
    def panes(self) -> dict[str, ImagePane]:
        return self.grid.by_key

    @property
    def key_at_mouse(self) -> str:
        """The pane under the mouse, or else the one that is shown alone; empty without one."""
        shown = (key for key, pane in self.panes.items() if pane.canvas is self.camera.over)
        return next(shown, "" if self.grid.alone is None else self.grid.alone.key)

    def set_titles(self, *, numbered: bool = True) -> None:
        """Set the titles, `numbered` with the digits that show a pane alone."""
        for key, pane in self.panes.items():
            badge = self._state.digit(key) if numbered else ""
            pane.set_title(self._state.title(key), self._state.colour(key), badge)

    def show_values(self, values: Mapping[str, float]) -> None:
        """Show the values under the cursor in the headers."""
        for key, pane in self.panes.items():
            pane.set_readout(signed(values[key], "+.3f") if key in values else "")

    def make_pane(self, key: str) -> ImagePane:
        pane = ImagePane(key, ImageCanvas(self.camera))
        pane.canvas.pointed.connect(self._choose)
        pane.canvas.click_undone.connect(lambda: self._state.set_query(*self._before_click))
        return pane

    def pixel(self, position: QPointF | None) -> Pixel | None:
        """The LR pixel (y, x) at `position` in the scene of the camera."""
        raise NotImplementedError

    def _choose(self, position: QPointF) -> None:
        self._before_click = self._state.query
        pixel = self.pixel(position)
        if pixel is not None:
            self._state.set_query(*pixel)


class MapBoard(MapPanes):
    """Shows the rows as heat maps over the image. A value belongs to the LR pixel that it covers."""

    def __init__(self, state: InspectState, camera: Camera, parent: QWidget) -> None:
        super().__init__(state, camera, parent)
        self.window = NO_WINDOW
        """The part of the image that the rows cover."""
        self.rows: dict[str, Floats] = {}
        """Affinities by model and differences by `difference_key`, (h, w) over the window."""
        self._picture: Image8 | None = None
        self._colour: list[Overlay] = []
        self._grey: list[Overlay] = []
        self._drawing = LatestWins(
            "draw the picture", self, result=self._take_picture, failed=state.session.report
        )

    def pane_menu(self, key: str) -> QMenu:
        """The menu of the pane of a model, or of its difference; deleted when it closes."""
        state, number = self._state, list(self.panes).index(key)
        model, library = state.model_of(key), state.session.library
        menu = QMenu(self.grid)
        menu.aboutToHide.connect(menu.deleteLater)
        alone = self.grid.solo == number
        show = partial(self.grid.show_only, None if alone else number)
        menu.addAction("Show all panes" if alone else "Show alone", show)
        hide = menu.addAction(f"Hide {state.label(model)}", partial(state.close_pane, key))
        hide.setEnabled(state.is_closable(key))
        menu.addAction("Only this", partial(library.show_only, [model], "Inspect"))
        return menu

    def arrange(self) -> None:
        """One pane for the image and each model and difference, with their titles."""
        students = self._state.students
        self.grid.columns = len(students) + 1 if len(students) > 1 else None
        self.grid.set_keys(self._state.pane_keys, self.make_pane)
        for key, pane in self.panes.items():
            pane.header.set_closable(self._state.is_closable(key))
        self.mark_region()
        self.set_titles(numbered=not self._state.matrix_shown)

    def mark_region(self) -> None:
        """Outline the region. Beside the matrix, dragging on the image moves it rather than the pixel."""
        region, movable = self._state.region, self._state.matrix_shown
        for key, pane in self.panes.items():
            pane.canvas.region = self.covers(region) if region.positions else None
            pane.canvas.region_editable = movable or key != IMAGE
            pane.canvas.drag = Drag.POINT if key == IMAGE and not movable else Drag.PAN
            pane.canvas.update()

    def show_picture(self, picture: Image8, covers: QRectF) -> None:
        """Show `picture`, which covers `covers` in HR pixels: in colour in its pane, grey under the maps."""
        if picture is not self._picture:
            self._picture = picture
            self._drawing.cancel()
            if picture[:, :, 0].size <= MAX_SYNC_PIXELS:
                self._colour, self._grey = draw_picture(picture, covers)
            else:
                # Until it is drawn, that of the same image stays.
                if self._colour and self._colour[0].rect != covers:
                    self._colour, self._grey = [], []
                self._drawing.submit(lambda token: draw_picture(picture, covers))
        if IMAGE in self.panes:
            self.panes[IMAGE].canvas.set_overlays(*self._colour)

    def _take_picture(self, drawn: tuple[list[Overlay], list[Overlay]]) -> None:
        self._colour, self._grey = drawn
        if IMAGE in self.panes:
            self.panes[IMAGE].canvas.set_overlays(*self._colour)
        self.draw()

    def mark(self, cell: tuple[Pixel, Pixel] | None) -> None:
        """Outline the chosen pixel, the one under the mouse, and the two of a matrix `cell`."""
        state, accent = self._state, current_theme().accent
        marks: list[tuple[QRectF, str]] = []
        if state.hovered is not None and state.hovered != state.query:
            marks.append((self._pixel_rect(state.hovered), accent))
        if cell is not None:
            marks += [(self._pixel_rect(cell[0]), ROW_COLOUR), (self._pixel_rect(cell[1]), COLUMN_COLOUR)]
        for key, pane in self.panes.items():
            part = self._part if key == IMAGE else None
            pane.canvas.marker = self._pixel_rect(state.query)
            pane.canvas.marks = (*([(self.covers(part), accent)] if part else []), *marks)
            pane.canvas.update()

    def draw(self) -> None:
        """Colour the rows over the grey picture."""
        style = self._state.style
        for key, pane in self.panes.items():
            overlays = list(self._grey)
            if key in self.rows:
                heat = coloured(self.rows[key], key not in self._state.models, style)
                covers = self.covers(self.window)
                overlays.append(Overlay(qimage_from_array(heat), covers, style.opacity / 100))
                pane.canvas.set_message("")
            if key != IMAGE:
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

    def show_figures(self, features: Mapping[str, SourceMaps], losses: Sequence[StudentLosses]) -> None:
        """The second line of every header, from the feature maps and the students' losses."""
        state, rows = self._state, self.rows
        texts = {IMAGE: (self._pixel_figures(), "Arrow keys move the pixel")}
        for ref in state.models:
            if ref in rows and ref in features:
                maps = features[ref]
                spread, title = maps.spreads[state.layer], tap_title(maps.spec, state.layer)
                figures = f"mean {signed(float(rows[ref].mean()))} · all {spread} · {title}"
                texts[ref] = figures, MAP_FIGURES_TIP
        nearest = nearest_at(losses, state.layer)
        for number, (student, known) in enumerate(zip(state.students, losses, strict=True)):
            key, loss = difference_key(student), known.losses.get(state.layer)
            if key in rows:
                text = f"SA {'…' if loss is None else loss.text}{' (nearer)' if nearest == number else ''}"
                texts[key] = f"{text} · mean |Δ| {float(np.abs(rows[key]).mean()):.4f}", DIFFERENCE_TIP
        for key, pane in self.panes.items():
            pane.set_figures(*texts.get(key, ("",)))

    def _pixel_figures(self) -> str:
        state, (y, x) = self._state, self._state.shown_pixel
        text = f"LR pixel x {x}, y {y}"
        if state.hovering and state.hovered is None:
            text += " (pinned)"
        if (part := self._part) is not None and state.image is not None:
            height, width = state.image.lr.shape[:2]
            text += f" · window {part.width} × {part.height} of {width} × {height} px"
        return text

    def values_at(self, pixel: Pixel | None) -> dict[str, float]:
        """Every map's value at `pixel` (y, x); none outside the window."""
        if pixel is None or not self.window.contains_pixel(*pixel):
            return {}
        y, x = pixel[0] - self.window.top, pixel[1] - self.window.left
        return {key: float(row[y, x]) for key, row in self.rows.items() if key in self.panes}

    def pixel(self, position: QPointF | None) -> Pixel | None:
        """The LR pixel at `position` (HR pixels)."""
        image = self._state.image
        if position is None or image is None:
            return None
        return int(position.y() // image.scale), int(position.x() // image.scale)

    def covers(self, window: Window) -> QRectF:
        """`window` in HR pixels."""
        scale = self._state.image.scale if self._state.image is not None else 1
        return QRectF(window.left * scale, window.top * scale, window.width * scale, window.height * scale)

    @property
    def _part(self) -> Window | None:
        """The window, unless it is the whole image."""
        image, window = self._state.image, self.window
        whole = image is None or not window.positions or (window.height, window.width) == image.lr.shape[:2]
        return None if whole else window

    def _pixel_rect(self, pixel: Pixel) -> QRectF:
        return self.covers(Window(*pixel, 1, 1))

    def make_pane(self, key: str) -> ImagePane:
        pane = super().make_pane(key)
        pane.canvas.has_overview = True
        pane.canvas.region_edited.connect(self._edit_region)
        pane.canvas.region_drawn.connect(lambda: self._state.show_matrix(True))
        pane.canvas.setToolTip(IMAGE_TIP if key == IMAGE else MAP_TIP)
        pane.header.show_menu_button()
        if key == IMAGE:
            pane.header.menu_button.hide()
        else:
            pane.header.close_requested.connect(lambda: self._state.close_pane(key))
            pane.header.menu_requested.connect(lambda at: self.pane_menu(key).popup(at))
        return pane

    def _edit_region(self, rect: QRectF) -> None:
        if self._state.image is not None and self.window.positions:
            self._state.set_region(region_from(rect, self._state.image.scale, self.window))
