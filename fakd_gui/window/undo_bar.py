"""A line that says what was taken away and brings it back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QSize, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from fakd_gui.widgets.theme import Theme, follow_theme, icon

SHOWN_MS = 12_000
WIDTH, MARGIN = 560, 12
KEPT = 50
"""Steps that can be taken back, also after the line is gone."""


@dataclass(frozen=True)
class UndoStep:
    """What was taken away, in words, and the function that brings it back."""

    text: str
    take_back: Callable[[], object]


class UndoBar(QFrame):
    """Shows the newest loss for a while; `undo` takes losses back one after the other, the newest first.

    It floats at the bottom of `parent`, so that nothing moves when it comes and goes.
    """

    changed = Signal()
    """There is another newest loss, or none."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "notice")
        self.setAutoFillBackground(True)
        self.steps: deque[UndoStep] = deque(maxlen=KEPT)
        self._text = QLabel()
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.undo_button = QPushButton("Undo")
        self.undo_button.setToolTip("Bring it back (Ctrl+Z)")
        self.undo_button.clicked.connect(self._act)
        self._answer: Callable[[], object] = self.undo
        self._close = QToolButton()
        self._close.setAutoRaise(True)
        self._close.setToolTip("Dismiss (Esc)")
        self._close.setAccessibleName("Dismiss the line")
        self._close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 3, 6, 3)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.undo_button)
        layout.addWidget(self._close)
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._timer.timeout.connect(self.hide)
        parent.installEventFilter(self)
        follow_theme(self, self._apply_theme)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        room = self.parentWidget().rect()
        width, height = min(WIDTH, room.width() - 2 * MARGIN), self.sizeHint().height()
        self.setGeometry((room.width() - width) // 2, room.height() - height - MARGIN, width, height)

    def offer(self, text: str, take_back: Callable[[], object]) -> None:
        self.steps.append(UndoStep(text, take_back))
        self._show(text, "Undo", self.undo)
        self._timer.start()
        self.changed.emit()

    def ask(self, text: str, answer: str, act: Callable[[], object]) -> None:
        """Offer to `act`, by a button that says `answer`, until that or a dismissal."""
        self._timer.stop()
        self._show(text, answer, act)

    def _show(self, text: str, answer: str, act: Callable[[], object]) -> None:
        self._text.setText(text)
        self._text.setToolTip(text)
        self.undo_button.setText(answer)
        self.undo_button.setToolTip("Bring it back (Ctrl+Z)" if act == self.undo else "")
        self._answer = act
        self._place()
        self.show()
        self.raise_()

    def _act(self) -> None:
        self.hide()
        self._answer()

    def undo(self) -> None:
        """Take the newest loss back; nothing happens where there is none.

        One that can't be taken back now (its function gives False) can be tried again.
        """
        if not self.steps:
            return
        loss = self.steps.pop()
        if loss.take_back() is False:
            self.steps.append(loss)
        self.hide()
        self.changed.emit()

    def _apply_theme(self, theme: Theme) -> None:
        self._close.setIcon(icon("close"))
        self._close.setIconSize(QSize(14, 14))
