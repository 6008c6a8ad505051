"""The inspector's panes: the image, every model's affinities, the students' differences to the teacher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, QRectF, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from fakd_core.events import Image8
from fakd_gui.convert import colourise, qimage_from_array
from fakd_gui.inspect.colour_bar import Range
from fakd_gui.inspect.features import Row, Window
from fakd_gui.opened_image import OpenedImage
from fakd_gui.theme import affinity_lut, current_theme, difference_lut
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_canvas import Drag
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.layers import Layer
from fakd_gui.widgets.names import model_labels
from fakd_gui.widgets.pane_grid import PaneGrid

IMAGE = "image"


@dataclass(frozen=True)
class Look:
    """How maps are drawn: opacity 0..1 and the fixed colour ranges."""

    opacity: float
    affinity: Range
    difference: Range


def difference_key(student: str) -> str:
    return f"difference of {student}"


class MapBoard(QObject):
    """Keeps the panes in step with the rows. A map's value belongs to the LR pixel it covers."""

    pointed = Signal(int, int)
    """(y, x) in LR pixels, clicked or dragged to."""

    def __init__(self, camera: Camera, parent: QWidget) -> None:
        super().__init__(parent)
        self.camera = camera
        self.grid = PaneGrid(camera, parent)
        self.panes: dict[str, ImagePane] = {}
        self.image: OpenedImage | None = None
        self.window: Window | None = None
        self.query = (0, 0)
        self.rows: dict[str, Row] = {}
        """Affinities by model, and student minus teacher by `difference_key`; (h, w) over the window."""
        self.teacher = ""
        self.students: list[str] = []
        self._labels: dict[str, str] = {}
        self._picture: Image8 | None = None
        self._colour: Layer | None = None
        self._grey: Layer | None = None

    def label(self, key: str) -> str:
        return self._labels.get(key, key)

    def arrange(self, teacher: str, students: list[str], all_students: Iterable[str]) -> None:
        """Image, teacher, student, difference; several students stand above their differences."""
        self.teacher, self.students = teacher, students
        self._labels = model_labels([ref for ref in (teacher, *all_students) if ref])
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
            self.grid.set_panes(list(self.panes.values()))
        self._title(list(all_students))

    def show_picture(self, picture: Image8, covers: QRectF) -> None:
        """Use `picture`, which covers `covers` in HR pixels: in colour in its pane, grey under the maps."""
        if picture is not self._picture:
            self._picture = picture
            colour = qimage_from_array(picture)
            self._colour = Layer(colour, covers)
            # Only a backdrop: Qt's luma takes a fraction of the time of the one that scores are measured on.
            self._grey = Layer(colour.convertToFormat(QImage.Format.Format_Grayscale8), covers)
        if self._colour is not None and IMAGE in self.panes:
            self.panes[IMAGE].canvas.set_layers(self._colour)

    def mark_query(self, y: int, x: int) -> None:
        self.query = (y, x)
        scale = self.image.scale if self.image is not None else 1
        for pane in self.panes.values():
            pane.canvas.marker = QRectF(x * scale, y * scale, scale, scale)
            pane.canvas.update()

    def show_rows(self, rows: Mapping[str, Row], window: Window) -> None:
        """Take the models' `rows`; the differences follow from them."""
        self.window = window
        self.rows = dict(rows)
        for student in self.students:
            if self.teacher in rows and student in rows:
                self.rows[difference_key(student)] = rows[student] - rows[self.teacher]

    def draw(self, look: Look) -> None:
        """Colour the rows over the grey picture."""
        if self.image is None:
            return
        for key, pane in self.panes.items():
            if key == IMAGE:
                continue
            layers = [] if self._grey is None else [self._grey]
            row = self.rows.get(key)
            if row is not None and self.window is not None:
                difference = key not in (self.teacher, *self.students)
                lut = difference_lut() if difference else affinity_lut()
                low, high = look.difference if difference else look.affinity
                heat = qimage_from_array(colourise(row, lut, low, high))
                layers.append(Layer(heat, self._covers(self.window), look.opacity))
                pane.canvas.set_message("")
            pane.canvas.set_layers(*layers)

    def value(self, key: str, at: QPointF | None) -> float | None:
        """The value of the map `key` at `at` (HR pixels); None outside the window."""
        row = self.rows.get(key)
        if row is None or at is None or self.image is None or self.window is None:
            return None
        y, x = int(at.y()) // self.image.scale, int(at.x()) // self.image.scale
        if not self.window.holds(y, x):
            return None
        return float(row[y - self.window.top, x - self.window.left])

    def colour(self, key: str, all_students: list[str]) -> str:
        theme = current_theme()
        if key == self.teacher:
            return theme.teacher
        return theme.student_colour(all_students.index(key)) if key in all_students else theme.muted

    def _make_pane(self, key: str) -> ImagePane:
        pane = ImagePane(key, self.camera, self.grid)
        pane.canvas.drag = Drag.POINT if key == IMAGE else Drag.PAN
        pane.canvas.pointed.connect(self._point)
        pane.canvas.setToolTip(
            "Click or drag to choose the position; the right or middle button pans"
            if key == IMAGE
            else "Click to choose the position; drag to pan"
        )
        return pane

    def _title(self, all_students: list[str]) -> None:
        for number, (key, pane) in enumerate(self.panes.items(), start=1):
            badge = str(number) if number < 10 else ""
            title = "Image" if key == IMAGE else self.label(key)
            if key == self.teacher:
                title = f"{title} (teacher)"
            for student in self.students:
                if key == difference_key(student):
                    title = f"Δ {self.label(student)}"
            pane.set_title(title, self.colour(key, all_students), badge)

    def _covers(self, window: Window) -> QRectF:
        scale = self.image.scale if self.image is not None else 1
        return QRectF(window.left * scale, window.top * scale, window.width * scale, window.height * scale)

    def _point(self, at: QPointF) -> None:
        if self.image is not None:
            self.pointed.emit(int(at.y() // self.image.scale), int(at.x() // self.image.scale))
