"""The Compare workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QCursor, QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_core.layouts import find_images
from fakd_gui.compare.board import Board
from fakd_gui.compare.cache import ResultCache
from fakd_gui.compare.captions import hex_text
from fakd_gui.compare.difference import Difference
from fakd_gui.compare.export import Exporter
from fakd_gui.compare.keys import KEYS, CompareKeys
from fakd_gui.compare.layout import lay_out
from fakd_gui.compare.lineup import DIFFERENCE, SPLIT
from fakd_gui.compare.memory import Remembered, recall, remember
from fakd_gui.compare.menus import pane_menu
from fakd_gui.compare.ranking import rank
from fakd_gui.compare.region import RegionMeasurer
from fakd_gui.compare.split import Split
from fakd_gui.compare.work import (
    BICUBIC,
    HR,
    LR,
    PaneEvent,
    PaneFailed,
    PaneProgress,
    PaneReady,
    PaneStarted,
    PaneTile,
    Region,
    RegionScores,
    compare,
    picture_key,
    picture_path,
)
from fakd_gui.jobs import LatestWins, stop_all
from fakd_gui.opened_image import OpenedImage
from fakd_gui.run_folders import has_student, is_run
from fakd_gui.session import Session
from fakd_gui.theme import Theme, follow_theme
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_canvas import Drag
from fakd_gui.widgets.image_opener import IMAGE_SUFFIXES, opener_of
from fakd_gui.widgets.region_box import snapped


class ComparePanel(QWidget):
    """Bicubic, students, teacher and ground truth of the session's image, linked in zoom and pan.

    Works while it is visible, whenever the session's image or models change; what changes while it is
    hidden is computed when it is shown. `finished` follows when every pane is done
    (or has failed); it is not emitted after a cancellation.
    """

    KEYS = KEYS

    finished = Signal()
    _reported = Signal(int, object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.opener = opener_of(session)
        self.camera = Camera(self)
        self.board = Board(self.camera, self)
        self.cache = ResultCache()
        self.exporter = Exporter(session, self.board, self)
        self.pictures: dict[Path, list[str]] = {}
        """Panes of image files, by the image they were added to."""
        self.recalled: tuple[Path, QRectF] | None = None
        """A region to come back once its image is opened."""
        self._generation = 0
        self._done = 0
        self._total = 0
        self._stale = False
        self._told: dict[str, str] = {}
        """Failures by pane that were announced: the pane goes on saying it, the window says it once."""
        self._work = LatestWins("compare", self)
        self._measuring = RegionMeasurer(self)
        lay_out(self)
        self._keys = CompareKeys(self)
        self._connect()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._enable()
        if session.image is not None:
            self._image_changed(session.image)

    @property
    def region(self) -> Region | None:
        """The rectangle that is measured, in HR pixels."""
        return self.board.region

    # -- what a person does

    def cancel(self) -> None:
        """Stop computing; panes that are ready stay, the others say so."""
        self._generation += 1
        self._work.cancel()
        for key in self.board.lineup.results:
            if key not in self.board.results:
                self.board.waiting(key, "Cancelled")

    def take(self, paths: list[Path]) -> None:
        """Dropped files: an image is opened, several or a folder of them fill the film strip."""
        images = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
        folders = [path for path in paths if path.is_dir() and not (is_run(path) or has_student(path))]
        if len(images) > 1:
            self.session.show_images(images)
        for folder in folders:
            self.open_folder(folder)
        self.board.lineup.closed -= {str(path) for path in paths}
        handled = [*folders, *(images if len(images) > 1 else [])]
        self.opener.take([path for path in paths if path not in handled])

    def open_folder(self, folder: Path) -> None:
        """Go through the images of `folder` in a film strip."""
        try:
            images = find_images(folder)
        except FakdError as error:
            self.session.error.emit(str(error))
            return
        if images:
            self.session.show_images(images)
        else:
            self.session.error.emit(f"{folder}: no images in this folder; choose a folder of images")

    def choose_open_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open a folder of images")
        if name:
            self.open_folder(Path(name))

    def choose_picture(self) -> None:
        pattern = " ".join(f"*{suffix}" for suffix in IMAGE_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(self, "Add an image as a pane", "", f"Images ({pattern})")
        for name in names:
            self.add_picture(Path(name))

    def add_picture(self, path: Path) -> None:
        """Show the file `path` in a pane of its own: another tool's result for the image that is open."""
        image = self.session.image
        if image is None:
            self.session.error.emit("Open an image first; then add another tool's picture of it.")
            return
        keys = self.pictures.setdefault(image.path, [])
        if picture_key(path) not in keys:
            keys.append(picture_key(path))
        self.board.lineup.closed.discard(picture_key(path))
        self.refresh()

    def show_pane(self, key: str, shown: bool) -> None:
        """Show the pane `key`, or close it; undo is offered."""
        if not shown:
            self.close_pane(key)
        elif key in self.board.lineup.closed:
            self.board.lineup.closed.discard(key)
            self.refresh()

    def close_pane(self, key: str) -> None:
        """Take the pane `key` out of the comparison; what it showed is not lost."""
        title = self.board.lineup.title(key)
        if key == SPLIT:
            self.set_split(None)
        elif key == DIFFERENCE:
            self.set_difference(None)
        elif key in self.board.lineup.keys:
            self.board.lineup.closed.add(key)
            self.refresh()
            self.session.offer_undo(f"Closed {title}", lambda: self.show_pane(key, True))

    def remove_student(self, ref: str) -> None:
        """Take a student out of every workspace; undo brings it back to its place."""
        before = list(self.session.students)
        label = self.board.label(ref)
        self.session.remove_student(ref)

        def take_back() -> None:
            later = [other for other in self.session.students if other not in before]
            self.session.students = [*before, *later]
            self.session.students_changed.emit(self.session.students)

        self.session.offer_undo(f"Removed {label}", take_back)

    def move_pane(self, start: int, place: int) -> None:
        """Bring the pane number `start` to the place number `place`."""
        self.board.lineup.move(self.board.keys[start], place)
        self._arrange()

    def set_split(self, split: Split | None) -> None:
        """Show two results in one more pane, with a divider between them; None hides it."""
        if split is not None and split != self.split_bar.split:
            self.split_bar.show_split(split)  # What it then announces comes back here.
            return
        self.board.lineup.split = split
        self._arrange()

    def set_difference(self, difference: Difference | None) -> None:
        """Show the difference of two results as one more pane; None hides it."""
        if difference is not None and difference != self.difference_bar.difference:
            self.difference_bar.show_difference(difference)
            return
        self.board.lineup.difference = difference
        self._arrange()

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
                place = snapped(inside, self.camera.scene)
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
        self.session.tell(f"Copied {hex_text(pixel)}, the colour of {self.board.label(key)} at {where}")

    def open_figure(self) -> None:
        """Make a paper's figure of this image, these models and this region."""
        from fakd_gui.figure import open_crop_figure

        image = self.session.image
        if image is None:
            return
        pictures = (HR, LR)
        refs = [key for key in self.board.lineup.results if key not in pictures and picture_path(key) is None]
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
        stop_all(self, self.opener)

    # -- following the session and the work

    def refresh(self) -> None:
        """Make what is missing for the session's image and models; what is there already stays."""
        image = self.session.image
        if image is None:
            return
        self._stale = False
        self.board.lineup.pictures = self.pictures.get(image.path, [])
        self._arrange()
        keys = self.board.lineup.results
        self._told = {key: message for key, message in self._told.items() if key in keys}
        held = {**self.cache.of(image), **self.board.results}
        for key in keys:
            if key not in self.board.results:
                self.board.waiting(key, "Waiting")
        self._generation += 1
        generation, models = self._generation, self.session.models
        self._done, self._total = 0, len(keys)

        def work(token: CancelToken) -> int:
            compare(image, keys, models, held, token, lambda event: self._reported.emit(generation, event))
            return generation

        self._work.submit(work)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def _connect(self) -> None:
        session, board = self.session, self.board
        self._work.result.connect(self._all_done)
        self._work.failed.connect(session.error)
        self._work.busy.connect(self._busy_changed)
        self._reported.connect(self._receive)
        self._measuring.measured.connect(self._region_measured)
        self._measuring.failed.connect(session.error)
        self.exporter.failed.connect(session.error)
        self.strip.failed.connect(session.error)
        self.strip.chosen.connect(self.opener.open)
        self.strip.ranking_wanted.connect(self._rank)
        board.region_edited.connect(self.set_region)
        board.menu_wanted.connect(lambda key, at: pane_menu(self, key).popup(at))
        board.grid.moved.connect(self.move_pane)
        self.camera.changed.connect(self._show_position)
        self.camera.cursor_changed.connect(self._show_position)
        session.image_changed.connect(self._image_changed)
        session.images_chosen.connect(self._images_chosen)
        session.teacher_changed.connect(lambda _: self._models_changed())
        session.students_changed.connect(lambda _: self._models_changed())
        follow_theme(self, self._apply_theme)

    def _apply_theme(self, theme: Theme) -> None:
        if self.session.image is not None:
            self.board.refresh()

    def _images_chosen(self, paths: list[Path], labels: list[str]) -> None:
        self.strip.show_images(paths, labels)
        self.strip.go(1)

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
        self._enable()
        self._show_file()
        if self.isVisible():
            self.refresh()
        else:
            self._models_changed()

    def _models_changed(self) -> None:
        self.strip.forget_distances()
        if self.isVisible():
            self.refresh()
        else:
            self._stale = True
            self._work.cancel()

    def _arrange(self) -> None:
        """Panes and bars as the line-up says."""
        lineup, there = self.board.lineup, self.session.image is not None
        self._offer_pairs()
        for bar, action, shown in (
            (self.split_bar, self.split_action, lineup.split),
            (self.difference_bar, self.difference_action, lineup.difference),
        ):
            bar.setVisible(shown is not None and there)
            action.setChecked(shown is not None)
        if there:
            self.board.arrange(self.session.students, self.session.teacher)

    def _offer_pairs(self) -> None:
        lineup = self.board.lineup
        lineup.students, lineup.teacher = list(self.session.students), self.session.teacher
        labels = {key: lineup.label(key) for key in lineup.results}
        if self.session.image is None or not labels:
            return
        first = self.session.students[0] if self.session.students else self.session.teacher or BICUBIC
        second = HR if HR in labels else self.session.teacher or BICUBIC
        self.difference_bar.offer(labels, first, second)
        self.split_bar.offer(labels, self.session.teacher or BICUBIC, first)
        if lineup.difference is not None:
            lineup.difference = self.difference_bar.difference
        if lineup.split is not None:
            lineup.split = self.split_bar.split

    def _receive(self, generation: int, event: PaneEvent) -> None:
        if generation != self._generation:
            return
        match event:
            case PaneStarted(key):
                if key not in self.board.results:
                    self.board.waiting(key, "Computing…", progress=0)
            case PaneProgress(key, progress):
                text = f"Computing… {progress.note}" if progress.note else "Computing…"
                self.board.waiting(key, text, progress=progress.done / progress.total)
                if progress.note:
                    self.session.tell(f"{self.board.label(key)}: {progress.note}")
            case PaneTile(key, layer):
                self.board.show_tile(key, layer)
            case PaneReady():
                self._done += event.final
                self.board.receive(event)
                if self.board.image is not None:
                    self.cache.keep(self.board.image, event)
            case PaneFailed(key, message):
                self._done += 1
                self.board.forget(key)
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

    def _rank(self) -> None:
        session, paths = self.session, list(self.strip.paths)
        students = [
            ref for ref in session.students if ref not in (session.teacher, *self.board.lineup.closed)
        ]
        if not session.teacher or not students:
            session.error.emit(
                "Choose a teacher and add a student: the images are sorted by their difference."
            )
            self.strip.cannot_rank()
            return
        student, teacher, models = students[0], session.teacher, session.models
        scale, is_lr = self.opener.scale, self.opener.is_lr
        names = f"{self.board.label(student)} − {self.board.label(teacher)}"
        self.strip.rank_by(lambda token: rank(paths, student, teacher, scale, is_lr, models, token), names)
        self.strip.pause_ranking(self._work.running)

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
            pane_menu(self, key).popup(QCursor.pos() if self.isActiveWindow() else QPoint())

    def _enable(self) -> None:
        there = self.session.image is not None
        for action in self.image_actions:
            action.setEnabled(there)

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
