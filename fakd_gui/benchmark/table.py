"""The table of results: a row per model, a group of columns per set, as papers have it."""

from __future__ import annotations

from functools import partial
from itertools import groupby

from PySide6.QtCore import QModelIndex, QRect, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolButton,
    QWidget,
)

from fakd_core.evaluation.report import SET_KINDS
from fakd_core.evaluation.report_export import heading
from fakd_core.evaluation.results import Cell
from fakd_gui.benchmark.state import BenchmarkState
from fakd_gui.benchmark.table_model import LEFT, Index, TableModel
from fakd_gui.session.problem import Problem, bug_report
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme

MIN_NAME_WIDTH, MAX_NAME_SHARE = 110, 0.3
"""Width of the column of names: in pixels, and as a share of the table."""
CELL_MARGINS = 12
STYLE = """
QHeaderView { background: palette(base); }
QHeaderView::section { background: palette(base); border: none; padding: 2px 4px; }
QHeaderView::section:horizontal { border-bottom: 1px solid palette(mid); }
QHeaderView::section:vertical { border-right: 1px solid palette(mid); }
QTableView > QToolButton { background: palette(base); border: none; border-right: 1px solid palette(mid);
    border-bottom: 1px solid palette(mid); }
QTableView > QToolButton:focus { border: 1px solid palette(highlight); }
"""


