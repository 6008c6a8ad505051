"""The Compare workspace."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QStackedWidget, QVBoxLayout, QWidget

from fakd_core.events import CancelToken, Image8
from fakd_core.images import write_png
from fakd_gui.compare.board import DIFFERENCE, Board, Difference
from fakd_gui.compare.difference_bar import DifferenceBar
from fakd_gui.compare.models_menu import ModelsMenu
from fakd_gui.compare.work import (
    BICUBIC,
    HR,
    PaneEvent,
    PaneFailed,
    PaneProgress,
    PaneReady,
    PaneStarted,
    Region,
    compare,
    measure_region,
)
from fakd_gui.jobs import LatestWins, stop_all
from fakd_gui.opened_image import OpenedImage
from fakd_gui.session import Session
from fakd_gui.theme import Theme, follow_theme
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.empty_state import EmptyState
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.flip_keys import FlipKeys
from fakd_gui.widgets.image_opener import opener_of
from fakd_gui.widgets.image_tools import (
    add_open_tools,
    add_view_tools,
    make_tool_bar,
    menu_button,
    navigate,
    set_icon,
)


class ComparePanel(QWidget):
    """Bicubic, students, teacher and ground truth of the session's image, linked in zoom and pan.

    Works while it is visible, whenever the session's image or models change; what changes while it is
    hidden is computed when it is shown. `finished` follows when every pane is done
    (or has failed); it is not emitted after a cancellation.
    """

    finished = Signal()
    saved = Signal(list)
    """The files that `save_outputs` wrote."""
    _reported = Signal(int, object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.opener = opener_of(session)
        self.camera = Camera(self)
        self.board = Board(self.camera, self)
        self._generation = 0
        self._done = 0
        self._total = 0
        self._flip = FlipKeys(self.board.grid)
        self._stale = False
        self._work = LatestWins("compare", self)
        self._work.result.connect(self._all_done)
        self._work.failed.connect(self._failed)
        self._work.busy.connect(self._busy_changed)
        self._saving = LatestWins("save the images", self)
        self._saving.result.connect(self._take_saved)
        self._saving.failed.connect(self._not_saved)
        self._measuring = LatestWins("measure the region", self)
        self._measuring.result.connect(self._region_measured)
        self._measuring.failed.connect(session.error)
        self._region: QRectF | None = None
        self._told: dict[str, str] = {}
        """Failures by pane that were announced: the pane goes on saying it, the window says it once."""
        self._reported.connect(self._receive)
        self._build()
        session.image_changed.connect(self._image_changed)
        session.teacher_changed.connect(lambda _: self._models_changed())
        session.students_changed.connect(lambda _: self._models_changed())
        follow_theme(self, self._apply_theme)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if session.image is not None:
            self._image_changed(session.image)

    def refresh(self) -> None:
        """Compute what is missing for the session's image and models; what is computed already stays."""
        image = self.session.image
        if image is None:
            return
        self._stale = False
        self.board.arrange(self.session.students, self.session.teacher)
        self._offer_differences()
        for pane in self.board.panes.values():
            if pane not in self._connected:
                pane.canvas.region_drawn.connect(self._region_drawn)
        self._connected = set(self.board.panes.values())
        refs = [key for key in self.board.keys if key not in (BICUBIC, HR, DIFFERENCE)]
        self._told = {ref: message for ref, message in self._told.items() if ref in refs}
        for key in (BICUBIC, *refs):
            if key not in self.board.results:
                self.board.waiting(key, "Waiting")
        self._generation += 1
        generation, models, held = self._generation, self.session.models, dict(self.board.results)
        self._done, self._total = 0, len(refs) + 1

        def work(token: CancelToken) -> int:
            compare(image, refs, models, held, token, lambda event: self._reported.emit(generation, event))
            return generation

        self._work.submit(work)

    def cancel(self) -> None:
        """Stop computing; panes that are ready stay, the others say so."""
        self._generation += 1
        self._work.cancel()
        for key in self.board.keys:
            if key not in self.board.results and key not in (HR, DIFFERENCE):
                self.board.waiting(key, "Cancelled")

    def save_outputs(self, folder: Path) -> None:
        """Write every pane's image as PNG into `folder`; `saved` follows, or an error of the session."""
        image = self.session.image
        if image is None:
            return
        images: dict[Path, Image8] = {}
        for key in self.board.keys:
            pixels = self.board.pixels(key)
            if pixels is not None:
                name = self.board.label(key).replace("/", "_") if key != HR else "HR"
                images[folder / f"{image.path.stem}_x{image.scale}_{name}.png"] = pixels

        def work(token: CancelToken) -> list[Path]:
            for path, pixels in images.items():
                token.raise_if_cancelled()
                write_png(path, pixels)
            return list(images)

        self.status.left.setText(f"Writing {len(images)} images to {folder}…")
        self._saving.submit(work)

    def shut_down(self) -> None:
        """Stop and wait for the threads, before the panel goes."""
        stop_all(self, self.opener)

    def set_difference(self, difference: Difference | None) -> None:
        """Show the difference of two panes as one more pane; None hides it."""
        self.board.difference = difference
        self.difference_bar.setVisible(difference is not None and self.session.image is not None)
        self.difference_action.setChecked(difference is not None)
        if self.session.image is not None:
            self.board.arrange(self.session.students, self.session.teacher)
            self._show_region()

    def set_region(self, region: QRectF | None) -> None:
        """Measure every pane inside `region` (HR pixels) too; None forgets it."""
        whole = QRectF(QPointF(0, 0), self.camera.scene)
        self._region = None if region is None else region.intersected(whole)
        self._show_region()
        self._measure_region()

    def flip_to(self, index: int | None) -> None:
        """Show the pane number `index` alone at full size; None shows all."""
        self.board.grid.show_only(index)

    # -- building

    def _build(self) -> None:
        self._connected: set[QWidget] = set()
        self.bar = make_tool_bar(self)
        add_open_tools(self.bar, self.opener)
        self.bar.addSeparator()
        models = ModelsMenu(self.session, self.bar)
        menu_button(self.bar, "Models", "plus", "Add a model to compare, or remove one", models)
        self.bar.addSeparator()
        add_view_tools(self.bar, self.camera)
        self.bar.addSeparator()
        self.difference_action = self.bar.addAction("Difference")
        self.difference_action.setCheckable(True)
        self.difference_action.setToolTip("Show |a − b| of two panes, amplified")
        self.difference_action.triggered.connect(self._toggle_difference)
        self.save_action = self.bar.addAction("Save…")
        self.save_action.setToolTip("Write every pane's image as PNG into a folder")
        self.save_action.triggered.connect(self._choose_folder)
        set_icon(self.save_action, "content-save-outline")
        self.difference_bar = DifferenceBar(self)
        self.difference_bar.changed.connect(self.set_difference)
        self.difference_bar.hide()
        self.empty = EmptyState(self.opener, "compare models on it", self)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.board.grid)
        self.status = BusyBar(self)
        self.status.cancelled.connect(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 6)
        layout.setSpacing(4)
        layout.addWidget(self.bar)
        layout.addWidget(self.difference_bar)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.status)
        self.camera.changed.connect(self._show_position)
        self.camera.cursor_changed.connect(self._show_position)
        FileDrops(self, self.opener.take)
        self._enable()

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Save the images to")
        if name:
            self.save_outputs(Path(name))

    def _apply_theme(self, theme: Theme) -> None:
        if self.session.image is not None:
            self.board.refresh()

    # -- following the session and the work

    def _image_changed(self, image: OpenedImage) -> None:
        self.set_region(None)
        self.board.show_image(image)
        self.stack.setCurrentWidget(self.board.grid)
        self.difference_bar.setVisible(self.board.difference is not None)
        self._enable()
        self._show_file()
        self._models_changed()

    def _models_changed(self) -> None:
        if self.isVisible():
            self.refresh()
        else:
            self._stale = True
            self._work.cancel()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def _receive(self, generation: int, event: PaneEvent) -> None:
        if generation != self._generation:
            return
        match event:
            case PaneStarted(key):
                if key not in self.board.results:
                    self.board.waiting(key, "Computing…", progress=0)
            case PaneProgress(key, progress):
                self.board.waiting(key, "Computing…", progress=progress.done / progress.total)
            case PaneReady():
                self._done += 1
                self.board.receive(event)
            case PaneFailed(key, message):
                self._done += 1
                self.board.results.pop(key, None)
                self.board.refresh()
                self.board.waiting(key, message, error=True)
                if self._told.get(key) != message:
                    self._told[key] = message
                    self.session.error.emit(message)
        if self._work.running and self._done < self._total:
            self.status.show_busy(f"{self._done} of {self._total} done", self._done, self._total)

    def _all_done(self, generation: object) -> None:
        if generation == self._generation:
            self._measure_region()
            self.finished.emit()

    def _failed(self, message: str) -> None:
        self.session.error.emit(message)

    def _take_saved(self, paths: object) -> None:
        assert isinstance(paths, list)
        self.status.left.setText(f"{len(paths)} images written to {paths[0].parent}" if paths else "")
        self.saved.emit(paths)

    def _not_saved(self, message: str) -> None:
        self._show_file()
        self.session.error.emit(message)

    def _busy_changed(self, busy: bool) -> None:
        if busy:
            self.status.show_busy("Starting")
        else:
            self.status.show_idle()

    def _enable(self) -> None:
        there = self.session.image is not None
        self.difference_action.setEnabled(there)
        self.save_action.setEnabled(there)

    # -- difference and region

    def _offer_differences(self) -> None:
        keys = [key for key in self.board.keys if key != DIFFERENCE]
        labels = {key: self.board.label(key) for key in keys}
        first = self.session.students[0] if self.session.students else self.session.teacher or BICUBIC
        second = HR if HR in labels else self.session.teacher or BICUBIC
        self.difference_bar.offer(labels, first, second)
        if self.board.difference is not None:
            self.board.difference = self.difference_bar.difference
            self.board.refresh()

    def _toggle_difference(self, wanted: bool) -> None:
        self.set_difference(self.difference_bar.difference if wanted else None)

    def _region_drawn(self, region: QRectF) -> None:
        self.set_region(region if min(region.width(), region.height()) >= 1 else None)

    def _show_region(self) -> None:
        scores = self.board.region_scores if self._region is not None else {}
        self.board.show_region(self._region, scores)

    def _measure_region(self) -> None:
        hr = None if self.board.image is None else self.board.image.hr
        if self._region is None or hr is None:
            return
        left, top = int(self._region.left()), int(self._region.top())
        right, bottom = int(self._region.right() + 0.5), int(self._region.bottom() + 0.5)
        region, results = Region(left, top, right - left, bottom - top), dict(self.board.results)
        self._measuring.submit(lambda token: measure_region(results, hr, region, token))

    def _region_measured(self, scores: object) -> None:
        if self._region is not None and isinstance(scores, dict):
            self.board.show_region(self._region, scores)

    # -- keys and the status line

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._flip.press(event):
            return
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.set_region(None)
        elif not navigate(self.camera, key):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._flip.release(event):
            super().keyReleaseEvent(event)

    def _show_file(self) -> None:
        image = self.session.image
        if image is None:
            return
        height, width = image.hr_size
        low_height, low_width = image.lr.shape[:2]
        known = "reduced to" if image.hr is not None else "from"
        text = f"{image.name} · {width} × {height} {known} {low_width} × {low_height} · ×{image.scale}"
        self.status.left.setText(text)
        self.status.left.setToolTip(
            f"{image.path}\nKeys 1-9: one pane at full size (hold or press), Esc: all panes\n"
            "Shift and drag: measure a region · double click: fit"
        )

    def _show_position(self) -> None:
        at = self.camera.cursor
        where = f"x {int(at.x())}, y {int(at.y())} · " if at is not None else ""
        self.status.right.setText(f"{where}{self.camera.percent:.0f} %")
