"""The filmstrip: a series of images to step through, in the order given, by name or by difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QMargins, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from fakd_core.evaluation.ranking import ImageDifference
from fakd_gui.compare.runner import CompareRunner
from fakd_gui.compare.thumbnails import ThumbnailList
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.image_tools import icon_button

BY_NAME, BY_DIFFERENCE = "name", "difference"
ORDERS = {"original order": "", "by name": BY_NAME, "largest student–teacher difference": BY_DIFFERENCE}
ORDER_TIP = "The difference is the mean |ΔY| of the first student's and the teacher's output, in grey levels"


class Filmstrip(QWidget):
    """Hidden while it has no images; the runner reads their thumbnails and measures their differences."""

    chosen = Signal(object)
    """The path of the image to open."""
    images_changed = Signal()

    def __init__(self, runner: CompareRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self.paths: list[Path] = []
        """The images in the order shown."""
        self.current: Path | None = None
        """The image that was chosen or opened last, if it is in the strip."""
        self.differences: dict[Path, float] = {}
        """Mean absolute luma difference of student and teacher by image."""
        self._labels: dict[Path, str] = {}
        """The images in their original order, with the text below each."""
        self._unreadable: set[Path] = set()
        self._measured = 0
        self.list, self.busy = ThumbnailList(), BusyBar()
        self.title = QLabel()
        self.order = QComboBox(toolTip=ORDER_TIP, accessibleName="Order of the images")
        for text, order in ORDERS.items():
            self.order.addItem(text, order)
        self.close_button = icon_button("close", "Close the filmstrip", autoRaise=True)
        self.close_button.clicked.connect(lambda: self.show_images([], []))
        layout = QVBoxLayout(self, contentsMargins=QMargins(), spacing=2)
        row = QHBoxLayout()
        layout.addLayout(row)
        layout.addWidget(self.list)
        for widget in (self.title, self.order, self.busy, self.close_button):
            row.addWidget(widget, int(widget is self.busy))
        self.list.chosen.connect(self._choose)
        self.order.currentIndexChanged.connect(lambda _: self._sort())
        self.busy.cancelled.connect(self._reset_order)
        runner.thumbnails.yielded.connect(lambda read: self._show_thumbnail(*read))
        runner.ranking.yielded.connect(self._add_difference)
        runner.ranking.result.connect(lambda _: self._sort_by_difference())
        runner.ranking.failed.connect(lambda _: self._reset_order())
        self.hide()

    def show_images(self, paths: Sequence[Path], labels: Sequence[str]) -> None:
        """Show `paths` with a label below each; no image is opened yet."""
        self._labels = dict(zip(paths, labels, strict=True))
        original = list(self._labels)
        self.current, self.differences, self._unreadable = None, {}, set()
        self.list.set_images(original)
        self.order.setCurrentIndex(0)
        self._sort()
        self._update_texts(original)
        self.setVisible(bool(original))
        self.title.setText(f"{len(original)} images" if len(original) > 1 else "1 image")
        self._runner.read_thumbnails(original, self.devicePixelRatioF())
        self.images_changed.emit()

    def __contains__(self, path: Path) -> bool:
        return path in self._labels

    def set_current(self, path: Path) -> None:
        """Select the image that is shown."""
        self.current = path if path in self else None
        self.list.set_current(path)
        self._mark_unreadable(path, False)

    def mark_unreadable(self, shown: Path | None) -> None:
        """Mark the current image, which can't be read, while `shown` is still shown.

        Stepping continues from the current image.
        """
        self._mark_unreadable(self.current, True)
        if shown is not None:
            self.list.set_current(shown)

    def step(self, by: int) -> None:
        """Choose the image `by` places further, if there is one."""
        if not self.paths:
            return
        here = self.paths.index(self.current) if self.current in self.paths else -1 if by > 0 else 0
        there = min(max(0, here + by), len(self.paths) - 1)
        if there != here:
            # Selected at once, so that a key held down steps on while the image is still being read.
            self.current = self.paths[there]
            self.list.set_current(self.current)
            self.chosen.emit(self.current)

    def forget_differences(self) -> None:
        """Drop the differences, and measure them again if they are shown; all are sorted at the end."""
        self.differences = {}
        self._update_texts(self.paths)
        if self.order.currentData() != BY_DIFFERENCE:
            return
        self._measured = 0
        if models := self._runner.rank(self.paths):
            self.list.setToolTip(f"Below each image: mean |ΔY| of {models}, in grey levels")
            self._show_progress()
        else:
            self._reset_order()

    # -- the order

    def _sort(self) -> None:
        order = self.order.currentData()
        if order != BY_DIFFERENCE:
            self.busy.show_idle()
            self._runner.ranking.cancel()
            by_name = sorted(self._labels, key=lambda path: (path.name.casefold(), str(path)))
            self._sort_by(by_name if order == BY_NAME else list(self._labels))
        elif self.differences.keys() == self._labels.keys():
            self._sort_by_difference()
        else:
            self.forget_differences()

    def _add_difference(self, difference: ImageDifference) -> None:
        self._measured += 1
        if difference.mean is not None:
            self.differences[difference.path] = difference.mean
            self._update_texts([difference.path])
        self._show_progress()

    def _show_progress(self) -> None:
        total = len(self.paths)
        self.busy.show_busy(f"{self._measured} of {total} compared", self._measured, total)

    def _sort_by_difference(self) -> None:
        self.busy.show_idle()
        self._sort_by(sorted(self._labels, key=lambda path: -self.differences.get(path, -1.0)))

    def _reset_order(self) -> None:
        self.order.setCurrentIndex(0)

    def _sort_by(self, paths: list[Path]) -> None:
        self.paths = paths
        self.list.sort_by(paths)

    # -- the thumbnails

    def _choose(self, path: Path) -> None:
        self.current = path
        self.chosen.emit(path)

    def _show_thumbnail(self, path: Path, picture: QImage | None) -> None:
        if picture is None:
            self._mark_unreadable(path, True)
        elif path in self:
            self.list.by_path[path].setIcon(QIcon(QPixmap.fromImage(picture)))

    def _mark_unreadable(self, path: Path, unreadable: bool) -> None:
        if path in self:
            self._unreadable = self._unreadable | {path} if unreadable else self._unreadable - {path}
            self._update_texts([path])

    def _update_texts(self, paths: Sequence[Path]) -> None:
        for path in paths:
            number, item = self.differences.get(path), self.list.by_path[path]
            below = "" if number is None else f"{number:.2f}"
            if path in self._unreadable:
                below = "can't be read"
            item.setText(f"{self._labels[path]}\n{below}".rstrip())
            item.setToolTip(str(path) if number is None else f"{path}\nmean |ΔY| {number:.3f} grey levels")
