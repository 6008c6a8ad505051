"""Undo and redo, and the bar that offers them and asks questions at the bottom of the window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QSize, QTimer
from PySide6.QtGui import QUndoCommand, QUndoStack
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from fakd_gui.widgets.theme import Theme, follow_theme, icon

SHOWN_MS = 12_000
WIDTH, MARGIN = 560, 12
MAX_STEPS = 50

Act = Callable[[], object]


class UndoStep(QUndoCommand):
    """A change that was made already; its functions return False if they can't be carried out now."""

    def __init__(self, text: str, undo: Act, redo: Act | None) -> None:
        super().__init__(text)
        self.undo_change = undo
        self.redo_change = redo
        self.skips = True
        """The stack's next call only moves its index: the change is made, or could not be taken back."""
        self.failed = False

    def undo(self) -> None:
        self._run(self.undo_change)
        if not self.failed and self.redo_change is None:
            self.setObsolete(True)  # The stack then removes it.

    def redo(self) -> None:
        self._run(self.redo_change)

    def _run(self, change: Act | None) -> None:
        skips, self.skips = self.skips, False
        self.failed = not skips and change is not None and change() is False


@dataclass(frozen=True)
class Question:
    text: str
    answer: str
    """Text of the button."""
    act: Act


class UndoBar(QFrame):
    """Offers to undo the newest step for a while; a question stays until it is answered or dismissed.

    Floats at the bottom of `parent`, so that nothing moves when it comes and goes.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "notice")
        self.setAutoFillBackground(True)
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(MAX_STEPS)
        self._redone: UndoStep | None = None
        """The step that is just being redone."""
        self._is_moving = False
        self._questions: deque[Question] = deque()
        self._text = QLabel()
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.button = QPushButton()
        self.button.clicked.connect(self._act)
        self._close = QToolButton()
        self._close.setAutoRaise(True)
        self._close.setToolTip("Dismiss (Esc)")
        self._close.setAccessibleName("Dismiss")
        self._close.clicked.connect(self.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 3, 6, 3)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.button)
        layout.addWidget(self._close)
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._timer.timeout.connect(self.dismiss)
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

    def offer(self, text: str, undo: Act, redo: Act | None = None) -> None:
        """Add a step that was just made, and offer to undo it.

        An offer made while a step is redone replaces that step; one made while a step is undone is dropped.
        """
        if self._redone is not None:
            self._redone.undo_change, self._redone.redo_change = undo, redo
        if self._is_moving:
            return
        self.stack.push(UndoStep(text, undo, redo))
        if not self._questions:
            self._show(text, "Undo")
            self._timer.start()

    def ask(self, text: str, answer: str, act: Act) -> None:
        """Offer to `act` by a button `answer`; further questions and offers wait."""
        self._questions.append(Question(text, answer, act))
        if len(self._questions) == 1:
            self._show_question()

    def undo(self) -> None:
        """Undo the newest step; one that can't be undone now can be tried again."""
        if self.stack.canUndo():
            self._move(self._step(self.stack.index() - 1), self.stack.undo, self.stack.redo)

    def redo(self) -> None:
        """Redo the step that was undone last; one that can't be redone now can be tried again."""
        if self.stack.canRedo():
            self._redone = self._step(self.stack.index())
            self._move(self._redone, self.stack.redo, self.stack.undo)
            self._redone = None

    def dismiss(self) -> None:
        """Hide what is shown; the next question follows."""
        if self._questions:
            self._questions.popleft()
        self._show_question()

    def _step(self, index: int) -> UndoStep:
        step = self.stack.command(index)
        assert isinstance(step, UndoStep)
        return step

    def _move(self, step: UndoStep, go: Act, back: Act) -> None:
        self._is_moving = True
        go()
        if step.failed:
            step.skips = True
            back()
        self._is_moving = False
        if not self._questions:
            self.hide()

    def _show_question(self) -> None:
        self._timer.stop()
        if self._questions:
            self._show(self._questions[0].text, self._questions[0].answer)
        else:
            self.hide()

    def _show(self, text: str, answer: str) -> None:
        self._text.setText(text)
        self._text.setToolTip(text)
        self.button.setText(answer)
        self.button.setToolTip("" if self._questions else "Undo this (Ctrl+Z)")
        self._place()
        self.show()
        self.raise_()

    def _act(self) -> None:
        act = self._questions[0].act if self._questions else self.undo
        self.dismiss()
        act()

    def _apply_theme(self, theme: Theme) -> None:
        self._close.setIcon(icon("close"))
        self._close.setIconSize(QSize(14, 14))
