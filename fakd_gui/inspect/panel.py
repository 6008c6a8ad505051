"""The Inspect workspace."""

from __future__ import annotations

from PySide6.QtCore import QMargins, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QMenu, QStackedWidget, QVBoxLayout, QWidget

from fakd_core.evaluation.features import MAX_WINDOW_SIDE
from fakd_core.events import Progress
from fakd_gui.inspect.commands import EXPORTS, create_actions
from fakd_gui.inspect.controls import InspectControls
from fakd_gui.inspect.export import Exporter
from fakd_gui.inspect.loss_chart import StudentLosses
from fakd_gui.inspect.map_area import MARGIN, MIN_CHART_WIDTH, MapArea
from fakd_gui.inspect.runner import InspectRunner
from fakd_gui.inspect.state import IMAGE, NO_WINDOW, InspectMemory, InspectState
from fakd_gui.inspect.timeline_bar import TimelineBar
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.session import Session
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.empty_state import EmptyState
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.held_keys import HeldKeys
from fakd_gui.widgets.image_tools import OpenTools, make_tool_bar, menu_button
from fakd_gui.widgets.keyboards import SingleKeys
from fakd_gui.widgets.theme import Theme, follow_theme
from fakd_gui.widgets.view_commands import add_view_menu, add_view_tools

CANCELLED = "Cancelled. Choose a pixel to compute it."


