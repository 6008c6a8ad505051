"""The inspector's panes: the image, every model's affinities, the students' differences to the teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, QRectF, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from fakd_core.evaluation.features import Floats, Window
from fakd_core.events import Image8
from fakd_core.runs.references import model_labels
from fakd_gui.inspect.colour_bar import Range
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import colourise, qimage_from_array
from fakd_gui.widgets.image_canvas import Drag
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.pane_grid import PaneGrid
from fakd_gui.widgets.theme import affinity_lut, current_theme, difference_lut

IMAGE = "image"
ROW_COLOUR, COLUMN_COLOUR = "#ffd34d", "#4dd7ff"
"""Of the two pixels that a cell of the matrix relates."""


@dataclass(frozen=True)
class MapStyle:
    """How maps are drawn: opacity 0..1 and the fixed colour ranges."""

    opacity: float
    affinity: Range
    difference: Range


def difference_key(student: str) -> str:
    return f"difference of {student}"


def coloured(values: Floats, is_difference: bool, look: MapStyle) -> Image8:
    """(h, w) affinities or differences -> (h, w, 4) RGBA in the fixed colours."""
    lut = difference_lut() if is_difference else affinity_lut()
    return colourise(values, lut, *(look.difference if is_difference else look.affinity))


class MapBoard(QObject):
    """Keeps the panes in step with the rows. A map's value belongs to the LR pixel it covers."""

    pointed = Signal(int, int)
    """(y, x) in LR pixels, clicked or dragged to."""
    region_edited = Signal(QRectF)
    """A region that is being drawn, moved or resized, in HR pixels."""
    region_drawn = Signal()

    def __init__(self, camera: Camera, parent: QWidget) -> None:
        super().__init__(parent)
        self.camera = camera
        self.grid = PaneGrid(camera, parent)
        self.panes: dict[str, ImagePane] = {}
        self.image: OpenedImage | None = None
        self.window: Window | None = None
        self.region: Window | None = None
        self.rows: dict[str, Floats] = {}
        """Affinities by model, and student minus teacher by `difference_key`; (h, w) over the window."""
        self.numbered = True
        self.teacher = ""
        self.students: list[str] = []
        self._all_students: list[str] = []
        self._labels: dict[str, str] = {}
        self._picture: Image8 | None = None
        self._colour: Overlay | None = None
        self._grey: Overlay | None = None

    @property
    def models(self) -> list[str]:
        """Teacher and the students shown."""
        return [*([self.teacher] if self.teacher else []), *self.students]

    def label(self, key: str) -> str:
        for student in self.students:
            if key == difference_key(student):
                return f"Δ {self.label(student)}"
        return self._labels.get(key, key)

    def name_models(self, teacher: str, students: Sequence[str], labels: Mapping[str, str]) -> None:
        """Which models there are, shown or not: colours follow their order. `labels` win over model names."""
        self.teacher, self._all_students = teacher, list(students)
        self._labels = {**model_labels([ref for ref in (teacher, *students) if ref]), **labels}

    def arrange(self, students: list[str]) -> None:
        """Image, teacher, student, difference; several students stand above their differences."""
        teacher, self.students = self.teacher, students
        differences = [difference_key(ref) for ref in students] if teacher else []
        models = [teacher] if teacher else []
        if len(students) > 1:
            keys = [IMAGE, *students, *models, *differences]
            self.grid.columns = len(students) + 1
        else:
            keys = [IMAGE, *models, *students, *differences]
            self.grid.columns = None
        if keys != list(self.panes):
            self.panes = {key: self.panes.get(key) or self._make_pane(key) for key in keys}
            self.grid.set_panes(list(self.panes.values()), keep_solo=True)
            self.mark_region(self.region)
        self._title()

    def number(self, on: bool) -> None:
        """Show the keys that flip to the panes, or don't: they flip something else."""
        self.numbered = on
        self._title()

    def show_picture(self, picture: Image8, covers: QRectF) -> None:
        """Use `picture`, which covers `covers` in HR pixels: in colour in its pane, grey under the maps."""
        if picture is not self._picture:
            self._picture = picture
            colour = qimage_from_array(picture)
            self._colour = Overlay(colour, covers)
            # Only a backdrop: Qt's luma takes a fraction of the time of the one that scores are measured on.
            self._grey = Overlay(colour.convertToFormat(QImage.Format.Format_Grayscale8), covers)
        if self._colour is not None and IMAGE in self.panes:
            self.panes[IMAGE].canvas.set_overlays(self._colour)

    def mark(
        self,
        pinned: tuple[int, int],
        hovered: tuple[int, int] | None,
        pair: tuple[tuple[int, int], tuple[int, int]] | None,
    ) -> None:
        """Point out pixels (y, x): the chosen one, that under the mouse, and the two of a matrix cell."""
        marks: list[tuple[QRectF, str]] = []
        if hovered is not None and hovered != pinned:
            marks.append((self._cell(*hovered), current_theme().accent))
        if pair is not None:
            marks += [(self._cell(*pair[0]), ROW_COLOUR), (self._cell(*pair[1]), COLUMN_COLOUR)]
        for key, pane in self.panes.items():
            partial = key == IMAGE and self.window is not None and not self._whole(self.window)
            frame = [(self.covers(self.window), current_theme().accent)] if partial and self.window else []
            pane.canvas.marker = self._cell(*pinned)
            pane.canvas.marks = (*frame, *marks)
            pane.canvas.update()

    def mark_region(self, region: Window | None, movable: bool = False) -> None:
        """Outline `region`; where it is `movable` on the image too, dragging there doesn't move the pixel."""
        self.region = region
        for key, pane in self.panes.items():
            pane.canvas.region = None if region is None else self.covers(region)
            pane.canvas.region_editable = movable or key != IMAGE
            if key == IMAGE:
                pane.canvas.drag = Drag.PAN if movable else Drag.POINT
            pane.canvas.update()

    def show_rows(self, rows: Mapping[str, Floats], window: Window | None) -> None:
        """Take the models' `rows`; the differences follow from them."""
        self.window = window
        self.rows = dict(rows)
        for student in self.students:
            if self.teacher in rows and student in rows:
                self.rows[difference_key(student)] = rows[student] - rows[self.teacher]

    def draw(self, look: MapStyle) -> None:
        """Colour the rows over the grey picture."""
        if self.image is None:
            return
        for key, pane in self.panes.items():
            if key == IMAGE:
                continue
            overlays = [] if self._grey is None else [self._grey]
            row = self.rows.get(key)
            if row is not None and self.window is not None:
                heat = qimage_from_array(coloured(row, key not in self.models, look))
                overlays.append(Overlay(heat, self.covers(self.window), look.opacity))
                pane.canvas.set_message("")
            pane.canvas.set_overlays(*overlays)

    def pixel(self, at: QPointF | None) -> tuple[int, int] | None:
        """The LR pixel (y, x) at `at` (HR pixels)."""
        if at is None or self.image is None:
            return None
        return int(at.y() // self.image.scale), int(at.x() // self.image.scale)

    def value(self, key: str, pixel: tuple[int, int] | None) -> float | None:
        """The value of the map `key` at `pixel` (y, x); None outside the window."""
        row = self.rows.get(key)
        if row is None or pixel is None or self.window is None or not self.window.contains_pixel(*pixel):
            return None
        return float(row[pixel[0] - self.window.top, pixel[1] - self.window.left])

    def colour(self, key: str) -> str:
        theme = current_theme()
        if key == self.teacher:
            return theme.teacher
        for number, student in enumerate(self._all_students):
            if key in (student, difference_key(student)):
                return theme.student_colour(number)
        return theme.muted

    def title(self, key: str) -> str:
        if key == IMAGE:
            return "Image"
        return f"{self.label(key)} (teacher)" if key == self.teacher else self.label(key)

    def _make_pane(self, key: str) -> ImagePane:
        pane = ImagePane(key, self.camera, self.grid)
        pane.canvas.drag = Drag.POINT if key == IMAGE else Drag.PAN
        pane.canvas.has_overview = True
        pane.canvas.pointed.connect(self._point)
        pane.canvas.region_edited.connect(self.region_edited)
        pane.canvas.region_drawn.connect(lambda _: self.region_drawn.emit())
        pane.canvas.setToolTip(
            "Click or drag to choose the pixel; Shift and drag: a region for the matrix;\n"
            "the right or middle button pans"
            if key == IMAGE
            else "Click to choose the pixel; drag to pan; Shift and drag: a region for the matrix"
        )
        return pane

    def _title(self) -> None:
        for number, (key, pane) in enumerate(self.panes.items(), start=1):
            badge = str(number) if number < 10 and self.numbered else ""
            pane.set_title(self.title(key), self.colour(key), badge)

    def _whole(self, window: Window) -> bool:
        return self.image is not None and (window.height, window.width) == self.image.lr.shape[:2]

    def covers(self, window: Window) -> QRectF:
        """`window` in HR pixels."""
        scale = self.image.scale if self.image is not None else 1
        return QRectF(window.left * scale, window.top * scale, window.width * scale, window.height * scale)

    def _cell(self, y: int, x: int) -> QRectF:
        return self.covers(Window(y, x, 1, 1))

    def _point(self, at: QPointF) -> None:
        pixel = self.pixel(at)
        if pixel is not None:
            self.pointed.emit(*pixel)
