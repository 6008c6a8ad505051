"""The Inspect workspace."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from fakd_core.events import Image8
from fakd_gui.inspect.board import IMAGE, Look, MapBoard, difference_key
from fakd_gui.inspect.colour_bar import ColourBar
from fakd_gui.inspect.controls import InspectControls
from fakd_gui.inspect.engine import AffinityEngine, Extracted, Rows
from fakd_gui.inspect.features import MAX_LOSS_POSITIONS, MAX_SIDE
from fakd_gui.inspect.histogram import RowHistogram
from fakd_gui.jobs import stop_all
from fakd_gui.opened_image import OpenedImage
from fakd_gui.session import Session
from fakd_gui.theme import Theme, affinity_lut, difference_lut, follow_theme
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.empty_state import EmptyState
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.flip_keys import FlipKeys
from fakd_gui.widgets.image_opener import opener_of
from fakd_gui.widgets.image_tools import add_open_tools, add_view_tools, make_tool_bar, navigate

AFFINITY_RANGES = ((0.0, 1.0), (-1.0, 1.0))
DIFFERENCE_RANGES = ((-1.0, 1.0), (-0.5, 0.5))
DIFFERENCE_TIP = (
    "Student minus teacher. The mean absolute difference of this map, and of the maps of all positions:\n"
    "the SA loss, unweighted "
    f"(computed up to {MAX_LOSS_POSITIONS} positions). Red: the student relates it more than the teacher."
)
ARROWS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}
ROOM_FOR_HISTOGRAM = 560
"""Panel height in pixels below which the histogram leaves its room to the maps."""


class InspectPanel(QWidget):
    """What teacher and students relate one LR pixel to, at each of the four taps.

    Works while it is visible, or when asked by `set_query` or `refresh`. A large LR image is inspected
    in a window of 256x256 around the query; a query outside it moves the window.
    """

    map_shown = Signal()
    """The maps of the current query and layer are on the screen."""
    finished = Signal()
    """The feature maps of every model are computed (or have failed)."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.opener = opener_of(session)
        self.camera = Camera(self)
        self.board = MapBoard(self.camera, self)
        self.engine = AffinityEngine(session.models, self)
        self.query = (0, 0)
        self._stale = False
        self._told: dict[str, str] = {}
        """Failures by model that were announced: the pane goes on saying it, the window says it once."""
        self._flip = FlipKeys(self.board.grid)
        self._build()
        self.engine.working_on.connect(self._show_busy)
        self.engine.idle.connect(self.status.show_idle)
        self.engine.extracted.connect(self._take_features)
        self.engine.rows_ready.connect(self._take_rows)
        self.engine.losses_ready.connect(self._show_figures)
        self.engine.failed.connect(session.error)
        session.image_changed.connect(self._image_changed)
        session.teacher_changed.connect(lambda _: self._models_changed())
        session.students_changed.connect(lambda _: self._models_changed())
        follow_theme(self, self._apply_theme)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if session.image is not None:
            self._image_changed(session.image)

    @property
    def layer(self) -> int:
        return self.controls.layer

    @property
    def shown_students(self) -> list[str]:
        students = [ref for ref in self.session.students if ref != self.session.teacher]
        return self.controls.shown_students(students)

    def set_layer(self, layer: int) -> None:
        """Show feature tap `layer`, 0..3; `map_shown` follows."""
        self.controls.choose_layer(layer)

    def set_query(self, y: int, x: int) -> None:
        """Inspect the LR pixel (y, x), moved into the image where it lies outside; `map_shown` follows."""
        image = self.session.image
        if image is None:
            return
        height, width = image.lr.shape[:2]
        self.query = (min(max(0, y), height - 1), min(max(0, x), width - 1))
        self.board.mark_query(*self.query)
        self._show_position()
        self.session.query_changed.emit(*self.query)
        if self._stale or not self.engine.holds(*self.query):
            self.refresh()
        else:
            self._request_rows()

    def refresh(self) -> None:
        """Compute the feature maps that are missing for the session's image and models."""
        image = self.session.image
        if image is None:
            return
        self._stale = False
        self._offer_students()
        self._arrange()
        refs = [ref for ref in (self.session.teacher, *self.session.students) if ref]
        advice = "" if refs else "Choose a teacher or add a student to see affinities"
        self.board.panes[IMAGE].canvas.set_message(advice)
        self._told = {ref: message for ref, message in self._told.items() if ref in refs}
        if refs:
            self.engine.extract(image, refs, self.query)
        else:
            self.engine.cancel()
            self.board.rows = {}
            self._look_changed()

    def cancel(self) -> None:
        """Stop computing; maps that are there stay."""
        self.engine.cancel()
        for key, pane in self.board.panes.items():
            if key != IMAGE and key not in self.board.rows:
                pane.canvas.set_message("Cancelled")

    def shut_down(self) -> None:
        """Stop and wait for the threads, before the panel goes."""
        stop_all(self, self.opener)

    # -- building

    def _build(self) -> None:
        bar = make_tool_bar(self)
        add_open_tools(bar, self.opener)
        bar.addSeparator()
        add_view_tools(bar, self.camera)
        bar.addSeparator()
        self.controls = InspectControls(self)
        bar.addWidget(self.controls.look)
        self.controls.layer_changed.connect(self._layer_changed)
        self.controls.student_changed.connect(self._student_chosen)
        self.controls.look_changed.connect(self._look_changed)
        self.affinity_bar = ColourBar("Affinity", affinity_lut, AFFINITY_RANGES, self)
        self.difference_bar = ColourBar("Difference", difference_lut, DIFFERENCE_RANGES, self)
        self.histogram = RowHistogram(self)
        for colour_bar in (self.affinity_bar, self.difference_bar):
            colour_bar.changed.connect(self._look_changed)
        self.below = QWidget(self)
        scales = QHBoxLayout()
        scales.setSpacing(16)
        scales.addWidget(self.affinity_bar, 1)
        scales.addWidget(self.difference_bar, 1)
        below = QVBoxLayout(self.below)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(4)
        below.addLayout(scales)
        below.addWidget(self.histogram)
        self.empty = EmptyState(self.opener, "see what the networks relate its pixels to", self)
        self.content = QWidget(self)
        content = QVBoxLayout(self.content)
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(4)
        content.addWidget(self.controls)
        content.addWidget(self.board.grid, 1)
        content.addWidget(self.below)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.content)
        self.status = BusyBar(self)
        self.status.cancelled.connect(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 6)
        layout.setSpacing(4)
        layout.addWidget(bar)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.status)
        self.board.pointed.connect(self.set_query)
        self.camera.changed.connect(self._show_position)
        self.camera.cursor_changed.connect(self._show_position)
        self.camera.cursor_changed.connect(self._update_readouts)
        FileDrops(self, self.opener.take)

    def _apply_theme(self, theme: Theme) -> None:
        if self.session.image is not None:
            self._arrange()
            self._look_changed()

    # -- following the session

    def _image_changed(self, image: OpenedImage) -> None:
        self.engine.forget()
        self.board.image = image
        self.board.rows = {}
        height, width = image.hr_size
        self.camera.set_scene(width, height)
        self.stack.setCurrentWidget(self.content)
        self.query = (image.lr.shape[0] // 2, image.lr.shape[1] // 2)
        self._models_changed()

    def _models_changed(self) -> None:
        if self.isVisible():
            self.refresh()
        else:
            self._stale = True
            self.engine.cancel_extraction()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.histogram.setVisible(self.height() >= ROOM_FOR_HISTOGRAM)

    def _offer_students(self) -> None:
        students = [ref for ref in self.session.students if ref != self.session.teacher]
        self.controls.offer_students({ref: self.board.label(ref) for ref in students})

    def _arrange(self) -> None:
        students = [ref for ref in self.session.students if ref != self.session.teacher]
        self.board.arrange(self.session.teacher, self.shown_students, students)
        self.board.mark_query(*self.query)
        self.difference_bar.setVisible(bool(self.session.teacher and students))
        self._show_picture()
        for key, pane in self.board.panes.items():
            if key != IMAGE and key not in self.board.rows:
                pane.canvas.set_message("Computing…")

    def _student_chosen(self) -> None:
        self._arrange()
        self._request_rows()

    def _layer_changed(self, layer: int) -> None:
        self._request_rows()

    # -- following the work

    def _show_busy(self, ref: str) -> None:
        self.status.show_busy(f"Feature maps of {self.board.label(ref)}")

    def _take_features(self, result: Extracted) -> None:
        features = result.features
        self.board.rows = {key: row for key, row in self.board.rows.items() if key in features}
        for ref, message in result.failures.items():
            for key in (ref, difference_key(ref)):
                if key in self.board.panes:
                    self.board.panes[key].canvas.set_message(message, error=True)
            if self._told.get(ref) != message:
                self._told[ref] = message
                self.session.error.emit(message)
        self.controls.name_layers({self.board.label(ref): held.tap_names for ref, held in features.items()})
        self._show_picture()
        self.finished.emit()
        self._request_rows()

    def _request_rows(self) -> None:
        shown = [self.session.teacher, *self.shown_students]
        self.engine.request_rows(shown, self.layer, self.query)
        self.engine.request_losses(self.session.teacher, self.shown_students, self.layer)

    def _take_rows(self, result: Rows) -> None:
        self.board.show_rows(result.rows, next(iter(result.features.values())).window)
        self._look_changed()
        if (result.layer, result.query) == (self.layer, self.query):
            self.map_shown.emit()

    def _look_changed(self) -> None:
        self._show_picture()
        look = Look(self.controls.opacity, self.affinity_bar.bounds, self.difference_bar.bounds)
        self.board.draw(look)
        students = self.session.students
        models = [ref for ref in (self.session.teacher, *self.shown_students) if ref in self.board.rows]
        self.histogram.show_rows([(self.board.colour(ref, students), self.board.rows[ref]) for ref in models])
        self._show_figures()
        self._update_readouts()

    def _show_picture(self) -> None:
        image = self.session.image
        if image is None:
            return
        height, width = image.hr_size
        picture: Image8 = image.lr
        covers = QRectF(0, 0, width, height)
        if self.controls.picture == "HR" and image.hr is not None:
            picture = image.hr
        elif self.controls.picture == "SR" and self.engine.features:
            held = next(iter(self.engine.features.values()))
            picture, scale, window = held.sr, image.scale, held.window
            covers = QRectF(
                window.left * scale, window.top * scale, window.width * scale, window.height * scale
            )
        self.board.show_picture(picture, covers)

    # -- figures

    def _show_figures(self) -> None:
        for key, pane in self.board.panes.items():
            row = self.board.rows.get(key)
            if key == IMAGE:
                pane.set_figures(
                    f"LR pixel y {self.query[0]}, x {self.query[1]}", "Arrow keys move it, Shift: by 10"
                )
            elif row is None:
                pane.set_figures("")
            elif key in self.engine.features:
                tap = self.engine.features[key].tap_names[self.layer]
                # Adding 0 turns a rounded -0.0 into 0.0.
                mean = round(float(row.mean()), 3) + 0.0
                figures = f"{tap} · mean {mean:.3f}".replace("-", "−")
                pane.set_figures(figures, "Cosine similarity to the marked pixel")
        for student in self.shown_students:
            row = self.board.rows.get(difference_key(student))
            if row is not None:
                figures = self._difference_figures(student, float(np.abs(row).mean()))
                self.board.panes[difference_key(student)].set_figures(figures, DIFFERENCE_TIP)

    def _difference_figures(self, student: str, of_row: float) -> str:
        text = f"mean |Δ| {of_row:.4f}"
        if (student, self.layer) in self.engine.losses:
            loss = self.engine.losses[student, self.layer]
            return f"{text} · SA {loss:.4f}" if loss is not None else text
        return f"{text} · SA …"

    def _update_readouts(self) -> None:
        at = self.camera.cursor
        values: dict[str, float] = {}
        for key, pane in self.board.panes.items():
            value = self.board.value(key, at)
            if value is not None:
                values[key] = value
            pane.set_readout("" if value is None else f"{value:+.3f}".replace("-", "−"))
        models = (self.session.teacher, *self.session.students)
        self.affinity_bar.mark([value for key, value in values.items() if key in models])
        self.difference_bar.mark([value for key, value in values.items() if key not in models])

    def _show_position(self) -> None:
        image = self.session.image
        if image is None:
            return
        height, width = image.lr.shape[:2]
        text = f"{image.name} · LR {width} × {height} · ×{image.scale}"
        if max(height, width) > MAX_SIDE:
            text += f" · {min(width, MAX_SIDE)} × {min(height, MAX_SIDE)} around the pixel are inspected"
        self.status.left.setText(text)
        self.status.left.setToolTip(
            f"{image.path}\nArrow keys move the pixel (Shift: by 10), Page up/down change the layer\n"
            "Keys 1-9: one pane at full size (hold or press), Esc: all panes"
        )
        at = self.camera.cursor
        where = (
            f"LR x {int(at.x()) // image.scale}, y {int(at.y()) // image.scale} · " if at is not None else ""
        )
        self.status.right.setText(f"{where}{self.camera.percent:.0f} %")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._flip.press(event):
            return
        key = Qt.Key(event.key())
        if key in ARROWS:
            step = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            dy, dx = ARROWS[key]
            self.set_query(self.query[0] + step * dy, self.query[1] + step * dx)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.set_layer(self.layer + (1 if key == Qt.Key.Key_PageUp else -1))
        elif not navigate(self.camera, key):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._flip.release(event):
            super().keyReleaseEvent(event)