class InspectPanel(QWidget):
    """Affinity maps of one LR pixel, by teacher and students, at each of the four feature taps.

    Computes only while it is visible, or when another pixel is chosen or `refresh` is called. A large LR
    image is inspected in a window of 256x256 around the pixel; a pixel outside it moves the window.
    """

    map_shown = Signal()
    """The maps of the chosen pixel, layer and models are on the screen."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._outdated = False
        """Feature maps are to be computed once the panel is visible."""
        self._announced: dict[str, str] = {}
        """Failures by model that were reported: the pane keeps showing them, the window shows them once."""
        self.state = InspectState(session, self)
        self.runner = InspectRunner(self.state, self)
        self.area = MapArea(self.state, self.runner)
        self.exporter = Exporter(self.state, self.area, self)
        self.actions = create_actions(self, state=self.state, area=self.area, exporter=self.exporter)
        self.controls = InspectControls(self.state, self.actions)
        self.timeline_bar = TimelineBar(self.state.timeline, session, follow=self.actions["follow"])
        self.status = BusyBar()
        self.export_menu = QMenu(self, toolTipsVisible=True)
        self._lay_out()
        self._connect()
        follow_theme(self, self._apply_theme)

    def refresh(self) -> None:
        """Compute missing feature maps of the session's image and models."""
        if self.session.image is None:
            return
        self._outdated = False
        self._arrange()
        self.area.board.show_waiting("Computing…")
        hint = "" if self.state.sources else "Choose a teacher or add a student to see affinities"
        self.area.board.panes[IMAGE].canvas.set_message(hint)
        self.runner.extract()

    def cancel(self) -> None:
        """Stop computing; maps that are there stay. The next query computes what is missing."""
        self.runner.cancel()
        self._outdated = True
        self.area.board.show_waiting(CANCELLED)

    def memory(self) -> InspectMemory:
        return self.state.memory()

    def restore(self, memory: InspectMemory) -> None:
        self.state.restore(memory)

    def _lay_out(self) -> None:
        bar = make_tool_bar(self)
        self.open_tools = OpenTools(bar)
        bar.addSeparator()
        add_view_tools(bar, self.actions, self.area.camera)
        add_view_menu(bar, self.actions, ("flip", "blink", "blink_all"))
        bar.addSeparator()
        bar.addWidget(self.controls.style_tools)
        bar.addSeparator()
        self.export_menu.addActions([self.actions[name] for name in EXPORTS])
        self.export_menu.insertSeparator(self.actions["figure"])
        tip = "Pictures, values and figures"
        menu_button(bar, "Export", self.export_menu, icon_name="export-variant", tip=tip)
        self._content = QWidget(self)
        content = QVBoxLayout(self._content, contentsMargins=QMargins(), spacing=4)
        content.addWidget(self.controls)
        content.addWidget(self.timeline_bar)
        content.addWidget(self.area, 1)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(EmptyState(self.open_tools, "see what the networks relate its pixels to"))
        self._stack.addWidget(self._content)
        layout = QVBoxLayout(self, contentsMargins=QMargins(MARGIN, 4, MARGIN, 6), spacing=4)
        layout.addWidget(bar)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.status)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _connect(self) -> None:
        session, state, runner = self.session, self.state, self.runner
        state.image_changed.connect(self._show_image)
        state.models_changed.connect(self._models_changed)
        state.query_changed.connect(lambda *_: self._query_changed())
        state.layer_changed.connect(lambda _: self._show_losses())
        state.region_changed.connect(runner.request_matrices)
        for changed in (state.layer_changed, state.ranges_changed, state.matrix_toggled):
            changed.connect(lambda *_: runner.request_matrices())
        state.maps_outdated.connect(self._show_maps)
        runner.progressed.connect(self._show_progress)
        runner.idle.connect(self.status.show_idle)
        runner.model_ready.connect(state.update_maps)
        runner.finished.connect(self._take_features)
        runner.losses_changed.connect(self._show_losses)
        self.area.camera.changed.connect(self._show_position)
        self.area.camera.cursor_changed.connect(self._show_position)
        self.timeline_bar.survey.clicked.connect(runner.survey)
        self.status.cancelled.connect(self.cancel)
        session.training_finished.connect(lambda _: self._request_losses())
        HeldKeys(self, lambda: self.area.grid.let_go())
        SingleKeys(self, self._use_key)
        FileDrops(self, lambda paths: session.open_paths(paths, "Inspect"), session.report)
        tools = self.open_tools
        tools.image_chosen.connect(lambda path: session.open_paths([path], "Inspect"))
        tools.sample_chosen.connect(session.open_image)
        tools.is_lr_chosen.connect(session.set_is_lr)
        session.is_lr_changed.connect(tools.show_is_lr)
        tools.show_is_lr(session.is_lr)

    def _show_image(self, image: OpenedImage) -> None:
        self.runner.forget_image()
        self.area.board.rows, self.area.board.window = {}, NO_WINDOW
        self._enable_exports()
        height, width = image.hr_size
        self.area.camera.set_scene(width, height)
        height, width = image.lr.shape[:2]
        text = f"{image.name} · LR {width} × {height} px · ×{image.scale}{image.transparency_note}"
        if max(height, width) > MAX_WINDOW_SIDE:
            inspected = f"{min(width, MAX_WINDOW_SIDE)} × {min(height, MAX_WINDOW_SIDE)}"
            text += f" · {inspected} px around the pixel are inspected"
        self.status.left.setText(text)
        self.status.left.setToolTip(str(image.path))
        self._stack.setCurrentWidget(self._content)

    def _models_changed(self) -> None:
        if self.isVisible():
            self.refresh()
        else:
            self._outdated = True
            self.runner.extracting.cancel()

    def _query_changed(self) -> None:
        if self._outdated or not self.runner.window.contains_pixel(*self.state.query):
            self.refresh()

    def _arrange(self) -> None:
        self.area.arrange()
        self._fit_room()

    def _apply_theme(self, theme: Theme) -> None:
        if self.session.image is not None:
            self._arrange()
            self.area.draw()
            self._show_losses()

    def _show_maps(self) -> None:
        self.area.show_maps()
        self._enable_exports()
        if self.area.board.rows and not self.runner.extracting.running:
            self.map_shown.emit()

    def _enable_exports(self) -> None:
        for name in EXPORTS:
            self.actions[name].setEnabled(bool(self.area.board.rows))

    def _show_losses(self) -> None:
        self.area.show_losses()
        state, losses = self.state, self.runner.checkpoint_losses()
        self.timeline_bar.curve.show_histories(
            [StudentLosses(state.label(ref), state.colour(ref), known) for ref, known in losses.items()]
        )

    def _request_losses(self) -> None:
        self.runner.request_losses()
        self._show_losses()

    def _show_position(self) -> None:
        camera = self.area.camera
        pixel = self.area.board.pixel(camera.cursor)
        position = "" if pixel is None else f"LR x {pixel[1]}, y {pixel[0]} · "
        self.status.right.setText(f"{position}{camera.percent:.0f} %")

    def _show_progress(self, progress: Progress) -> None:
        task = f"Feature maps of {self.state.label(progress.what)}"
        self.status.show_busy(task, progress.done, progress.total if progress.total > 1 else 0)

    def _take_features(self) -> None:
        self._show_failures()
        for ref, problem in self.runner.failures.items():
            if self._announced.get(ref) != problem.text:
                self.session.report(problem)
        self._announced = {ref: problem.text for ref, problem in self.runner.failures.items()}
        self.controls.name_layers(self.runner.features)
        self.state.update_maps()
        self._request_losses()
        self.runner.request_matrices()

    def _show_failures(self) -> None:
        for ref, problem in self.runner.failures.items():
            self.area.board.show_failure(ref, problem.text)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._outdated:
            self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_room()

    def _fit_room(self) -> None:
        self.area.fit_room(self.size())
        self.timeline_bar.show_curve(self.width() >= MIN_CHART_WIDTH)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._use_key(event):
            super().keyPressEvent(event)

    def _use_key(self, event: QKeyEvent) -> bool:
        return self.area.grid.press(event) or self.actions.handle(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.area.grid.release(event):
            super().keyReleaseEvent(event)
