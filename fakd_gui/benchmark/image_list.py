"""The images behind a cell of the table, worst first."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fakd_core.evaluation.report import Kind, format_value
from fakd_core.evaluation.results import LeftOut
from fakd_gui.benchmark.state import BenchmarkState
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme, icon

COLUMNS = (
    (None, "Image", "Its name in the set"),
    (Kind.PSNR, "PSNR dB", "PSNR of this image on luma, in dB"),
    (Kind.SSIM, "SSIM", "SSIM of this image on luma"),
    (Kind.DELTA, "Δ teacher dB", "PSNR minus the teacher's on this image, in dB"),
    (Kind.SECONDS, "s", "Upscaling time in seconds"),
)
RANKED_BY = {
    Kind.PSNR: "lowest PSNR",
    Kind.SSIM: "lowest SSIM",
    Kind.DELTA: "largest loss against the teacher",
    Kind.SECONDS: "slowest",
}


class ImageList(QWidget):
    """PSNR and SSIM image by image; a click on a column ranks by it."""

    show_requested = Signal(int)
    """Show the images in Compare, with this one open."""

    def __init__(self, state: BenchmarkState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.show_button = QPushButton("Show in Compare")
        self.show_button.setToolTip("Show all of them as a filmstrip in Compare, in this order (Return)")
        self.show_button.clicked.connect(lambda: self.show_requested.emit(self.table.currentRow()))
        self.close_button = QToolButton()
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Close the list (Esc)")
        self.close_button.setAccessibleName("Close the list of images")
        self.table = self._create_table()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._title, 1)
        row.addWidget(self.show_button)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.table, 1)
        state.images_changed.connect(self._refresh)
        self.hide()
        follow_theme(self, self._apply_theme)

    def _create_table(self) -> QTableWidget:
        table = QTableWidget(0, len(COLUMNS))
        table.setAccessibleName("Images, worst first")
        for number, (_, heading, tip) in enumerate(COLUMNS):
            item = QTableWidgetItem(heading)
            item.setToolTip(tip)
            table.setHorizontalHeaderItem(number, item)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.sectionClicked.connect(self._rank_by)
        table.doubleClicked.connect(lambda index: self.show_requested.emit(index.row()))
        return table

    def _refresh(self) -> None:
        """Follow the state."""
        state, cell = self.state, self.state.image_cell
        self.setVisible(cell is not None)
        if cell is None:
            return
        images, left_out = state.images, state.report.results[cell].left_out
        self._title.setText(self._title_text(len(images), len(left_out)))
        self._title.setToolTip(self._title.text())
        self.show_button.setEnabled(bool(images))
        self.table.clearSpans()
        self.table.setRowCount(len(images) + len(left_out))
        for row, image in enumerate(images):
            for column, (kind, _, _) in enumerate(COLUMNS):
                text = image.name if kind is None else format_value(kind, image.value(kind)).replace("-", "−")
                item = QTableWidgetItem(text)
                if kind is not None:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        for row, lost in enumerate(left_out, len(images)):
            self._show_left_out(row, lost)
        if images:
            self.table.setCurrentCell(0, 0)
        self.table.scrollToTop()

    def _title_text(self, images: int, left_out: int) -> str:
        report, cell = self.state.report, self.state.image_cell
        assert cell is not None
        name = f"{report.rows[cell.ref].label} on {report.title(cell.eval_set)}"
        if not images:
            return f"{name}: no scores by image"
        count = f"; {left_out} {'image' if left_out == 1 else 'images'} left out" if left_out else ""
        return f"{name}: {RANKED_BY[self.state.ranked_by]} first{count}"

    def _show_left_out(self, row: int, lost: LeftOut) -> None:
        item = QTableWidgetItem(f"{Path(lost.file).name}: {lost.reason}")
        item.setToolTip(f"{lost.file}: {lost.reason}")
        item.setForeground(QColor(current_theme().bad))
        self.table.setItem(row, 0, item)
        self.table.setSpan(row, 0, 1, len(COLUMNS))

    def _rank_by(self, section: int) -> None:
        kind = COLUMNS[section][0]
        if kind is not None:
            self.state.list_images(self.state.image_cell, kind)

    def _apply_theme(self, theme: Theme) -> None:
        self.close_button.setIcon(icon("close"))
        for row in range(self.table.rowCount()):
            if self.table.columnSpan(row, 0) > 1:
                self.table.item(row, 0).setForeground(QColor(theme.bad))
