"""The images behind a cell of the table, worst first."""

from __future__ import annotations

from dataclasses import dataclass
from math import isinf
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
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

from fakd_core.evaluation.report import Kind, Report, format_value
from fakd_core.evaluation.report_export import image_deltas
from fakd_core.evaluation.results import EvalSet, LeftOut
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme, icon

COLUMNS = (
    (None, "Image", "Its name in the set"),
    (Kind.PSNR, "PSNR dB", "PSNR of this image on luma, in dB"),
    (Kind.SSIM, "SSIM", "SSIM of this image on luma"),
    (Kind.DELTA, "Δ teacher dB", "PSNR minus the teacher's on this image, in dB"),
    (Kind.SECONDS, "s", "Seconds of upscaling"),
)
WORST_BY = {Kind.PSNR: "lowest PSNR", Kind.SSIM: "lowest SSIM", Kind.SECONDS: "slowest"}


@dataclass(frozen=True)
class Scored:
    """One image: PSNR and Δ in dB (None: no teacher)."""

    name: str
    psnr: float
    ssim: float
    delta: float | None
    seconds: float

    def value(self, kind: Kind) -> float | None:
        values = {Kind.SSIM: self.ssim, Kind.DELTA: self.delta, Kind.SECONDS: self.seconds}
        return values.get(kind, self.psnr)

    @property
    def label(self) -> str:
        """What stands below it on a film strip."""
        delta = "" if self.delta is None else f" ({format_value(Kind.DELTA, self.delta).replace('-', '−')})"
        return f"{self.name} {format_value(Kind.PSNR, self.psnr)} dB{delta}"


class ImageList(QWidget):
    """PSNR and SSIM image by image; the order follows the column that was clicked, worst first."""

    chosen = Signal(int)
    """The images are wanted in Compare, beginning with this one."""
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ref = ""
        self.eval_set: EvalSet | None = None
        self.kind = Kind.PSNR
        self.scored: list[Scored] = []
        self.left_out: tuple[LeftOut, ...] = ()
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.show_button = QPushButton("Show in Compare")
        self.show_button.setToolTip("All of them on Compare's film strip, in this order (Return)")
        self.show_button.clicked.connect(lambda: self._choose(self.table.currentRow()))
        self._close = QToolButton()
        self._close.setAutoRaise(True)
        self._close.setToolTip("Close the list (Esc)")
        self._close.setAccessibleName("Close the list of images")
        self._close.clicked.connect(self.closed)
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setAccessibleName("Images, worst first")
        for number, (_, heading, tip) in enumerate(COLUMNS):
            item = QTableWidgetItem(heading)
            item.setToolTip(tip)
            self.table.setHorizontalHeaderItem(number, item)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.sectionClicked.connect(self._sort)
        self.table.doubleClicked.connect(lambda index: self._choose(index.row()))
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._title, 1)
        row.addWidget(self.show_button)
        row.addWidget(self._close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.table, 1)
        follow_theme(self, self._apply_theme)

    def show_cell(self, report: Report, ref: str, eval_set: EvalSet, kind: Kind) -> None:
        """List the images of `ref` on `eval_set`, the worst by `kind` first."""
        result = report.result(ref, eval_set)
        if result is None:
            return
        self.ref, self.eval_set = ref, eval_set
        deltas = image_deltas(report, ref, eval_set)
        self.scored = [
            Scored(image.name, image.psnr_y, image.ssim_y, deltas.get(image.name), image.seconds)
            for image in result.per_image
        ]
        self.left_out = result.left_out
        self._name = f"{report.rows[ref].label} on {report.title(eval_set)}"
        self.order_by(Kind.DELTA if kind in (Kind.DELTA, Kind.GAP) else kind)
        self.show_button.setEnabled(bool(self.scored))

    def order_by(self, kind: Kind) -> None:
        """Worst first: lowest PSNR, SSIM or difference to the teacher, longest time."""
        if kind not in WORST_BY and not (
            kind is Kind.DELTA and any(one.delta is not None for one in self.scored)
        ):
            kind = Kind.PSNR
        self.kind = kind
        self.scored.sort(key=lambda one: _badness(one.value(kind), kind))
        by = WORST_BY.get(kind, "most below the teacher")
        count = len(self.left_out)
        left_out = f"; {count} {'image' if count == 1 else 'images'} left out" if count else ""
        self._title.setText(f"{self._name}: {by} first{left_out}")
        if not self.scored:
            self._title.setText(f"{self._name}: no figures by image")
        self._title.setToolTip(self._title.text())
        self.table.clearSpans()
        self.table.setRowCount(len(self.scored) + count)
        for row, one in enumerate(self.scored):
            for column, (what, _, _) in enumerate(COLUMNS):
                text = one.name if what is None else format_value(what, one.value(what)).replace("-", "−")
                item = QTableWidgetItem(text)
                if what is not None:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        for row, lost in enumerate(self.left_out, len(self.scored)):
            self._show_left_out(row, lost)
        self._apply_theme(current_theme())
        if self.scored:
            self.table.setCurrentCell(0, 0)
        self.table.scrollToTop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return in the list shows the images; the table itself makes nothing of it."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.scored:
            self._choose(self.table.currentRow())
        else:
            super().keyPressEvent(event)

    def _choose(self, row: int) -> None:
        """Show the images, from that of `row`; one that was left out can't be shown."""
        if row < len(self.scored):
            self.chosen.emit(max(0, row))

    def _show_left_out(self, row: int, lost: LeftOut) -> None:
        item = QTableWidgetItem(f"{Path(lost.file).name}: {lost.reason}")
        item.setToolTip(f"{lost.file}: {lost.reason}")
        self.table.setItem(row, 0, item)
        self.table.setSpan(row, 0, 1, len(COLUMNS))

    def _sort(self, section: int) -> None:
        kind = COLUMNS[section][0]
        if kind is not None:
            self.order_by(kind)

    def _apply_theme(self, theme: Theme) -> None:
        for row in range(len(self.scored), self.table.rowCount()):
            self.table.item(row, 0).setForeground(QColor(theme.bad))
        self._close.setIcon(icon("close"))


def _badness(value: float | None, kind: Kind) -> float:
    if value is None:
        return float("inf")
    return -value if kind is Kind.SECONDS and not isinf(value) else value
