"""The report as a Qt table model: rows and columns as texts, tooltips and colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics
from PySide6.QtWidgets import QWidget

from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.report import Column, Kind, Mark, Report, Row, format_value
from fakd_core.evaluation.report_export import Selection, heading
from fakd_core.evaluation.results import Cell, Failure
from fakd_gui.benchmark.state import BenchmarkState, Order
from fakd_gui.widgets.theme import current_theme

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
TEXT_ROLES = frozenset({Role.DisplayRole, Role.ToolTipRole, Role.AccessibleTextRole})
ROLES = TEXT_ROLES | {Role.TextAlignmentRole, Role.FontRole, Role.ForegroundRole}
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
        self._cache: dict[tuple[int, int, int], object] = {}

    @property
    def report(self) -> Report:
        return self.state.report

    def refresh(self) -> None:
        """Follow the state."""
        self.clear_cache()
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
        self.clear_cache()
        for row, shown_row in enumerate(self.rows):
            if shown_row.ref == cell.ref:
                for column, shown_column in enumerate(self.columns):
                    if shown_column.eval_set == cell.eval_set:
                        index = self.index(row, column)
                        self.dataChanged.emit(index, index)

    def clear_cache(self) -> None:
        """Forget texts and colours, since values or the theme changed."""
        self._cache.clear()

    def selection(self) -> Selection:
        """The shown rows and columns, without models that have no result."""
        evaluated = {cell.ref for cell in self.report.results}
        rows = [row for row in self.rows if row.published or row.ref in evaluated]
        return Selection(self.report, rows, self.columns)

    def at(self, index: Index) -> tuple[Row, Column] | None:
        """The row and the column of `index`, if it is inside the table."""
        if not index.isValid() or index.row() >= len(self.rows) or index.column() >= len(self.columns):
            return None
        return self.rows[index.row()], self.columns[index.column()]

    def cell_at(self, index: Index) -> Cell | None:
        """The cell with the images behind `index`; for a column of the model alone, its first one."""
        found = self.at(index)
        if found is None:
            return None
        row, column = found
        sets = [column.eval_set] if column.eval_set else self.report.sets
        cells = (Cell(row.ref, eval_set) for eval_set in sets)
        return next((cell for cell in cells if cell in self.report.results), None)

    # -- Qt's model ----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Role.DisplayRole) -> object:
        if role not in ROLES:
            return None
        key = index.row(), index.column(), role
        if key not in self._cache:
            self._cache[key] = self._value(self.rows[index.row()], self.columns[index.column()], role)
        return self._cache[key]

    def _value(self, row: Row, column: Column, role: int) -> object:
        failure = self.report.failure(row, column.eval_set)
        match role:
            case Role.DisplayRole:
                return self._text(row, column, failure)
            case Role.TextAlignmentRole:
                return LEFT if failure else RIGHT
            case Role.FontRole:
                return self._font(row, column)
            case Role.ForegroundRole:
                return self._colour(row, column, failure)
            case Role.ToolTipRole:
                return f"{failure.reason}\nRight-click to copy it" if failure else self._tip(row, column)
        return f"{self.label(row)}, {failure.reason if failure else self._tip(row, column)}"

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal:
            return self._heading(self.columns[section], role)
        row = self.rows[section]
        theme = current_theme()
        match role:
            case Role.DisplayRole:
                return self.label(row)
            case Role.ToolTipRole:
                return "From the paper, not measured here" if row.published else row.ref
            case Role.TextAlignmentRole:
                return int(LEFT)
            case Role.FontRole:
                font = QFont()
                font.setItalic(row.published)
                return font
            case Role.ForegroundRole:
                if row.published or row.ref == BICUBIC:
                    return QColor(theme.muted)
                return QColor(theme.teacher if row.ref == self.report.teacher else theme.text)
        return None

    def _heading(self, column: Column, role: int) -> object:
        title, order = heading(column), self.state.order
        match role:
            case Role.DisplayRole:
                sorted_by = order is not None and order.column == column
                return f"{title} {arrow(order)}" if sorted_by else title
            case Role.SizeHintRole:
                # Always with room for the arrow, so that no column moves under the mouse.
                metrics = QFontMetrics(QFont())
                return QSize(metrics.horizontalAdvance(f"{title} ▾") + 12, metrics.height() + 8)
            case Role.ToolTipRole:
                folder = f"\n{column.eval_set.data}" if column.eval_set else ""
                return f"{TIPS[column.kind]}.{folder}\n{SORT_HINT}"
            case Role.TextAlignmentRole:
                return int(Qt.AlignmentFlag.AlignCenter)
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

    def _text(self, row: Row, column: Column, failure: Failure | None) -> str:
        if failure:
            return f"failed: {failure.reason}"
        text = format_value(column.kind, self.report.value(row, column)).replace("-", "−")
        if column.kind is not Kind.PSNR or column.eval_set is None:
            return text
        if partial := self.report.partial_coverage(row.ref, column.eval_set):
            return f"{text} ({partial})"
        return text or self.report.progress.get(Cell(row.ref, column.eval_set), "")

    def _tip(self, row: Row, column: Column) -> str:
        text = format_value(column.kind, self.report.value(row, column)).replace("-", "−")
        if not text:
            return TIPS[column.kind]
        value = f"{text}{UNITS.get(column.kind, '')}"
        if column.eval_set is None:
            return value
        source = "published" if row.published else "click for its images"
        mark = self.report.mark(row, column)
        marked = f", {'best' if mark is Mark.BEST else 'second best'}" if mark else ""
        title = self.report.title(column.eval_set)
        tip = f"{title}: {heading(column).split()[0]} {value}{marked} ({source})"
        result = self.report.results.get(Cell(row.ref, column.eval_set))
        if result is None or not result.left_out:
            return tip
        left_out = "\n".join(f"{lost.file}: {lost.reason}" for lost in result.left_out[:MAX_LEFT_OUT])
        more = len(result.left_out) - MAX_LEFT_OUT
        rest = f"\nand {more} more" if more > 0 else ""
        return f"{tip}\nMean of {result.coverage} images. Left out:\n{left_out}{rest}"

    def _font(self, row: Row, column: Column) -> QFont:
        mark = self.report.mark(row, column)
        font = QFont()
        font.setBold(mark is Mark.BEST)
        font.setUnderline(mark is Mark.SECOND)
        font.setItalic(row.published)
        return font

    def _colour(self, row: Row, column: Column, failure: Failure | None) -> QColor:
        theme = current_theme()
        if failure:
            return QColor(theme.bad)
        known = self.report.value(row, column) is not None
        return QColor(theme.text if known and not row.published else theme.muted)

    def _sorted(self, rows: Iterable[Row], columns: Sequence[Column]) -> list[Row]:
        order = self.state.order
        if order is None or (order.column is not None and order.column not in columns):
            return list(rows)
        if order.column is None:
            return sorted(rows, key=lambda row: row.label.lower(), reverse=order.descending)
        values = [(self.report.value(row, order.column), row) for row in rows]
        known = [(value, row) for value, row in values if value is not None]
        known.sort(key=lambda pair: pair[0], reverse=order.descending)
        # Rows without a value come last in both directions.
        return [row for _, row in known] + [row for value, row in values if value is None]


def arrow(order: Order | None) -> str:
    """The direction of `order` as an arrow; empty without one."""
    return "" if order is None else "▾" if order.descending else "▴"
