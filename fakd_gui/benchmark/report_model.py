"""A report as Qt's tables take it: which columns, which rows, in which order, in words and colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics
from PySide6.QtWidgets import QWidget

from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.report import Column, Kind, Mark, Report, Row, format_value
from fakd_core.evaluation.report_export import Selection, heading
from fakd_core.evaluation.results import Cell, EvalSet, Failure
from fakd_gui.widgets.theme import current_theme

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
ROLES = frozenset(
    {
        Role.DisplayRole,
        Role.TextAlignmentRole,
        Role.FontRole,
        Role.ForegroundRole,
        Role.ToolTipRole,
        Role.AccessibleTextRole,
    }
)
"""What `ReportModel` answers; Qt asks for much more."""
TIPS = {
    Kind.PARAMETERS: "Learned numbers, in millions",
    Kind.GMACS: "Billions of multiply-accumulates for an LR image of 64×36 px (256×144 px output at ×4)",
    Kind.PSNR: "PSNR on luma in dB, mean over the images",
    Kind.SSIM: "SSIM on luma, mean over the images",
    Kind.DELTA: "PSNR minus the teacher's, in dB; a published student's, minus its published teacher's",
    Kind.GAP: "Gap closed, in percent: (PSNR − baseline) / (teacher − baseline)",
    Kind.SECONDS: "Seconds per image, upscaling alone, on this machine's processor",
    Kind.METRIC: "Mean over the images, measured by an installed package",
}
MOST_LEFT_OUT = 8
"""Images named in a tip; the list behind the figure has them all."""
UNITS = {Kind.PARAMETERS: " M", Kind.PSNR: " dB", Kind.DELTA: " dB", Kind.GAP: " %", Kind.SECONDS: " s"}


@dataclass(frozen=True)
class Order:
    """What the rows are sorted by: a column, or the models' names (None)."""

    column: Column | None
    descending: bool

    def to_plain(self) -> dict[str, object]:
        """For a JSON file."""
        eval_set = self.column.eval_set if self.column else None
        return {
            "kind": str(self.column.kind) if self.column else "",
            "data": eval_set.data if eval_set else "",
            "scale": eval_set.scale if eval_set else 0,
            "metric": self.column.metric if self.column else "",
            "descending": self.descending,
        }

    @staticmethod
    def from_plain(found: Mapping[str, object]) -> Order | None:
        """What `to_plain` wrote; None where something else stands."""
        kind, data, scale = found.get("kind"), found.get("data"), found.get("scale")
        descending = found.get("descending") is True
        if kind == "":
            return Order(None, descending)
        if kind not in list(Kind):
            return None
        eval_set = EvalSet(str(data), scale) if data and isinstance(scale, int) else None
        metric = found.get("metric")
        return Order(Column(Kind(str(kind)), eval_set, metric if isinstance(metric, str) else ""), descending)


class ReportModel(QAbstractTableModel):
    """A report as it is shown: which columns, which rows, in which order."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.report = Report()
        self.kinds = set(Kind)
        self.with_published = True
        self.order: Order | None = None
        self.rows: list[Row] = []
        self.columns: list[Column] = []
        self._shown: dict[tuple[int, int, int], object] = {}

    def refresh(self) -> None:
        """Show the report as it is now."""
        self.forget()
        columns = self.report.columns(self.kinds)
        rows = self._sorted(
            [*self.report.rows.values(), *(self.report.published() if self.with_published else ())], columns
        )
        if (rows, columns) == (self.rows, self.columns) and rows and columns:
            # Place and selection stay where only figures changed.
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(columns) - 1))
            self.headerDataChanged.emit(Qt.Orientation.Vertical, 0, len(rows) - 1)
            return
        self.beginResetModel()
        self.rows, self.columns = rows, columns
        self.endResetModel()

    def refresh_cell(self, cell: Cell) -> None:
        """The note of `cell` changed, nothing else."""
        self.forget()
        for row, shown_row in enumerate(self.rows):
            if shown_row.ref == cell.ref:
                for column, shown_column in enumerate(self.columns):
                    if shown_column.eval_set == cell.eval_set:
                        index = self.index(row, column)
                        self.dataChanged.emit(index, index)

    def selection(self) -> Selection:
        """What is shown, to copy: models without any figure are left out."""
        done = {cell.ref for cell in self.report.results}
        rows = [row for row in self.rows if row.published or row.ref in done]
        return Selection(self.report, rows, self.columns)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Role.DisplayRole) -> object:
        if role not in ROLES:
            return None
        key = index.row(), index.column(), role
        if key not in self._shown:
            self._shown[key] = self._show(self.rows[index.row()], self.columns[index.column()], role)
        return self._shown[key]

    def forget(self) -> None:
        """Figures or colours changed: what was made of them is made anew."""
        self._shown.clear()

    def _show(self, row: Row, column: Column, role: int) -> object:
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
                return f"{failure.reason}\nRight click to copy it" if failure else self._tip(row, column)
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
        title = heading(column)
        match role:
            case Role.DisplayRole:
                sorted_by = self.order is not None and self.order.column == column
                return f"{title} {arrow(self.order)}" if sorted_by else title
            case Role.SizeHintRole:
                # Room for the arrow at all times: no column moves under the mouse when it comes.
                metrics = QFontMetrics(QFont())
                return QSize(metrics.horizontalAdvance(f"{title} ▾") + 12, metrics.height() + 8)
            case Role.ToolTipRole:
                where = f"\n{column.eval_set.data}" if column.eval_set else ""
                return (
                    f"{TIPS[column.kind]}.{where}\nClick to sort, again to turn round, a third time to undo."
                )
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
        part = self.report.partial_coverage(row.ref, column.eval_set)
        return (
            f"{text} ({part})"
            if part
            else text or self.report.progress.get(Cell(row.ref, column.eval_set), "")
        )

    def _tip(self, row: Row, column: Column) -> str:
        text = format_value(column.kind, self.report.value(row, column)).replace("-", "−")
        if not text or column.eval_set is None:
            return TIPS[column.kind] if not text else f"{text}{UNITS.get(column.kind, '')}"
        source = "published" if row.published else "click for its images"
        best = self.report.mark(row, column)
        mark = f", {'best' if best is Mark.BEST else 'second best'}" if best else ""
        name = heading(column).split()[0]
        value = f"{name} {text}{UNITS.get(column.kind, '')}{mark} ({source})"
        tip = f"{self.report.title(column.eval_set)}: {value}"
        result = self.report.results.get(Cell(row.ref, column.eval_set))
        if result is None or not result.left_out:
            return tip
        left_out = "\n".join(f"{lost.file}: {lost.reason}" for lost in result.left_out[:MOST_LEFT_OUT])
        more = len(result.left_out) - MOST_LEFT_OUT
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
        order = self.order
        if order is None or (order.column is not None and order.column not in columns):
            return list(rows)
        if order.column is None:
            return sorted(rows, key=lambda row: row.label.lower(), reverse=order.descending)
        values = [(self.report.value(row, order.column), row) for row in rows]
        known = [(value, row) for value, row in values if value is not None]
        known.sort(key=lambda pair: pair[0], reverse=order.descending)
        # Rows without a value come last, whichever way round.
        return [row for _, row in known] + [row for value, row in values if value is None]


def arrow(order: Order | None) -> str:
    """Which way round `order` is; empty without one."""
    return "" if order is None else "▾" if order.descending else "▴"
