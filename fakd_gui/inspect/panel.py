"""The Inspect workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPixmap, QShowEvent
from PySide6.QtWidgets import QWidget

from fakd_core.config import TAP_COUNT
from fakd_core.events import Image8
from fakd_gui.inspect.board import IMAGE, Look, coloured, difference_key
from fakd_gui.inspect.colour_bar import Values
from fakd_gui.inspect.engine import AffinityEngine, Extracted
from fakd_gui.inspect.export import Export
from fakd_gui.inspect.export_menu import ExportMenu
from fakd_gui.inspect.features import MAX_SIDE, Source, tap_title
from fakd_gui.inspect.headers import learners, show_figures, show_readouts
from fakd_gui.inspect.layout import InspectLayout
from fakd_gui.inspect.matrix_view import Heading, Wanted, region_around, region_from
from fakd_gui.inspect.query import ARROWS, STEP, Query
from fakd_gui.inspect.timeline_bar import Course
from fakd_gui.jobs import stop_all
from fakd_gui.opened_image import OpenedImage
from fakd_gui.run_folders import is_run
from fakd_gui.session import Session
from fakd_gui.theme import Theme, follow_theme
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.flip_keys import FlipKeys
from fakd_gui.widgets.image_tools import VIEW_KEYS, menu_button, navigate


class InspectPanel(InspectLayout):
    """What teacher and students relate one LR pixel to, at each of the four taps.

    Works while it is visible, or when asked by `set_query` or `refresh`. A large LR image is inspected
    in a window of 256x256 around the query; a query outside it moves the window.
    """

    KEYS = (
        ("Click, drag", "Choose the pixel"),
        ("Arrow keys", f"Move the pixel; with Shift by {STEP}"),
        ("H", "Hover: the pixel under the mouse, without a click"),
        ("Page up, Page down", "Next or previous layer"),
        ("Shift+drag", "Draw a region"),
        ("M", "Matrix of the region"),
        ("[, ]", "Previous or next checkpoint of the run"),
        ("T", "Follow the training"),
        ("1 … 9, Esc", "One pane alone (hold or press); all panes"),
        ("Ctrl+C", "Copy the panes as a picture"),
        *VIEW_KEYS,
    )

    map_shown = Signal()
    """The maps of the current query, layer and models are on the screen."""
    finished = Signal()
    """The feature maps of every model are computed (or have failed)."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.engine = AffinityEngine(session.models, self)
        self._query = Query(self)
        self._stale = False
        self._told: dict[str, str] = {}
        """Failures by model that were announced: the pane goes on saying it, the window says it once."""
        self._recalled: tuple[int, int] | None = None
        self.export = ExportMenu(session, self, self.collect, self.picture, self.open_figure)
        self.bar.addSeparator()
        menu_button(self.bar, "Export", "export-variant", "Pictures, values and figures", self.export.menu)
        self._flip = FlipKeys(self.board.grid)
        self._flip_matrices = FlipKeys(self.matrix.grid)
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
        return self._query.pinned

    def set_layer(self, layer: int) -> None:
        """Show feature tap `layer`, 0..3; `map_shown` follows."""
        self.controls.choose_layer(layer)

    def set_query(self, y: int, x: int) -> None:
        """Inspect the LR pixel (y, x), moved into the image where it lies outside; `map_shown` follows."""
        if self.session.image is not None:
            self._query.pin(y, x)

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
            self._show_losses()

    def cancel(self) -> None:
        """Stop computing; maps that are there stay. The next query computes what is missing."""
        self.engine.cancel()
        self._stale = True
        for key, pane in self.board.panes.items():
            if key != IMAGE and key not in self.board.rows:
                pane.canvas.set_message("Cancelled. Choose a pixel to compute it.")

    def shut_down(self) -> None:
        """Stop and wait for the threads, before the panel goes."""
        stop_all(self, self.opener)

    # -- what leaves the panel -----------------------------------------------------------------------

    def collect(self) -> Export | None:
        """The maps as they are shown; None while there are none."""
        board, image = self.board, self.session.image
        if image is None or board.window is None or not board.rows:
            return None
        labels = {key: board.title(key) for key in board.panes if key in board.rows}
        pictures = {
            label: coloured(board.rows[key], key not in board.models, self._look())
            for key, label in labels.items()
        }
        shown = self.matrix.matrices if not self.matrix.isHidden() else None
        matrices = {} if shown is None else {labels[key]: found for key, found in shown.values.items()}
        return Export(
            image.name,
            self.layer,
            self._query.shown,
            board.window,
            {label: board.rows[key] for key, label in labels.items()},
            pictures,
            image.scale,
            None if shown is None else shown.wanted.region,
            matrices,
        )

    def picture(self) -> QPixmap:
        """The panes with their headers, and the scales below them."""
        return self.content.grab(self.splitter.geometry().united(self.below.geometry()))

    def open_figure(self) -> None:
        """Open the dialog for a paper's figure of these maps."""
        from fakd_gui.figure import open_affinity_figure

        files = {source.ref: source.file for source in self.timeline.sources()}
        students = [str(files.get(ref) or ref) for ref in self.board.students]
        image = self.session.image
        if image is not None:
            open_affinity_figure(
                self, self.session, image, self.session.teacher, students, self.layer, self.query
            )

    def remember(self) -> dict[str, object]:
        """What the next start restores."""
        return {
            "layer": self.layer,
            "opacity": self.controls.opacity_slider.value(),
            "picture": self.controls.picture,
            "affinity range": list(self.affinity_bar.bounds),
            "difference range": list(self.difference_bar.bounds),
            "query": list(self.query),
            "hover": self.controls.hover.isChecked(),
            "follow": self.timeline.following,
            "run": "" if self.timeline.run is None else str(self.timeline.run),
            "step": self.timeline.step,
        }

    def recall(self, remembered: Mapping[str, object]) -> None:
        """Take what `remember` gave; what is missing or unfit stays as it is."""
        layer, opacity = remembered.get("layer"), remembered.get("opacity")
        if isinstance(layer, int):
            self.set_layer(layer)
        if isinstance(opacity, int):
            self.controls.opacity_slider.setValue(opacity)
        if isinstance(picture := remembered.get("picture"), str):
            self.controls.choose_picture(picture)
        for name, bar in (("affinity range", self.affinity_bar), ("difference range", self.difference_bar)):
            if isinstance(bounds := remembered.get(name), list) and len(bounds) == 2:
                bar.set_bounds(*bounds)
        query = remembered.get("query")
        if isinstance(query, list) and len(query) == 2 and all(isinstance(part, int) for part in query):
            self._recalled = (query[0], query[1])
        self.controls.hover.setChecked(remembered.get("hover") is True)
        run, step = remembered.get("run"), remembered.get("step")
        if isinstance(run, str) and run and is_run(Path(run)):
            self.timeline.set_run(Path(run), step if isinstance(step, int) else None)
        self.timeline.set_following(remembered.get("follow") is True)

    # -- following the session -----------------------------------------------------------------------

    def _connect(self) -> None:
        self.engine.progressed.connect(self._show_busy)
        self.engine.idle.connect(self.status.show_idle)
        self.engine.model_ready.connect(lambda _: self._take_model())
        self.engine.extracted.connect(self._take_features)
        self.engine.losses.changed.connect(self._show_losses)
        self.engine.failed.connect(self.session.error)
        self._query.pinned_changed.connect(self._pinned)
        self._query.shown_changed.connect(self._show_rows)
        self.board.pointed.connect(self.set_query)
        self.board.region_edited.connect(self._edit_region)
        self.board.region_drawn.connect(lambda: self.controls.matrix.setChecked(True))
        self.matrix.picked.connect(self.set_query)
        self.matrix.hovered.connect(lambda _: self._mark())
        self.matrix.shown.connect(lambda: self.matrix.mark(self.query))
        self.matrix.failed.connect(self.session.error)
        self.controls.layer_changed.connect(lambda _: self._layer_changed())
        self.controls.student_changed.connect(self._student_chosen)
        self.controls.look_changed.connect(self._draw)
        self.controls.hover.toggled.connect(self._set_hovering)
        self.controls.matrix.toggled.connect(self._show_matrix)
        self.losses.layer_picked.connect(self.set_layer)
        for bar in (self.affinity_bar, self.difference_bar):
            bar.changed.connect(self._draw)
            bar.changed.connect(self._request_matrices)
        self.timeline.changed.connect(self._models_changed)
        self.timeline_bar.survey_wanted.connect(self._survey)
        self.camera.changed.connect(self._show_position)
        self.camera.cursor_changed.connect(self._cursor_moved)
        self.status.cancelled.connect(self.cancel)
        self.session.image_changed.connect(self._image_changed)
        for signal in (self.session.teacher_changed, self.session.students_changed):
            signal.connect(lambda _: self._models_changed())
        self.session.training_finished.connect(lambda _: self._request_losses())
        FileDrops(self, self.opener.take)

    def _apply_theme(self, theme: Theme) -> None:
        if self.session.image is not None:
            self._arrange()
            self._draw()

    def _image_changed(self, image: OpenedImage) -> None:
        self.engine.forget()
        self.board.image = image
        self.board.show_rows({}, None)
        self.board.mark_region(None)
        height, width = image.hr_size
        self.camera.set_scene(width, height)
        self.stack.setCurrentWidget(self.content)
        self._query.set_image(*image.lr.shape[:2], self._recalled)
        self._recalled = None
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
        labels = self.timeline.labels()
        board.arrange(self.session.teacher, students, students, labels)
        self.controls.offer_students({ref: board.label(ref) for ref in students})
        shown = self.controls.shown_students(students)
        if shown != students:
            board.arrange(self.session.teacher, shown, students, labels)
        keys = [key for key in board.panes if key != IMAGE]
        self.matrix.arrange([Heading(key, board.title(key), board.colour(key)) for key in keys])
        self._mark()
        self.fit_room()
        self._show_picture()
        for key in keys:
            if key not in board.rows:
                board.panes[key].canvas.set_message("Computing…")

    def _student_chosen(self) -> None:
        self._arrange()
        self._show_rows()
        self._request_losses()
        self._request_matrices()

    def _layer_changed(self) -> None:
        self._query.ask_again()
        self._show_losses()
        self._request_matrices()

    # -- the pixel -----------------------------------------------------------------------------------

    def _pinned(self, y: int, x: int) -> None:
        self._mark()
        self._show_position()
        self.session.query_changed.emit(y, x)
        if self._stale or not self.engine.holds(y, x):
            self.refresh()

    def _set_hovering(self, on: bool) -> None:
        self._query.set_hovering(on)
        self._query.ask_again()

    def _cursor_moved(self) -> None:
        pixel = self.board.pixel(self.camera.cursor)
        self._query.hover(pixel if pixel is not None and self.engine.holds(*pixel) else None)
        self._show_position()
        self._update_readouts()

    def _update_readouts(self) -> None:
        # Affinity is symmetric: while hovering, the other pixel to read at is the pinned one.
        hovering = self._query.hovered is not None
        pixel = self.query if hovering else self.board.pixel(self.camera.cursor)
        values = show_readouts(self.board, pixel)
        models = self.board.models
        self.affinity_bar.mark([value for key, value in values.items() if key in models])
        self.difference_bar.mark([value for key, value in values.items() if key not in models])

    def _mark(self) -> None:
        pair = self.matrix.pixels() if not self.matrix.isHidden() else None
        self.board.mark(self.query, self._query.hovered, pair)
        self.matrix.mark(self.query)

    # -- following the work --------------------------------------------------------------------------

    def _show_busy(self, ref: str, done: int, total: int) -> None:
        what = f"Feature maps of {self.board.label(ref)}"
        self.status.show_busy(what, done, total if total > 1 else 0)

    def _take_model(self) -> None:
        self._show_picture()
        self._query.ask_again()

    def _take_features(self, result: Extracted) -> None:
        board = self.board
        for ref, message in result.failures.items():
            for key in (ref, difference_key(ref)):
                if key in board.panes:
                    board.panes[key].canvas.set_message(message, error=True)
            if self._told.get(ref) != message:
                self._told[ref] = message
                self.session.error.emit(message)
        self.controls.name_layers(
            {
                board.label(ref): [tap_title(held.spec, layer) for layer in range(TAP_COUNT)]
                for ref, held in self.engine.features.items()
            }
        )
        self.finished.emit()
        self._take_model()
        self._request_losses()
        self._request_matrices()

    def _request_losses(self) -> None:
        # While a training runs, exact values would slow it down: the estimates have to do.
        exactly = self.session.training is None
        self.engine.request_losses(self.session.teacher, self.board.students, self.layer, exactly)
        self._show_losses()

    def _survey(self) -> None:
        self.engine.survey(self.timeline.all_sources(), self.session.teacher)

    def _show_rows(self) -> None:
        rows = self.engine.rows(self.board.models, self.layer, self._query.shown)
        self.board.show_rows(rows, self.engine.window)
        self._mark()
        self._draw()
        if rows and not self.engine.computing:
            self.map_shown.emit()

    def _look(self) -> Look:
        return Look(self.controls.opacity, self.affinity_bar.bounds, self.difference_bar.bounds)

    def _draw(self) -> None:
        board = self.board
        self._show_picture()
        board.draw(self._look())
        values = {
            key: Values(board.label(key), board.colour(key), board.rows[key])
            for key in board.panes
            if key in board.rows
        }
        self.affinity_bar.show_values([shown for key, shown in values.items() if key in board.models])
        self.difference_bar.show_values([shown for key, shown in values.items() if key not in board.models])
        show_figures(board, self.engine, self.layer, self._query)
        self._update_readouts()

    def _show_losses(self) -> None:
        show_figures(self.board, self.engine, self.layer, self._query)
        features = next(iter(self.engine.features.values()), None)
        names = (
            [] if features is None else [f"{tap} {name}" for tap, name in enumerate(features.spec.tap_names)]
        )
        found = learners(self.board, self.engine, range(len(names)))
        self.losses.show_losses(names, found, self.layer)
        self._show_course()

    def _show_course(self) -> None:
        """The losses of the checkpoints that are known, at the layer shown."""
        timeline = self.timeline
        courses: dict[str, dict[int, float]] = {}
        for step in timeline.steps:
            for source in timeline.at(step):
                value = self.engine.estimate(source, self.session.teacher, self.layer)
                if value is not None:
                    courses.setdefault(source.ref, {})[step] = value
        self.timeline_bar.curve.show_courses(
            list(timeline.steps),
            timeline.step,
            [
                Course(self.board.label(ref), self.board.colour(ref), losses)
                for ref, losses in courses.items()
            ],
        )

    def _show_picture(self) -> None:
        image = self.session.image
        if image is None:
            return
        height, width = image.hr_size
        picture: Image8 = image.lr
        covers = QRectF(0, 0, width, height)
        held = next(iter(self.engine.features.values()), None)
        if self.controls.picture == "HR" and image.hr is not None:
            picture = image.hr
        elif self.controls.picture == "SR" and held is not None:
            picture, covers = held.sr, self.board.covers(held.window)
        self.board.show_picture(picture, covers)

    def _show_position(self) -> None:
        image = self.session.image
        if image is None:
            return
        height, width = image.lr.shape[:2]
        text = f"{image.name} · LR {width} × {height} px · ×{image.scale}"
        if max(height, width) > MAX_SIDE:
            text += f" · {min(width, MAX_SIDE)} × {min(height, MAX_SIDE)} px around the pixel are inspected"
        self.status.left.setText(text)
        self.status.left.setToolTip(str(image.path))
        pixel = self.board.pixel(self.camera.cursor)
        where = "" if pixel is None else f"LR x {pixel[1]}, y {pixel[0]} · "
        self.status.right.setText(f"{where}{self.camera.percent:.0f} %")

    # -- the matrix of a region ----------------------------------------------------------------------

    def _edit_region(self, rect: QRectF) -> None:
        image, window = self.session.image, self.engine.window
        if image is not None and window is not None:
            region = region_from(rect, image.scale, window)
            self.board.mark_region(region, movable=self.controls.matrix.isChecked())
            self._request_matrices()

    def _show_matrix(self, on: bool) -> None:
        if on and self.board.region is None and self.engine.window is not None:
            self.board.region = region_around(*self.query, self.engine.window)
        self.matrix.setVisible(on)
        self.board.mark_region(self.board.region, movable=on)
        # The matrices say what the maps say: beside them the image is enough.
        self.board.grid.show_only(0 if on else None)
        self._request_matrices()
        self._mark()

    def _request_matrices(self) -> None:
        window, region = self.engine.window, self.board.region
        if self.matrix.isHidden() or window is None:
            return
        if region is None or not window.contains(region):
            region = region_around(*self.query, window)
            self.board.mark_region(region, movable=True)
        features = dict(self.engine.features)
        teacher, students = self.session.teacher, list(self.board.students)
        self.matrix.request(Wanted(features, teacher, students, self.layer, region, self._look()))

    # -- keys ----------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, controls = Qt.Key(event.key()), self.controls
        flip = self._flip_matrices if controls.matrix.isChecked() else self._flip
        if event.matches(QKeySequence.StandardKey.Copy) and self.collect() is not None:
            self.export.copy()
        elif flip.press(event):
            pass
        elif key in ARROWS:
            self._query.step(key, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.set_layer(self.layer + (1 if key == Qt.Key.Key_PageUp else -1))
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self.timeline.move(1 if key == Qt.Key.Key_BracketRight else -1)
        elif key == Qt.Key.Key_H:
            controls.hover.toggle()
        elif key == Qt.Key.Key_M or (key == Qt.Key.Key_Escape and controls.matrix.isChecked()):
            controls.matrix.toggle()
        elif key == Qt.Key.Key_T:
            self.timeline.set_following(not self.timeline.following)
        elif not navigate(self.camera, key):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        flip = self._flip_matrices if self.controls.matrix.isChecked() else self._flip
        if not flip.release(event):
            super().keyReleaseEvent(event)
