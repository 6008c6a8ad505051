"""The sheet of every shortcut, by workspace."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QMargins, Qt
from PySide6.QtWidgets import QDialog, QLabel, QScrollArea, QVBoxLayout, QWidget

from fakd_gui.widgets.actions import ActionTable

COLUMNS = 2


class ShortcutSheet(QDialog):
    """The shortcuts of `tables`, one group each. Not modal; Esc or its own shortcut closes it."""

    def __init__(self, tables: Sequence[ActionTable], parent: QWidget) -> None:
        super().__init__(parent, windowTitle="Shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.text = QLabel(_as_html(tables), textFormat=Qt.TextFormat.RichText, margin=14, wordWrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByKeyboard)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        area = QScrollArea(
            widgetResizable=True, frameShape=QScrollArea.Shape.NoFrame, accessibleName="Shortcuts"
        )
        area.setWidget(self.text)
        QVBoxLayout(self, contentsMargins=QMargins()).addWidget(area)
        self.resize(1000, 680)


def _as_html(tables: Sequence[ActionTable]) -> str:
    blocks = []
    for table in tables:
        rows = "".join(
            f"<tr><td style='white-space: nowrap; padding-right: 12px'><b>{escape(keys)}</b></td>"
            f"<td>{escape(text)}</td></tr>"
            for keys, text in table.shortcut_rows()
        )
        if rows:
            blocks.append(f"<h4>{table.title}</h4><table cellpadding='2'>{rows}</table>")
    # Filled column by column, so that the groups keep their order from top to bottom.
    half = -(-len(blocks) // COLUMNS)
    columns = ["".join(blocks[start : start + half]) for start in range(0, len(blocks), half)]
    cells = "".join(
        f"<td valign='top' width='50%' style='padding-right: 20px'>{column}</td>" for column in columns
    )
    return f"<table><tr>{cells}</tr></table>"
