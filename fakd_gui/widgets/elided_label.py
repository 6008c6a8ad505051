"""Labels that take the width they get: one elides a long text, others wrap it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from fakd_gui.widgets.theme import with_role


class ElidedLabel(QLabel):
    """Plain text that never widens its window; give it a tooltip with the whole text."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent, textFormat=Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @property
    def shown(self) -> str:
        """The text as it is shown, every line elided by itself."""
        font, width = self.fontMetrics(), self.contentsRect().width()
        lines = self.text().split("\n")
        return "\n".join(font.elidedText(line, Qt.TextElideMode.ElideMiddle, width) for line in lines)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).drawText(self.contentsRect(), self.alignment().value, self.shown)


def wrapped_label(role: str = "", **properties: Any) -> QLabel:
    """A label that wraps its text and never widens its window, with a role and other properties of Qt."""
    label = QLabel(wordWrap=True, **properties)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return with_role(label, role)
