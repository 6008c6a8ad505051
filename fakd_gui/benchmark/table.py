"""The table of results: a row per model, a group of columns per set, as papers have it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolButton,
    QWidget,
)

from fakd_gui.benchmark.exports import HEADINGS, Selection
from fakd_gui.benchmark.group_header import GroupHeader
from fakd_gui.benchmark.report import BICUBIC, SET_KINDS, Cell, Column, Kind, Mark, Report, Row, shown
from fakd_gui.theme import Theme, current_theme, follow_theme

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
NARROWEST_NAME, WIDEST_NAME = 110, 0.36
"""Of the column of names: in pixels, and as part of the table."""

STYLE = """
QHeaderView { background: palette(base); }
QHeaderView::section { background: palette(base); border: none; padding: 2px 6px; }
QHeaderView::section:horizontal { border-bottom: 1px solid palette(mid); }
QHeaderView::section:vertical { border-right: 1px solid palette(mid); }
QTableView > QToolButton { background: palette(base); border: none; border-right: 1px solid palette(mid);
    border-bottom: 1px solid palette(mid); }
QTableView > QToolButton:focus { border: 1px solid palette(highlight); }
"""
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
LESS_IS_BETTER = frozenset({Kind.PARAMETERS, Kind.GMACS, Kind.SECONDS})
TIPS = {
    Kind.PARAMETERS: "Learned numbers, in millions",
    Kind.GMACS: "Billions of multiply-accumulates for an LR image of 64×36 px (256×144 px output at ×4)",
    Kind.PSNR: "PSNR on luma in dB, mean over the images",
    Kind.SSIM: "SSIM on luma, mean over the images",
    Kind.DELTA: "PSNR minus the teacher's, in dB; a published student's, minus its published teacher's",
    Kind.GAP: "Gap closed, in percent: (PSNR − baseline) / (teacher − baseline)",
    Kind.SECONDS: "Seconds per image, upscaling alone, on this machine's processor",
}
UNITS = {Kind.PARAMETERS: " M", Kind.PSNR: " dB", Kind.DELTA: " dB", Kind.GAP: " %", Kind.SECONDS: " s"}


@dataclass(frozen=True)
class Order:
    """What the rows are sorted by: a column, or the models' names (None)."""

    column: Column | None
    descending: bool


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

    def refresh(self) -> None:
        """Show the report as it is now."""
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
        for row, shown_row in enumerate(self.rows):
            if shown_row.ref == cell.ref:
                for column, shown_column in enumerate(self.columns):
                    if shown_column.at == cell.at:
                        index = self.index(row, column)
                        self.dataChanged.emit(index, index)

    def selection(self) -> Selection:
        """What is shown, to copy: models without any figure are left out."""
        done = {cell.ref for cell in self.report.scores}
        rows = [row for row in self.rows if row.published or row.ref in done]
        return Selection(self.report, rows, self.columns)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Role.DisplayRole) -> object:
        row, column = self.rows[index.row()], self.columns[index.column()]
        failure = self.report.failure(row, column.at)
        match role:
            case Role.DisplayRole:
                return self._text(row, column, failure)
            case Role.TextAlignmentRole:
                return LEFT if failure else RIGHT
            case Role.FontRole:
                return self._font(row, column)
            case Role.ForegroundRole:
                return self._colour(row, column, failure)
            case Role.SizeHintRole:
                # A reason is cut to the room there is; it must not push the figures away.
                return QSize(0, 0) if failure else None
            case Role.ToolTipRole:
                return failure or self._tip(row, column)
            case Role.AccessibleTextRole:
                return f"{self.label(row)}, {failure or self._tip(row, column)}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal:
            column = self.columns[section]
            if role == Role.DisplayRole:
                return HEADINGS[column.kind]
            if role == Role.ToolTipRole:
                where = f"\n{column.at.data}" if column.at else ""
                return (
                    f"{TIPS[column.kind]}.{where}\nClick to sort; again to turn round, a third time to undo."
                )
            return int(Qt.AlignmentFlag.AlignCenter) if role == Role.TextAlignmentRole else None
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

    def group(self, section: int) -> tuple[str, int, int]:
        """The title above a column, and the first and last column below that title."""
        at = self.columns[section].at
        if at is None:
            return "", section, section
        members = [number for number, column in enumerate(self.columns) if column.at == at]
        group = self.report.groups[at]
        images = f" · {group.images} images" if group.images else ""
        return f"{self.report.title(at)}{images}", members[0], members[-1]

    def label(self, row: Row) -> str:
        if row.published:
            return f"{row.label}, published"
        return f"{row.label} (teacher)" if row.ref == self.report.teacher else row.label

    def _text(self, row: Row, column: Column, failure: str) -> str:
        if failure:
            return f"failed: {failure}"
        text = shown(column.kind, self.report.value(row, column)).replace("-", "−")
        if text or column.kind is not Kind.PSNR or column.at is None:
            return text
        return self.report.notes.get(Cell(row.ref, column.at), "")

    def _tip(self, row: Row, column: Column) -> str:
        text = shown(column.kind, self.report.value(row, column)).replace("-", "−")
        if not text or column.at is None:
            return TIPS[column.kind] if not text else f"{text}{UNITS.get(column.kind, '')}"
        source = "published" if row.published else "click for its images"
        best = self.report.mark(row, column)
        mark = f", {'best' if best is Mark.BEST else 'second best'}" if best else ""
        name = HEADINGS[column.kind].split(" (")[0]
        return f"{self.report.title(column.at)}: {name} {text}{UNITS.get(column.kind, '')}{mark} ({source})"

    def _font(self, row: Row, column: Column) -> QFont:
        mark = self.report.mark(row, column)
        font = QFont()
        font.setBold(mark is Mark.BEST)
        font.setUnderline(mark is Mark.SECOND)
        font.setItalic(row.published)
        return font

    def _colour(self, row: Row, column: Column, failure: str) -> QColor:
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


