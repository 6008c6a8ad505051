"""The filmstrip: a series of images to step through, in the order given, by name or by difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from fakd_core.evaluation.ranking import ImageDifference
from fakd_gui.compare.thumbnail_list import ThumbnailList
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.image_tools import set_icon

ORIGINAL, BY_NAME, BY_DIFFERENCE = "original", "name", "difference"


class Filmstrip(QWidget):
    """Hidden while it has no images."""

    chosen = Signal(object)
    """The path of the image to open."""
    images_changed = Signal(list)
    """The paths of the new images, whose thumbnails are needed."""
    ranking_requested = Signal()
    """The images are to be sorted by difference: `start_ranking` or `reset_order` follows."""
    ranking_cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.paths: list[Path] = []
        """The images in the order shown."""
        self.differences: dict[Path, float] = {}
        """Mean absolute luma difference of student and teacher by image."""
        self._original: list[Path] = []
        self._current: Path | None = None
        self._measured = 0
        self._build()
        self.hide()

    def show_images(self, paths: Sequence[Path], labels: Sequence[str]) -> None:
        """Show `paths` with a label below each; no image is opened yet."""
        self._cancel_ranking()
        unique = dict(zip(paths, labels, strict=True))
        self._original = list(unique)
        self.differences = {}
        self._current = None
        self.list.set_images(unique)
        self.order.blockSignals(True)
        self.order.setCurrentIndex(0)
        self.order.blockSignals(False)
        self._sort_by(self._original)
        count = len(self._original)
        self.setVisible(count > 0)
        self.title.setText(f"{count} images" if count > 1 else "1 image")
        self.images_changed.emit(self._original)

    def __contains__(self, path: Path) -> bool:
        return path in self.list

    def set_current(self, path: Path) -> None:
        """Select the image that is shown."""
        self.list.set_unreadable(path, False)
        self._select(path)

    def mark_unreadable(self, path: Path, shown: Path | None) -> None:
        """Mark the chosen image `path`, which can't be read, while `shown` is still shown.

        Stepping continues from `path`.
        """
        self.list.set_unreadable(path, True)
        if shown is not None:
            self.list.set_current(shown)

    def step(self, by: int) -> None:
        """Choose the image `by` places further, if there is one."""
        if not self.paths:
            return
        here = self.paths.index(self._current) if self._current in self.paths else -1 if by > 0 else 0
        there = min(max(0, here + by), len(self.paths) - 1)
        if there != here:
            # Selected at once, so that a key held down steps on while the image is still being read.
            self._select(self.paths[there])
            self.chosen.emit(self.paths[there])

    def start_ranking(self, models: str) -> None:
        """Expect an `add_difference` for each image; `models` says between which models."""
        self.differences, self._measured = {}, 0
        self.list.show_numbers({})
        self.list.setToolTip(f"Below each image: mean |ΔY| of {models}, in grey levels")
        self._show_progress()

    def add_difference(self, difference: ImageDifference) -> None:
        """Show the difference of one image."""
        self._measured += 1
        if difference.mean is not None:
            self.differences[difference.path] = difference.mean
        self.list.show_numbers(self.differences)
        self._show_progress()

    def end_ranking(self, complete: bool) -> None:
        """Sort by the differences, or return to the original order if they are incomplete."""
        self.busy.show_idle()
        if complete:
            self._sort_by_difference()
        else:
            self.reset_order()

    def reset_order(self) -> None:
        """Return to the original order."""
        self.order.setCurrentIndex(0)

    def forget_differences(self) -> None:
        """Drop the differences, which other models had, and request new ones if they are shown."""
        if self.order.currentData() == BY_DIFFERENCE:
            self.ranking_requested.emit()
        elif self.differences:
            self.differences = {}
            self.list.show_numbers({})

    def _select(self, path: Path) -> None:
        self._current = path if path in self.list else None
        self.list.set_current(path)

    def _build(self) -> None:
        self.list = ThumbnailList()
        self.list.chosen.connect(self._choose)
        self.title = QLabel()
        self.order = QComboBox()
        for text, order in (
            ("original order", ORIGINAL),
            ("by name", BY_NAME),
            ("largest student–teacher difference", BY_DIFFERENCE),
        ):
            self.order.addItem(text, order)
        self.order.setAccessibleName("Order of the images")
        self.order.setToolTip(
            "The difference is the mean |ΔY| of the first student's and the teacher's output, in grey levels"
        )
        self.order.currentIndexChanged.connect(lambda _: self._sort())
        self.busy = BusyBar()
        self.busy.cancelled.connect(self.reset_order)
        self.close_button = QToolButton()
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Close the filmstrip")
        self.close_button.setAccessibleName("Close the filmstrip")
        self.close_button.clicked.connect(lambda: self.show_images([], []))
        set_icon(self.close_button, "close")
        row = QHBoxLayout()
        row.addWidget(self.title)
        row.addWidget(self.order)
        row.addWidget(self.busy, 1)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.list)

    def _sort(self) -> None:
        order = self.order.currentData()
        if order != BY_DIFFERENCE:
            self._cancel_ranking()
            by_name = sorted(self._original, key=lambda path: (path.name.casefold(), str(path)))
            self._sort_by(by_name if order == BY_NAME else self._original)
        elif all(path in self.differences for path in self._original):
            self._sort_by_difference()
        else:
            self.ranking_requested.emit()

    def _sort_by_difference(self) -> None:
        self._sort_by(sorted(self._original, key=lambda path: -self.differences.get(path, -1.0)))

    def _sort_by(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.list.sort_by(self.paths)

    def _choose(self, path: Path) -> None:
        self._current = path
        self.chosen.emit(path)

    def _show_progress(self) -> None:
        total = len(self._original)
        self.busy.show_busy(f"{self._measured} of {total} compared", self._measured, total)

    def _cancel_ranking(self) -> None:
        self.busy.show_idle()
        self.ranking_cancelled.emit()
