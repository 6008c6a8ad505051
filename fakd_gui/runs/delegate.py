"""How a run looks in the list: a box to compare it, its name, and below that a sign and how far it is."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette
from PySide6.QtWidgets import (
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from fakd_core.runs.states import RunState
from fakd_gui.widgets.theme import Theme, current_theme, icon

Index = QModelIndex | QPersistentModelIndex
PATH, STATE, WORDS, SIGN = (Qt.ItemDataRole.UserRole + number for number in range(4))
PADDING = 4


def make_item(run: Path, compared: bool) -> QListWidgetItem:
    item = QListWidgetItem(shown_name(run))
    item.setData(PATH, run)
    flags = Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable
    item.setFlags(item.flags() | flags)
    item.setCheckState(Qt.CheckState.Checked if compared else Qt.CheckState.Unchecked)
    return item


def run_of(item: QListWidgetItem) -> Path:
    run = item.data(PATH)
    assert isinstance(run, Path)
    return run


def shown_name(run: Path) -> str:
    """As Qt can show it: the bytes of a name need not be text."""
    return os.fsencode(run.name).decode("utf-8", "replace")


def show_state(item: QListWidgetItem, state: RunState | None, running: bool, theme: Theme) -> None:
    """Put what is known into the item; `running` is the training of this window."""
    run = run_of(item)
    words = "running" if running and state is None else state.summary() if state else ""
    item.setData(STATE, words)
    item.setData(WORDS, f"{shown_name(run)} {words} {state.models if state else ''}".lower())
    font = item.font()
    font.setBold(running)
    item.setFont(font)
    sign, colour = _sign(state, running, theme)
    item.setData(SIGN, icon(sign, colour))
    tip = "Click: show its curves and take its student along. Tick: lay its curves over the shown ones."
    owner = f"It is being trained by {state.owner}." if state and state.owner and not running else ""
    reason = (state.problem or state.failure or owner) if state else ""
    problem = f"\n{reason}" if reason else ""
    item.setToolTip(f"{run.with_name(shown_name(run))}{problem}\n{tip}")
    item.setData(
        Qt.ItemDataRole.AccessibleTextRole,
        f"{shown_name(run)}, {words}" + (f", {reason}" if reason else ""),
    )


def _sign(state: RunState | None, running: bool, theme: Theme) -> tuple[str, str]:
    if running or (state and state.in_use):
        return "play-circle-outline", theme.accent
    if state is None:
        return "circle-outline", theme.border
    if state.problem or (state.failure and not state.finished):
        return "alert-circle-outline", theme.bad
    return ("check-circle-outline", theme.good) if state.finished else ("pause-circle-outline", theme.muted)


class RunDelegate(QStyledItemDelegate):
    """Two lines an item; the name alone is edited."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        shown = QStyleOptionViewItem(option)
        self.initStyleOption(shown, index)
        text, name, theme = self._text_rect(shown), shown.text, current_theme()
        style = shown.widget.style()
        shown.text = ""
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, shown, painter, shown.widget)
        selected = bool(shown.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        painter.save()
        painter.setFont(shown.font)
        painter.setPen(shown.palette.color(role))
        metrics = shown.fontMetrics
        top = QRect(text.left(), text.top() + PADDING, text.width(), metrics.height())
        middle = Qt.TextElideMode.ElideMiddle
        painter.drawText(top, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(name, middle, top.width()))
        state = str(index.data(STATE) or "")
        if not selected:
            painter.setPen(QColor(theme.bad if state == "damaged" else theme.muted))
        painter.setFont(option.widget.font())
        below = top.translated(0, metrics.height())
        sign = index.data(SIGN)
        if isinstance(sign, QIcon):
            size = metrics.ascent()
            sign.paint(painter, QRect(below.left(), below.center().y() - size // 2, size, size))
            below.setLeft(below.left() + size + PADDING)
        right = Qt.TextElideMode.ElideRight
        painter.drawText(
            below, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(state, right, below.width())
        )
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, 2 * option.fontMetrics.height() + 2 * PADDING)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        self.initStyleOption(option, index)
        text = self._text_rect(option)
        editor.setGeometry(text.left() - 4, text.top(), text.width() + 4, editor.sizeHint().height())

    def _text_rect(self, option: QStyleOptionViewItem) -> QRect:
        part = QStyle.SubElement.SE_ItemViewItemText
        found = option.widget.style().subElementRect(part, option, option.widget)
        return QRect(
            found.left() + 2, option.rect.top(), option.rect.right() - found.left() - 4, option.rect.height()
        )
