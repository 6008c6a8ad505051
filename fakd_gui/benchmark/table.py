"""The table of results: a row per model, a group of columns per set, as papers have it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
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

from fakd_core.evaluation.report import SET_KINDS, Column, Kind, Report, Row
from fakd_core.evaluation.results import Cell, Failure
from fakd_gui.benchmark.group_header import GroupHeader
from fakd_gui.benchmark.report_model import Index, Order, ReportModel, arrow
from fakd_gui.session.problem import Problem, bug_report
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme

NARROWEST_NAME, WIDEST_NAME = 110, 0.3
"""Of the column of names: in pixels, and as part of the table."""

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
LESS_IS_BETTER = frozenset({Kind.PARAMETERS, Kind.GMACS, Kind.SECONDS})


class ResultTable(QTableView):
    """Shows `model`; `opened` asks for the images behind a cell."""

    opened = Signal(str, object, object)
    """A model's ref, a `EvalSet`, and the `Kind` of the column."""
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
        self._fit_columns()
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
        eval_set = column.eval_set or next(
            (one for one in self.report.sets if self.report.result(row.ref, one)), None
        )
        if eval_set is not None and self.report.result(row.ref, eval_set) is not None:
            self.opened.emit(row.ref, eval_set, column.kind)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Why a model failed, to copy: it is longer than the cell, and a report wants the traceback."""
        by_mouse = event.reason() is QContextMenuEvent.Reason.Mouse
        index = self.indexAt(event.pos()) if by_mouse else self.currentIndex()
        here = self._here(index)
        failure = self.report.failure(here[0], here[1].eval_set) if here else None
        if failure:
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction("Copy the reason and its details", lambda: self.copy_failure(failure))
            menu.popup(event.globalPos())

    def copy_failure(self, failure: Failure) -> None:
        """Copy why a model could not be evaluated; with a bug report if nobody expected it."""
        problem = Problem(failure.reason, details=failure.details)
        QGuiApplication.clipboard().setText(bug_report(problem) if problem.details else problem.text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.open_at(self.currentIndex())
            self.entered_images.emit()
        elif event.key() == Qt.Key.Key_S and not event.modifiers() and self.currentIndex().isValid():
            self._order_by(self.currentIndex().column())
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

    def _fit_columns(self) -> None:
        """As wide as the longest text, were it bold; asking the delegate for every cell takes far longer."""
        model, font = self.reported, QFont()
        font.setBold(True)
        advance = QFontMetrics(font).horizontalAdvance
        for section, column in enumerate(model.columns):
            texts = [
                model.index(number, section).data()
                for number, row in enumerate(model.rows)
                if not self.report.failure(row, column.eval_set)
            ]
            longest = max(texts, key=len, default="")
            heading = self.groups.sectionSizeHint(section)
            self.setColumnWidth(section, max(heading, advance(longest) + CELL_MARGINS))

    def _here(self, index: QModelIndex) -> tuple[Row, Column] | None:
        model = self.reported
        if not index.isValid() or index.row() >= len(model.rows) or index.column() >= len(model.columns):
            return None
        return model.rows[index.row()], model.columns[index.column()]

    def _span(self, row: int, shown_row: Row) -> None:
        """A failure's reason takes the room of the figures that are missing."""
        columns = self.reported.columns
        if shown_row.ref in self.report.model_failures and len(columns) > 1:
            self.setSpan(row, 0, 1, len(columns))
            return
        for eval_set in self.report.sets:
            if Cell(shown_row.ref, eval_set) in self.report.failures:
                members = [number for number, column in enumerate(columns) if column.eval_set == eval_set]
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
        order = self.reported.order
        by_name = order is not None and order.column is None
        self.corner.setText(f"Model {arrow(order)}" if by_name else "Model")
        self.groups.viewport().update()

    def _apply_theme(self, theme: Theme) -> None:
        self.reported.forget()
        self.viewport().update()


class _Cells(QStyledItemDelegate):
    """PatchSpecs a line before every group of columns."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        model = index.model()
        assert isinstance(model, ReportModel)
        column = model.columns[index.column()]
        if column.eval_set is not None and column.kind is SET_KINDS[0]:
            painter.save()
            painter.setPen(QColor(current_theme().border))
            painter.drawLine(option.rect.topLeft(), option.rect.bottomLeft())
            painter.restore()
