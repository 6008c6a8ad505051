"""The Inspect workspace."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from fakd_core.evaluation.features import tap_title
from fakd_core.models.spec import TAP_COUNT
from fakd_gui.inspect.board import IMAGE, difference_key
from fakd_gui.inspect.drawing import draw_maps, show_losses, show_picture, show_position, update_readouts
from fakd_gui.inspect.engine import Extracted
from fakd_gui.inspect.export_menu import ExportMenu, collect, open_figure, picture
from fakd_gui.inspect.keys import KEYS, InspectKeys
from fakd_gui.inspect.layout import InspectLayout
from fakd_gui.inspect.matrix_view import MatrixHeading
from fakd_gui.inspect.region_mode import RegionMode
from fakd_gui.inspect.remembered import recall, remember
from fakd_gui.inspect.sources import Source
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.session import Session
from fakd_gui.widgets.file_dialogs import ask_image
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.image_tools import menu_button
from fakd_gui.widgets.theme import Theme, follow_theme


class InspectPanel(InspectLayout):
    """What teacher and students relate one LR pixel to, at each of the four taps.

    Works while it is visible, or when asked by `set_query` or `refresh`. A large LR image is inspected
    in a window of 256x256 around the query; a query outside it moves the window.
    """

    KEYS = KEYS

    map_shown = Signal()
    """The maps of the current query, layer and models are on the screen."""
    finished = Signal()
    """The feature maps of every model are computed (or have failed)."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._stale = False
        self._told: dict[str, str] = {}
        """Failures by model that were announced: the pane goes on saying it, the window says it once."""
        self.export = ExportMenu(
            session, self, partial(collect, self), partial(picture, self), partial(open_figure, self)
        )
        self.bar.addSeparator()
        menu_button(self.bar, "Export", "export-variant", "Pictures, values and figures", self.export.menu)
        self._keys = InspectKeys(self, self.export.copy)
        self._region = RegionMode(self)
        self._connect()
        follow_theme(self, self._apply_theme)
        if session.image is not None:
            self._image_changed(session.image)

    @property
    def layer(self) -> int:
        return self.controls.layer

    @property
    def query(self) -> tuple[int, int]:
        """The pixel (y, x) that was chosen; in hover mode another one may be shown."""
        return self.asked.pinned

    def set_layer(self, layer: int) -> None:
        """Show feature tap `layer`, 0..3; `map_shown` follows."""
        self.controls.choose_layer(layer)

    def set_query(self, y: int, x: int) -> None:
        """Inspect the LR pixel (y, x), moved into the image where it lies outside; `map_shown` follows."""
        if self.session.image is not None:
            self.asked.pin(y, x)

    def refresh(self) -> None:
        """Compute the feature maps that are missing for the session's image and models."""
        image = self.session.image
        if image is None:
            return
        self._stale = False
        self._arrange()
        sources = self._sources()
        advice = "" if sources else "Choose a teacher or add a student to see affinities"
        self.board.panes[IMAGE].canvas.set_message(advice)
        refs = [source.ref for source in sources]
        self._told = {ref: message for ref, message in self._told.items() if ref in refs}
        if sources:
            self.engine.extract(image, sources, self.query)
        else:
            self.engine.clear()
            self._show_rows()
            show_losses(self)

    def cancel(self) -> None:
        """Stop computing; maps that are there stay. The next query computes what is missing."""
        self.engine.cancel()
        self._stale = True
        for key, pane in self.board.panes.items():
            if key != IMAGE and key not in self.board.rows:
                pane.canvas.set_message("Cancelled. Choose a pixel to compute it.")

    def shut_down(self) -> None:
        """Stop and wait for the threads, before the panel goes."""
        stop_all(self)

    def remember(self) -> dict[str, object]:
        """What the next start restores."""
        return remember(self)

    def recall(self, remembered: Mapping[str, object]) -> None:
        """Take what `remember` gave, as far as it fits."""
        recall(self, remembered)

    # -- following the session -----------------------------------------------------------------------

    def _connect(self) -> None:
        self.engine.progressed.connect(self._show_busy)
        self.engine.idle.connect(self.status.show_idle)
        self.engine.model_ready.connect(lambda _: self._take_model())
        self.engine.extracted.connect(self._take_features)
        self.engine.losses.changed.connect(partial(show_losses, self))
        self.engine.failed.connect(self.session.error)
        self.asked.pinned_changed.connect(self._pinned)
        self.asked.shown_changed.connect(self._show_rows)
        self.board.pointed.connect(self.set_query)
        self.matrix.picked.connect(self.set_query)
        self.controls.layer_changed.connect(lambda _: self._layer_changed())
        self.controls.student_changed.connect(self._student_chosen)
        self.controls.look_changed.connect(partial(draw_maps, self))
        self.controls.hover.toggled.connect(self._set_hovering)
        self.losses.layer_picked.connect(self.set_layer)
        for bar in (self.affinity_bar, self.difference_bar):
            bar.changed.connect(partial(draw_maps, self))
            bar.changed.connect(self._region.request)
        self.timeline.changed.connect(self._models_changed)
        self.timeline_bar.survey_wanted.connect(self._survey)
        self.camera.changed.connect(partial(show_position, self))
        self.camera.cursor_changed.connect(self._cursor_moved)
        self.status.cancelled.connect(self.cancel)
        self.session.image_changed.connect(self._image_changed)
        for signal in (self.session.teacher_changed, self.session.students_changed):
            signal.connect(lambda _: self._models_changed())
        self.session.training_finished.connect(lambda _: self._request_losses())
        FileDrops(self, lambda paths: self.session.open_paths(paths, "Inspect"))
        tools = self.open_tools
        tools.open_clicked.connect(self._choose_image)
        tools.sample_chosen.connect(self.session.open_image)
        tools.is_lr_chosen.connect(self.session.set_is_lr)
        self.session.is_lr_changed.connect(tools.show_is_lr)
        tools.show_is_lr(self.session.is_lr)

    def _choose_image(self) -> None:
        if path := ask_image(self):
            self.session.open_paths([path], "Inspect")

    def _apply_theme(self, theme: Theme) -> None:
        if self.session.image is not None:
            self._arrange()
            draw_maps(self)
            show_losses(self)

    def _image_changed(self, image: OpenedImage) -> None:
        self.engine.forget()
        self.board.image = image
        self.board.show_rows({}, None)
        self.board.mark_region(None)
        height, width = image.hr_size
        self.camera.set_scene(width, height)
        self.stack.setCurrentWidget(self.content)
        self.asked.set_image(*image.lr.shape[:2])
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

    def _all_students(self) -> list[str]:
        """The session's students, and those of the run whose checkpoints are inspected."""
        students = [ref for ref in self.session.students if ref != self.session.teacher]
        for source in self.timeline.sources():
            if source.ref not in students:
                students.append(source.ref)
        return students

    def _sources(self) -> list[Source]:
        scrubbed = {source.ref: source for source in self.timeline.sources()}
        refs = [*([self.session.teacher] if self.session.teacher else []), *self._all_students()]
        return [scrubbed.get(ref, Source(ref)) for ref in refs]

    def _arrange(self) -> None:
        students, board = self._all_students(), self.board
        board.name_models(self.session.teacher, students, self.timeline.labels())
        self.controls.offer_students({ref: board.label(ref) for ref in students})
        board.arrange(self.controls.shown_students(students))
        keys = [key for key in board.panes if key != IMAGE]
        self.matrix.arrange([MatrixHeading(key, board.title(key), board.colour(key)) for key in keys])
        self._region.mark()
        self.fit_room()
        show_picture(self)
        for key in keys:
            if key not in board.rows:
                board.panes[key].canvas.set_message("Computing…")

    def _student_chosen(self) -> None:
        self._arrange()
        self._show_rows()
        self._request_losses()
        self._region.request()

    def _layer_changed(self) -> None:
        self.asked.ask_again()
        show_losses(self)
        self._region.request()

    # -- the pixel -----------------------------------------------------------------------------------

    def _pinned(self, y: int, x: int) -> None:
        self._region.mark()
        show_position(self)
        self.session.query_changed.emit(y, x)
        if self._stale or not self.engine.holds(y, x):
            self.refresh()

    def _set_hovering(self, on: bool) -> None:
        self.asked.set_hovering(on)
        self.asked.ask_again()

    def _cursor_moved(self) -> None:
        pixel = self.board.pixel(self.camera.cursor)
        self.asked.hover(pixel if pixel is not None and self.engine.holds(*pixel) else None)
        show_position(self)
        update_readouts(self)

    # -- following the work --------------------------------------------------------------------------

    def _show_busy(self, ref: str, done: int, total: int) -> None:
        what = f"Feature maps of {self.board.label(ref)}"
        self.status.show_busy(what, done, total if total > 1 else 0)

    def _take_model(self) -> None:
        show_picture(self)
        self.asked.ask_again()

    def _take_features(self, result: Extracted) -> None:
        board = self.board
        for ref, problem in result.failures.items():
            students = board.students if ref == board.teacher else [ref]
            for key in (ref, *(difference_key(student) for student in students)):
                if key in board.panes:
                    board.panes[key].canvas.set_message(problem.text, error=True)
            if self._told.get(ref) != problem.text:
                self._told[ref] = problem.text
                self.session.report(problem)
        self.controls.name_layers(
            {
                board.label(ref): [tap_title(held.spec, layer) for layer in range(TAP_COUNT)]
                for ref, held in self.engine.features.items()
            }
        )
        self.finished.emit()
        self._take_model()
        self._request_losses()
        self._region.request()

    def _request_losses(self) -> None:
        # While a training runs, exact values would slow it down: the estimates have to do.
        exactly = self.session.training is None
        self.engine.request_losses(self.session.teacher, self.board.students, self.layer, exactly)
        show_losses(self)

    def _survey(self) -> None:
        self.engine.survey(self.timeline.all_sources(), self.session.teacher)

    def _show_rows(self) -> None:
        rows = self.engine.rows(self.board.models, self.layer, self.asked.shown)
        self.board.show_rows(rows, self.engine.window)
        self._region.mark()
        draw_maps(self)
        if rows and not self.engine.computing:
            self.map_shown.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._keys.press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._keys.release(event):
            super().keyReleaseEvent(event)