class ResultTable(QTableView):
    """Shows `model`; `opened` asks for the images behind a cell."""

    opened = Signal(str, object, object)
    """A model's ref, a `SetAt`, and the `Kind` of the column."""
    entered_images = Signal()
    """Return was pressed: the keys go on among the images."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Results")
        self.reported = ReportModel(self)
        self.setModel(self.reported)
        self.setItemDelegate(_Cells(self))
        self.groups = GroupHeader(self.reported.group, self)
        self.setHorizontalHeader(self.groups)
        # Always, so that no column moves under the mouse when the arrow comes.
        self.groups.setSortIndicatorShown(True)
        self.groups.sectionClicked.connect(self._order_by)
        names = self.verticalHeader()
        names.setDefaultSectionSize(self.fontMetrics().height() + 10)
        names.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        names.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        names.setHighlightSections(False)
        self.corner = QToolButton(self)
        self.corner.setText("Model")
        self.corner.setToolTip("Sort by name; again to turn round, a third time to undo")
        self.corner.clicked.connect(lambda: self._set_order(None))
        self.setCornerButtonEnabled(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        # Titles stay in the middle of what is in sight: they are drawn anew when it moves.
        self.horizontalScrollBar().valueChanged.connect(lambda _: self.groups.viewport().update())
        self.clicked.connect(self.open_at)
        self.setStyleSheet(STYLE)
        follow_theme(self, self._apply_theme)

    @property
    def report(self) -> Report:
        return self.reported.report

    def show_report(self, report: Report) -> None:
        self.reported.report = report
        self.refresh()

    def refresh(self) -> None:
        """Show the report anew; the current cell stays the current one."""
        current, model = self._here(self.currentIndex()), self.reported
        model.refresh()
        self.clearSpans()
        for row, shown_row in enumerate(model.rows):
            self._span(row, shown_row)
        self._place_corner()
        self.resizeColumnsToContents()
        if current is not None:
            for row, shown_row in enumerate(model.rows):
                if shown_row.ref == current[0].ref and current[1] in model.columns:
                    self.setCurrentIndex(model.index(row, model.columns.index(current[1])))
        self._show_order()

    def show_kinds(self, kinds: Iterable[Kind]) -> None:
        self.reported.kinds = {Kind.PSNR, *kinds}
        self.refresh()

    def show_published(self, on: bool) -> None:
        self.reported.with_published = on
        self.refresh()

    def set_order(self, order: Order | None) -> None:
        self.reported.order = order
        self.refresh()

    def texts(self, ref: str) -> list[str]:
        """What stands in the row of `ref`."""
        row = [shown_row.ref for shown_row in self.reported.rows].index(ref)
        return [self.reported.index(row, column).data() for column in range(len(self.reported.columns))]

    def open_at(self, index: QModelIndex) -> None:
        """Ask for the images behind `index`, if there are some."""
        here = self._here(index)
        if here is None or here[0].published:
            return
        row, column = here
        at = column.at or next((at for at in self.report.groups if self.report.score(row.ref, at)), None)
        if at is not None and self.report.score(row.ref, at) is not None:
            self.opened.emit(row.ref, at, column.kind)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.open_at(self.currentIndex())
            self.entered_images.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_corner()

    def _place_corner(self) -> None:
        edge = self.frameWidth()
        names = self.verticalHeader()
        advance = self.fontMetrics().horizontalAdvance
        wanted = max((advance(self.reported.label(row)) + 20 for row in self.reported.rows), default=0)
        width = min(wanted, round(WIDEST_NAME * self.width()))
        names.setFixedWidth(max(NARROWEST_NAME, width))
        self.corner.setGeometry(edge, edge, self.verticalHeader().width(), self.groups.height())

    def _here(self, index: QModelIndex) -> tuple[Row, Column] | None:
        model = self.reported
        if not index.isValid() or index.row() >= len(model.rows) or index.column() >= len(model.columns):
            return None
        return model.rows[index.row()], model.columns[index.column()]

    def _span(self, row: int, shown_row: Row) -> None:
        """A failure's reason takes the room of the figures that are missing."""
        columns = self.reported.columns
        if shown_row.ref in self.report.row_failures and len(columns) > 1:
            self.setSpan(row, 0, 1, len(columns))
            return
        for at in self.report.groups:
            if Cell(shown_row.ref, at) in self.report.failures:
                members = [number for number, column in enumerate(columns) if column.at == at]
                if len(members) > 1:
                    self.setSpan(row, members[0], 1, len(members))

    def _order_by(self, section: int) -> None:
        self._set_order(self.reported.columns[section])

    def _set_order(self, column: Column | None) -> None:
        """The best first; again the other way round; a third time as the models were chosen."""
        first = column is not None and column.kind not in LESS_IS_BETTER
        steps: Sequence[Order | None] = (Order(column, first), Order(column, not first), None)
        now = self.reported.order
        self.set_order(steps[steps.index(now) + 1] if now in steps[:2] else steps[0])

    def _show_order(self) -> None:
        order, columns = self.reported.order, self.reported.columns
        downwards = order is not None and order.descending
        turn = Qt.SortOrder.DescendingOrder if downwards else Qt.SortOrder.AscendingOrder
        column = order.column if order else None
        self.groups.setSortIndicator(columns.index(column) if column in columns else -1, turn)
        by_name = order is not None and column is None
        self.corner.setText(f"Model {'▾' if downwards else '▴'}" if by_name else "Model")

    def _apply_theme(self, theme: Theme) -> None:
        self.viewport().update()


class _Cells(QStyledItemDelegate):
    """Draws a line before every group of columns."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        model = index.model()
        assert isinstance(model, ReportModel)
        column = model.columns[index.column()]
        if column.at is not None and column.kind is SET_KINDS[0]:
            painter.save()
            painter.setPen(QColor(current_theme().border))
            painter.drawLine(option.rect.topLeft(), option.rect.bottomLeft())  # type: ignore[attr-defined]
            painter.restore()
