"""The images of a cell of the table, worst first."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMargins, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fakd_core.evaluation.report import SEEN, Kind
from fakd_gui.benchmark.runner import BenchmarkRunner
from fakd_gui.benchmark.state import BenchmarkState, show_value
from fakd_gui.widgets.elided_label import ElidedLabel
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme, with_role

COLUMNS = {
    Kind.PSNR: ("PSNR dB", "PSNR of this image on luma, in dB", "lowest PSNR"),
    Kind.SSIM: ("SSIM", "SSIM of this image on luma", "lowest SSIM"),
    Kind.DELTA: (
        "Δ teacher dB",
        "PSNR minus the teacher's on this image, in dB",
        "furthest below the teacher",
    ),
    Kind.SECONDS: ("s", "Upscaling time in seconds", "slowest"),
}
"""After the column of names: heading, tooltip, and the order when the images are ranked by it."""


class ImageList(QWidget):
    """PSNR and SSIM image by image; a click on a column ranks by it."""

    def __init__(self, state: BenchmarkState, runner: BenchmarkRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self._title = with_role(ElidedLabel(), "heading")
        tip = "Show all of them as a filmstrip in Compare, in this order (Return)"
        self.show_button = QPushButton("Show in Compare", toolTip=tip)
        self.show_button.clicked.connect(lambda: runner.show_in_compare(self.table.currentRow()))
        self.close_button = QToolButton(autoRaise=True)
        self.table = self._create_table()
        self.table.doubleClicked.connect(lambda index: runner.show_in_compare(index.row()))
        row = QHBoxLayout()
        row.addWidget(self._title, 1)
        row.addWidget(self.show_button)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self, contentsMargins=QMargins(0, 4, 0, 0), spacing=4)
        layout.addLayout(row)
        layout.addWidget(self.table, 1)
        state.images_changed.connect(self._refresh)
        follow_theme(self, self._colour_left_out)

    def _create_table(self) -> QTableWidget:
        headings = [("Image", "Its name in the set"), *(texts[:2] for texts in COLUMNS.values())]
        table = QTableWidget(0, len(headings), accessibleName="Images, worst first", showGrid=False)
        for number, (heading, tip) in enumerate(headings):
            item = QTableWidgetItem(heading)
            item.setToolTip(tip)
            table.setHorizontalHeaderItem(number, item)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.sectionClicked.connect(self._rank_by)
        return table

    def _refresh(self) -> None:
        """Follow the state."""
        cell, images = self.state.image_cell, self.state.images
        self.setVisible(cell is not None)
        if cell is None:
            return
        report = self.state.report
        left_out = report.results[cell].left_out
        order = f"{COLUMNS[self.state.ranked_by][2]} first" if images else "no scores by image"
        images_left = "1 image" if len(left_out) == 1 else f"{len(left_out)} images"
        count = f"; {images_left} left out" if left_out else ""
        title = f"{report.rows[cell.ref].label} on {report.title(cell.eval_set)}: {order}{count}"
        self._title.setText(title)
        self._title.setToolTip(title)
        self.show_button.setEnabled(bool(images))
        self.table.clearSpans()
        self.table.setRowCount(len(images) + len(left_out))
        for row, image in enumerate(images):
            item = QTableWidgetItem(f"{image.name} {SEEN}" if image.result.seen else image.name)
            if image.result.seen:
                item.setToolTip(f"The model learned from this image ({image.result.seen})")
            self.table.setItem(row, 0, item)
            for column, kind in enumerate(COLUMNS, 1):
                item = QTableWidgetItem(show_value(kind, image.value(kind)))
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        for row, lost in enumerate(left_out, len(images)):
            item = QTableWidgetItem(f"{Path(lost.file).name}: {lost.reason}")
            item.setToolTip(f"{lost.file}: {lost.reason}")
            self.table.setItem(row, 0, item)
            self.table.setSpan(row, 0, 1, self.table.columnCount())
        self._colour_left_out(current_theme())
        if images:
            self.table.setCurrentCell(0, 0)
        self.table.scrollToTop()

    def _colour_left_out(self, theme: Theme) -> None:
        for row in range(len(self.state.images), self.table.rowCount()):
            self.table.item(row, 0).setForeground(QColor(theme.bad))

    def _rank_by(self, section: int) -> None:
        if section > 0:
            self.state.list_images(self.state.image_cell, list(COLUMNS)[section - 1])
