"""The report as a Qt table model: rows and columns as texts, tooltips and colours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QWidget

from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.report import SEEN, Column, Kind, Mark, Report, Row
from fakd_core.evaluation.report_export import Selection, heading
from fakd_core.evaluation.results import Cell, seen_sentence
from fakd_gui.benchmark.state import BenchmarkState, show_value
from fakd_gui.widgets.theme import current_theme

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
ROLES = frozenset({Role.DisplayRole, Role.ToolTipRole, Role.AccessibleTextRole})
ROLES |= {Role.TextAlignmentRole, Role.FontRole, Role.ForegroundRole}
"""Roles that `TableModel` answers; Qt asks for many more."""
TIPS = {
    Kind.PARAMETERS: "Trainable parameters, in millions",
    Kind.GMACS: "Billions of multiply-accumulates for an LR image of 64×36 px (256×144 px output at ×4)",
    Kind.PSNR: "PSNR on luma in dB, mean over the images",
    Kind.SSIM: "SSIM on luma, mean over the images",
    Kind.DELTA: "PSNR minus the teacher's, in dB; for a published student, minus its published teacher's",
    Kind.GAP: "Gap closed, in percent: (PSNR − baseline) / (teacher − baseline)",
    Kind.SECONDS: "Seconds per image, upscaling alone, on this machine's processor",
    Kind.METRIC: "Mean over the images, from an installed package",
}
MAX_LEFT_OUT = 8
"""Images named in a tooltip; the list of images has them all."""
UNITS = {Kind.PARAMETERS: " M", Kind.PSNR: " dB", Kind.DELTA: " dB", Kind.GAP: " %", Kind.SECONDS: " s"}
SORT_HINT = "Click to sort, again to reverse, a third time to clear."


class TableModel(QAbstractTableModel):
    """The rows and columns of the state's report that are shown."""

    def __init__(self, state: BenchmarkState, parent: QWidget) -> None:
        super().__init__(parent)
        self.state = state
        self.rows: list[Row] = []
        self.columns: list[Column] = []
        self.values = cache(self._value)
        """Cached answers of `data` by row, column and role; cleared when the theme or a value changes."""

    @property
    def report(self) -> Report:
        return self.state.report

    def refresh(self) -> None:
        """Follow the state."""
        self.values.cache_clear()
        columns = self.report.columns(self.state.kinds)
        published = self.report.published() if self.state.published_shown else ()
        rows = self._sorted([*self.report.rows.values(), *published], columns)
        if (rows, columns) == (self.rows, self.columns) and rows and columns:
            # Scroll position and selection stay if only values changed.
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(columns) - 1))
            self.headerDataChanged.emit(Qt.Orientation.Vertical, 0, len(rows) - 1)
            return
        self.beginResetModel()
        self.rows, self.columns = rows, columns
        self.endResetModel()

    def refresh_cell(self, cell: Cell) -> None:
        """Show the progress of `cell`."""
        self.values.cache_clear()
        row = next((number for number, row in enumerate(self.rows) if row.ref == cell.ref), -1)
        sections = [number for number, one in enumerate(self.columns) if one.eval_set == cell.eval_set]
        if row >= 0 and sections:
            self.dataChanged.emit(self.index(row, sections[0]), self.index(row, sections[-1]))

    def selection(self) -> Selection:
        """The shown rows and columns, without models that have no result."""
        evaluated = {cell.ref for cell in self.report.results}
        rows = [row for row in self.rows if row.published or row.ref in evaluated]
        return Selection(self.report, rows, self.columns)

    def at(self, index: Index) -> tuple[Row, Column] | None:
        """The row and the column of `index`, if it is one of the table."""
        return (self.rows[index.row()], self.columns[index.column()]) if index.isValid() else None

    # -- Qt's model ----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Role.DisplayRole) -> object:
        return self.values(index.row(), index.column(), role) if role in ROLES else None

    def _value(self, row_number: int, section: int, role: int) -> object:
        row, column = self.rows[row_number], self.columns[section]
        failure, theme = self.report.failure(row, column.eval_set), current_theme()
        match role:
            case Role.DisplayRole:
                return f"failed: {failure.reason}" if failure else self._text(row, column)
            case Role.TextAlignmentRole:
                return LEFT if failure else RIGHT
            case Role.FontRole:
                return self._font(row, self.report.mark(row, column))
            case Role.ForegroundRole:
                known = self.report.value(row, column) is not None and not row.published
                return QColor(theme.bad if failure else theme.text if known else theme.muted)
            case Role.ToolTipRole:
                return f"{failure.reason}\nRight-click to copy it" if failure else self._tip(row, column)
        return f"{self.label(row)}, {failure.reason if failure else self._tip(row, column)}"

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal:
            column = self.columns[section]
            folder = f"\n{column.eval_set.data}" if column.eval_set else ""
            return {
                Role.DisplayRole: f"{heading(column)}{self.state.arrow(column)}",
                Role.ToolTipRole: f"{TIPS[column.kind]}.{folder}\n{SORT_HINT}",
            }.get(role)
        row = self.rows[section]
        theme = current_theme()
        match role:
            case Role.DisplayRole:
                return self.label(row)
            case Role.ToolTipRole:
                return (
                    "From the paper, not measured here"
                    if row.published
                    else "\n".join((row.ref, *row.remarks))
                )
            case Role.FontRole:
                return self._font(row, None)
            case Role.ForegroundRole:
                if row.published or row.ref == BICUBIC:
                    return QColor(theme.muted)
                return QColor(theme.teacher if row.ref == self.report.teacher else theme.text)
        return None

    def group(self, section: int) -> tuple[str, int, int]:
        """The title above a column, and the first and last column below that title."""
        eval_set = self.columns[section].eval_set
        if eval_set is None:
            return "", section, section
        members = [number for number, column in enumerate(self.columns) if column.eval_set == eval_set]
        title = " · ".join(filter(None, (self.report.title(eval_set), self.report.image_count(eval_set))))
        return title, members[0], members[-1]

    def label(self, row: Row) -> str:
        if row.published:
            return f"{row.label}, published"
        return f"{row.label} (teacher)" if row.ref == self.report.teacher else row.label

    def _text(self, row: Row, column: Column) -> str:
        if text := show_value(column.kind, self.report.value(row, column)):
            return f"{text}{self.report.remark(row, column)}"
        return (
            self.report.progress.get(Cell(row.ref, column.eval_set), "") if column.kind is Kind.PSNR else ""
        )

    def _tip(self, row: Row, column: Column) -> str:
        text = show_value(column.kind, self.report.value(row, column))
        if not text:
            return TIPS[column.kind]
        value = f"{text}{UNITS.get(column.kind, '')}"
        if column.eval_set is None:
            return value
        source = "published" if row.published else "click for its images"
        mark = {Mark.BEST: ", best", Mark.SECOND: ", second best"}.get(self.report.mark(row, column), "")
        title = self.report.title(column.eval_set)
        tip = f"{title}: {heading(column).split()[0]} {value}{mark} ({source})"
        result = self.report.results.get(Cell(row.ref, column.eval_set))
        if result is not None and (sentence := seen_sentence(result, row.label)):
            tip += f"\n{SEEN} {sentence}"
        if result is None or not result.left_out:
            return tip
        lines = [f"{lost.file}: {lost.reason}" for lost in result.left_out]
        if len(lines) > MAX_LEFT_OUT:
            lines[MAX_LEFT_OUT:] = [f"and {len(lines) - MAX_LEFT_OUT} more"]
        return "\n".join([tip, f"Mean of {result.coverage} images. Left out:", *lines])

    def _font(self, row: Row, mark: Mark | None) -> QFont:
        font = QFont()
        font.setBold(mark is Mark.BEST)
        font.setUnderline(mark is Mark.SECOND)
        font.setItalic(row.published)
        return font

    def _sorted(self, rows: list[Row], columns: Sequence[Column]) -> list[Row]:
        order = self.state.order
        if order is None or (order.column is not None and order.column not in columns):
            return rows
        if order.column is None:
            return sorted(rows, key=lambda row: row.label.lower(), reverse=order.descending)

        def place(row: Row) -> tuple[bool, float]:
            value = self.report.value(row, order.column)
            # Rows without a value come last in both directions.
            return value is None, (value or 0) * (-1 if order.descending else 1)

        return sorted(rows, key=place)