class ResultTable(QTableView):
    """Shows the state's report; a click lists the images of a cell."""

    def __init__(self, state: BenchmarkState, parent: QWidget | None = None) -> None:
        super().__init__(parent, accessibleName="Results", showGrid=False, wordWrap=False)
        self._state = state
        self.table_model = TableModel(state, self)
        self.setModel(self.table_model)
        self.setItemDelegate(_GroupDelegate(self))
        self.groups = _GroupHeader(self)
        self.setHorizontalHeader(self.groups)
        self.groups.sectionClicked.connect(self._sort_by)
        names = self.verticalHeader()
        names.setDefaultSectionSize(self.fontMetrics().height() + 10)
        names.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        names.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        names.setHighlightSections(False)
        names.setDefaultAlignment(LEFT)
        self.corner = QToolButton(self, toolTip="Sort by name; again to reverse, a third time to clear")
        self.corner.clicked.connect(lambda: state.sort_by(None))
        self.setCornerButtonEnabled(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        # Titles are centred in their visible part: scrolling moves them.
        self.horizontalScrollBar().valueChanged.connect(lambda _: self.groups.viewport().update())
        self.clicked.connect(self.list_images)
        state.view_changed.connect(self.refresh)
        self.setStyleSheet(STYLE)
        follow_theme(self, self._apply_theme)
        self.refresh()

    def refresh(self) -> None:
        """Follow the state; the current cell stays the current one."""
        model = self.table_model
        current = model.at(self.currentIndex())
        model.refresh()
        self._span_failures()
        self._place_corner()
        self._fit_columns()
        refs = [row.ref for row in model.rows]
        if current and current[0].ref in refs and current[1] in model.columns:
            self.setCurrentIndex(model.index(refs.index(current[0].ref), model.columns.index(current[1])))
        self.corner.setText(f"Model{self._state.arrow(None)}")
        self.groups.viewport().update()

    def list_images(self, index: QModelIndex) -> None:
        """List the images of the cell at `index`, if there are some."""
        if found := self.table_model.at(index):
            row, column = found
            # A column of the model alone stands for its first result.
            sets = [column.eval_set] if column.eval_set else self._state.report.sets
            cells = [Cell(row.ref, eval_set) for eval_set in sets]
            if cell := next((cell for cell in cells if cell in self._state.report.results), None):
                self._state.list_images(cell, column.kind)

    def sort_by_current(self) -> None:
        """Sort by the column of the current cell."""
        if self.currentIndex().isValid():
            self._sort_by(self.currentIndex().column())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy a failure: it is longer than the cell, and a bug report needs the traceback."""
        by_mouse = event.reason() is QContextMenuEvent.Reason.Mouse
        found = self.table_model.at(self.indexAt(event.pos()) if by_mouse else self.currentIndex())
        failure = self._state.report.failure(found[0], found[1].eval_set) if found else None
        if failure:
            problem = Problem(failure.reason, details=failure.details)
            text = bug_report(problem) if problem.details else problem.text
            copy = partial(QGuiApplication.clipboard().setText, text)
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction("Copy the reason and its details", copy)
            menu.popup(event.globalPos())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_corner()

    def _place_corner(self) -> None:
        edge = self.frameWidth()
        names, model = self.verticalHeader(), self.table_model
        advance = self.fontMetrics().horizontalAdvance
        longest = max((advance(model.label(row)) + 20 for row in model.rows), default=0)
        names.setFixedWidth(max(MIN_NAME_WIDTH, min(longest, round(MAX_NAME_SHARE * self.width()))))
        self.corner.setGeometry(edge, edge, names.width(), self.groups.height())

    def _fit_columns(self) -> None:
        """Fit each column to its longest text in bold; asking the delegate for every cell is far slower."""
        model, font = self.table_model, QFont()
        font.setBold(True)
        bold, plain = QFontMetrics(font), QFontMetrics(QFont())
        for section, column in enumerate(model.columns):
            texts = [
                model.index(number, section).data()
                for number, row in enumerate(model.rows)
                if not self._state.report.failure(row, column.eval_set)
            ]
            longest = bold.horizontalAdvance(max(texts, key=len, default=""))
            # Always with room for the arrow, so that no column moves under the mouse.
            width = max(longest, plain.horizontalAdvance(f"{heading(column)} ▾"))
            self.setColumnWidth(section, width + CELL_MARGINS)

    def _span_failures(self) -> None:
        """A failure's reason takes the room of the missing values."""
        self.clearSpans()
        model = self.table_model
        for number, row in enumerate(model.rows):
            failures = [self._state.report.failure(row, column.eval_set) for column in model.columns]
            first = 0
            for failure, group in groupby(failures):
                width = len(list(group))
                if failure and width > 1:
                    self.setSpan(number, first, 1, width)
                first += width

    def _sort_by(self, section: int) -> None:
        self._state.sort_by(self.table_model.columns[section])

    def _apply_theme(self, theme: Theme) -> None:
        self.table_model.values.cache_clear()
        self.viewport().update()


class _GroupHeader(QHeaderView):
    """Titles of groups of columns above, the columns' own below; a column without a title has both rows."""

    def __init__(self, table: ResultTable) -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self._group_of = table.table_model.group
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setMinimumSectionSize(40)
        self.sectionResized.connect(lambda *_: self.viewport().update())

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), 2 * (self.fontMetrics().height() + 8))

    def paintSection(self, painter: QPainter, rect: QRect, logical_index: int) -> None:
        title, first, last = self._group_of(logical_index)
        if not title:
            super().paintSection(painter, rect, logical_index)
            return
        theme = current_theme()
        upper = QRect(rect.topLeft(), QSize(rect.width(), rect.height() // 2))
        lower = rect.adjusted(0, upper.height(), 0, 0)
        painter.save()
        super().paintSection(painter, lower, logical_index)
        painter.restore()
        painter.save()
        painter.setClipRect(upper)
        painter.fillRect(upper, QColor(theme.field))
        painter.setPen(QColor(theme.border))
        if logical_index == first:
            painter.drawLine(upper.topLeft(), upper.bottomLeft())
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(theme.text))
        # Every section draws the part of its group's title that it shows.
        left = self.sectionViewportPosition(first)
        right = self.sectionViewportPosition(last) + self.sectionSize(last)
        place = QRect(left, upper.top(), right - left, upper.height())
        place = place.intersected(self.viewport().rect()).adjusted(4, 0, -4, 0)
        text = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideMiddle, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()


class _GroupDelegate(QStyledItemDelegate):
    """Draws a line before every group of columns."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        model = index.model()
        assert isinstance(model, TableModel)
        column = model.columns[index.column()]
        if column.eval_set is not None and column.kind is SET_KINDS[0]:
            painter.save()
            painter.setPen(QColor(current_theme().border))
            painter.drawLine(option.rect.topLeft(), option.rect.bottomLeft())
            painter.restore()
