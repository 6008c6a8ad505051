"""The Compare workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QCursor, QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from fakd_gui.compare.cache import ResultCache
from fakd_gui.compare.captions import hex_text
from fakd_gui.compare.commands import KEYS, CompareKeys
from fakd_gui.compare.difference import Difference
from fakd_gui.compare.export import Exporter
from fakd_gui.compare.gallery import Gallery
from fakd_gui.compare.layout import CompareWidgets
from fakd_gui.compare.memory import Remembered, recall, remember
from fakd_gui.compare.menus import PanesMenu, pane_menu
from fakd_gui.compare.panes import PaneChanges
from fakd_gui.compare.region_scores import RegionMeasurer
from fakd_gui.compare.runner import Comparison
from fakd_gui.compare.split import Split
from fakd_gui.compare.state import DIFFERENCE, SPLIT
from fakd_gui.compare.work import (
    BICUBIC,
    HR,
    PaneEvent,
    PaneFailed,
    PaneProgress,
    PaneReady,
    PaneStarted,
    PaneTile,
    Region,
    RegionScores,
    is_model,
)
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.opening import Action
from fakd_gui.session.session import Session
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.image_canvas import Drag
from fakd_gui.widgets.region_box import snap_to_pixels
from fakd_gui.widgets.theme import Theme, follow_theme


class ComparePanel(CompareWidgets):
    """Bicubic, students, teacher and ground truth of the session's image, linked in zoom and pan.

    Works while it is visible, whenever the session's image or models change; what changes while it is
    hidden is computed when it is shown. `finished` follows when every pane is done
    (or has failed); it is not emitted after a cancellation.
    """

    KEYS = KEYS

    finished = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.cache = ResultCache()
        self.exporter = Exporter(session, self.board, self)
        self.gallery = Gallery(session, self.board, self.strip, self)
        self.panes = PaneChanges(self)
        self.recalled: tuple[Path, QRectF] | None = None
        """A region to come back once its image is opened."""
        self._stale = False
        self._told: dict[str, str] = {}
        """Failures by pane that were announced: the pane goes on saying it, the window says it once."""
        self._comparison = Comparison(session.models, self)
        self._measuring = RegionMeasurer(self)
        self._keys = CompareKeys(self)
        PanesMenu(self, self.panes_menu)
        self._connect()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.enable_actions(False, 0)
        if session.image is not None:
            self._image_changed(session.image)

    @property
    def region(self) -> Region | None:
        """The rectangle that is measured, in HR pixels."""
        return self.board.region

    # -- what a person does

    def cancel(self) -> None:
        """Stop computing; panes that are ready stay, the others say so."""
        self._comparison.cancel()
        for key in self.board.pane_set.results:
            if key not in self.board.results:
                self.board.waiting(key, "Cancelled")

    def set_split(self, split: Split | None) -> None:
        """Show two results in one more pane, with a divider between them; None hides it."""
        if split is not None and split != self.split_bar.split:
            self.split_bar.show_split(split)  # What it then announces comes back here.
            return
        self.board.pane_set.split = split
        self.arrange()

    def set_difference(self, difference: Difference | None) -> None:
        """Show the difference of two results as one more pane; None hides it."""
        if difference is not None and difference != self.difference_bar.difference:
            self.difference_bar.show_difference(difference)
            return
        self.board.pane_set.difference = difference
        self.arrange()

    def split_with(self, first: str, second: str) -> None:
        """Show the panes `first` and `second` in the split pane."""
        self.split_bar.choose(first, second)
        self.set_split(self.split_bar.split)

    def difference_to(self, first: str, second: str) -> None:
        """Show the difference of the panes `first` and `second`."""
        self.difference_bar.choose(first, second)
        self.set_difference(self.difference_bar.difference)

    def flip_to(self, index: int | None) -> None:
        """Show the pane number `index` alone at full size; None shows all."""
        self.board.grid.show_only(index)

    def set_region_tool(self, drawing: bool) -> None:
        """Whether dragging draws the region, rather than moving the image."""
        self.region_action.setChecked(drawing)
        self.board.set_drag(Drag.REGION if drawing else Drag.PAN)

    def set_region(self, region: QRectF | None) -> None:
        """Measure every pane inside `region` (HR pixels) too; None forgets it."""
        box = None
        if region is not None:
            whole = QRectF(QPointF(0, 0), self.camera.scene)
            inside = region.normalized().intersected(whole)
            if not inside.isEmpty():
                place = snap_to_pixels(inside, self.camera.scene)
                box = Region(place.left(), place.top(), place.width(), place.height())
        scores = self.board.region_scores if box is not None else {}
        if box is None or self.session.image is None or self.session.image.hr is None:
            scores = {}
        self.board.show_region(box, scores)
        self._measure_region()

    def copy_colour(self) -> None:
        """Put the colour under the mouse on the clipboard, as #rrggbb."""
        key, at = self.board.key_at_mouse, self.camera.cursor
        pixel = None if key is None else self.board.pixel(key, at)
        if key is None or at is None or pixel is None:
            return
        QGuiApplication.clipboard().setText(hex_text(pixel))
        where = f"x {int(at.x())}, y {int(at.y())}"
        self.session.announce(f"Copied {hex_text(pixel)}, the colour of {self.board.label(key)} at {where}")

    def open_figure(self) -> None:
        """Make a paper's figure of this image, these models and this region."""
        from fakd_gui.figure.open_dialog import open_crop_figure

        image = self.session.image
        if image is None:
            return
        refs = [key for key in self.board.pane_set.results if key == BICUBIC or is_model(key)]
        region = self.region
        box = None if region is None else (region.left, region.top, region.width, region.height)
        open_crop_figure(self, self.session, image, refs, box)

    def remember(self) -> dict[str, object]:
        """What the next start restores: plain values."""
        return remember(self)

    def recall(self, remembered: Mapping[str, object]) -> None:
        """Restore what `remember` gave; what is unknown or missing changes nothing."""
        recall(self, Remembered(remembered))

    def shut_down(self) -> None:
        """Stop and wait for the threads, before the panel goes."""
        stop_all(self)

    # -- following the session and the work

    def refresh(self) -> None:
        """Make what is missing for the session's image and models; what is there already stays."""
        image = self.session.image
        if image is None:
            return
        self._stale = False
        self.board.pane_set.pictures = self.panes.pictures_of(image.path)
        self.arrange()
        keys = self.board.pane_set.results
        self._told = {key: message for key, message in self._told.items() if key in keys}
        for key in keys:
            if key not in self.board.results:
                self.board.waiting(key, "Waiting")
        self._comparison.start(image, keys, {**self.cache.of(image), **self.board.results})

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def _connect(self) -> None:
        session, board = self.session, self.board
        self._comparison.reported.connect(self._receive)
        self._comparison.finished.connect(self._measure_region)
        self._comparison.finished.connect(self.finished)
        self._comparison.failed.connect(session.error)
        self._comparison.busy.connect(self._busy_changed)
        self._measuring.measured.connect(self._region_measured)
        self._measuring.failed.connect(session.error)
        self.exporter.failed.connect(session.error)
        board.drawer.failed.connect(session.error)
        self.split_bar.changed.connect(lambda: self.set_split(self.split_bar.split))
        self.difference_bar.changed.connect(lambda: self.set_difference(self.difference_bar.difference))
        self.split_action.triggered.connect(self._toggle_split)
        self.difference_action.triggered.connect(self._toggle_difference)
        self.region_action.triggered.connect(self.set_region_tool)
        self.figure_action.triggered.connect(self.open_figure)
        self.save_action.triggered.connect(lambda: self.exporter.choose_folder(board.pane_set.saved))
        self.folder_action.triggered.connect(self.gallery.choose_folder)
        self.status.cancelled.connect(self.cancel)
        self.no_panes.all_wanted.connect(self.panes.show_all)
        board.region_edited.connect(self.set_region)
        board.menu_requested.connect(lambda key, at: pane_menu(self, key).popup(at))
        board.grid.moved.connect(self.panes.move)
        self.camera.changed.connect(self._show_position)
        self.camera.cursor_changed.connect(self._show_position)
        session.image_changed.connect(self._image_changed)
        session.teacher_changed.connect(lambda _: self._models_changed())
        session.students_changed.connect(lambda _: self._models_changed())
        follow_theme(self, self._apply_theme)
        session.open_requested.connect(self._open)
        FileDrops(self, lambda paths: session.open_paths(paths, "Compare"))
        tools = self.open_tools
        tools.open_clicked.connect(self.gallery.choose_image)
        tools.sample_chosen.connect(session.open_image)
        tools.is_lr_chosen.connect(session.set_is_lr)
        session.is_lr_changed.connect(tools.show_is_lr)
        tools.show_is_lr(session.is_lr)

    def _open(self, action: Action, paths: list[Path]) -> None:
        match action:
            case Action.ADD_PANES:
                for path in paths:
                    self.panes.add_picture(path)
            case Action.ADD_STUDENTS:
                # A model that is dropped again is to be shown, although its pane was closed.
                self.board.pane_set.closed -= {str(path) for path in paths}

    def _toggle_split(self, wanted: bool) -> None:
        self.set_split(self.split_bar.split if wanted else None)

    def _toggle_difference(self, wanted: bool) -> None:
        self.set_difference(self.difference_bar.difference if wanted else None)

    def _apply_theme(self, theme: Theme) -> None:
        if self.session.image is not None:
            self.board.refresh()

    def _image_changed(self, image: OpenedImage) -> None:
        before = self.board.image
        going_through = before is not None and self.strip.holds(before.path) and self.strip.holds(image.path)
        keep = going_through and before is not None and (before.hr is None) == (image.hr is None)
        region = self.region if keep else None
        self.board.show_image(image, keep_view=keep)
        box = None if region is None else QRectF(region.left, region.top, region.width, region.height)
        if self.recalled is not None and self.recalled[0] == image.path:
            (_, box), self.recalled = self.recalled, None
        self.set_region(box)
        self.strip.mark(image.path)
        self.stack.setCurrentWidget(self.board.grid)
        self._show_file()
        self._refresh_when_seen()

    def _models_changed(self) -> None:
        self.strip.forget_distances()
        self._refresh_when_seen()

    def _refresh_when_seen(self) -> None:
        if self.isVisible():
            self.refresh()
        else:
            self._stale = True
            self._comparison.cancel()

    def arrange(self) -> None:
        """Panes and bars as the line-up says."""
        pane_set, there = self.board.pane_set, self.session.image is not None
        self._offer_pairs()
        for bar, action, key in (
            (self.split_bar, self.split_action, SPLIT),
            (self.difference_bar, self.difference_action, DIFFERENCE),
        ):
            bar.setVisible(key in pane_set.keys and there)
            action.setChecked(key in pane_set.keys)
        self.enable_actions(there, len(pane_set.results))
        if there:
            self.board.arrange(self.session.students, self.session.teacher)
            self.stack.setCurrentWidget(self.board.grid if pane_set.keys else self.no_panes)

    def _offer_pairs(self) -> None:
        pane_set = self.board.pane_set
        pane_set.students, pane_set.teacher = list(self.session.students), self.session.teacher
        labels = {key: pane_set.label(key) for key in pane_set.results}
        # With one alone, what was chosen is kept for when the others come back.
        if self.session.image is None or len(labels) < 2:
            return
        first = self.session.students[0] if self.session.students else self.session.teacher or BICUBIC
        second = HR if HR in labels else self.session.teacher or BICUBIC
        self.difference_bar.offer(labels, first, second)
        self.split_bar.offer(labels, self.session.teacher or BICUBIC, first)
        if pane_set.difference is not None:
            pane_set.difference = self.difference_bar.difference
        if pane_set.split is not None:
            pane_set.split = self.split_bar.split

    def _receive(self, event: PaneEvent) -> None:
        match event:
            case PaneStarted(key):
                if key not in self.board.results:
                    self.board.waiting(key, "Computing…", progress=0)
            case PaneProgress(key, progress):
                text = f"Computing… {progress.note}" if progress.note else "Computing…"
                self.board.waiting(key, text, progress=progress.done / progress.total)
                if progress.note:
                    self.session.announce(f"{self.board.label(key)}: {progress.note}")
            case PaneTile(key, overlay):
                self.board.show_tile(key, overlay)
            case PaneReady():
                self.board.receive(event)
                if self.board.image is not None:
                    self.cache.keep(self.board.image, event)
            case PaneFailed(key, problem):
                self.board.forget(key)
                self.board.waiting(key, problem.text, error=True)
                if self._told.get(key) != problem.text:
                    self._told[key] = problem.text
                    self.session.report(problem)
        work = self._comparison
        if work.running and work.done < work.total:
            self.status.show_busy(f"{work.done} of {work.total} done", work.done, work.total)

    def _busy_changed(self, busy: bool) -> None:
        self.strip.pause_ranking(busy)
        if busy:
            self.status.show_busy("Starting")
        else:
            self.status.show_idle()

    def _measure_region(self) -> None:
        hr = None if self.board.image is None else self.board.image.hr
        if self.region is None or hr is None:
            self._measuring.forget()
        else:
            self._measuring.measure(self.board.results, hr, self.region)

    def _region_measured(self, region: Region, scores: dict[str, RegionScores]) -> None:
        if self.region is not None:
            self.board.show_region(self.region, scores)

    # -- keys and the status line

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._keys.press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._keys.release(event):
            super().keyReleaseEvent(event)

    def ask_pane_menu(self) -> None:
        """The menu of the pane that the mouse is on."""
        key = self.board.key_at_mouse
        if key is not None:
            pane_menu(self, key).popup(QCursor.pos())

    def _show_file(self) -> None:
        image = self.session.image
        if image is None:
            return
        height, width = image.hr_size
        low_height, low_width = image.lr.shape[:2]
        known = "reduced to" if image.hr is not None else "from"
        text = f"{image.name} · {width} × {height} {known} {low_width} × {low_height} · ×{image.scale}"
        self.status.left.setText(text)
        self.status.left.setToolTip(str(image.path))

    def _show_position(self) -> None:
        at, key = self.camera.cursor, self.board.key_at_mouse
        pixel = None if key is None else self.board.pixel(key, at)
        colour = "" if pixel is None else f"{hex_text(pixel)} · "
        where = "" if at is None else f"x {int(at.x())}, y {int(at.y())} · {colour}"
        self.status.right.setText(f"{where}{self.camera.percent:.0f} %")
