"""Undo and redo, and the bar that offers them and asks questions at the bottom of the window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QEvent, QMargins, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QUndoCommand, QUndoStack
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from fakd_gui.widgets.theme import follow_theme, icon

SHOWN_MS = 12_000
WIDTH, MARGIN = 560, 12
MAX_STEPS = 50

Act = Callable[[], object]


class UndoStep(QUndoCommand):
    """A change that was made; the bar calls its functions before it moves the stack."""

    def __init__(self, text: str, undo_change: Act, redo_change: Act | None) -> None:
        super().__init__(text)
        self.undo_change = undo_change
        self.redo_change = redo_change


class Question(NamedTuple):
    text: str
    answer: str
    """Text of the button."""
    act: Act


class UndoBar(QFrame):
    """Offers to undo the newest step for a while; a question stays until it is answered or dismissed.

    Floats at the bottom of `parent`, so that nothing moves when it comes and goes.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, autoFillBackground=True)
        self.setProperty("role", "notice")
        self.stack = QUndoStack(self, undoLimit=MAX_STEPS)
        self._running: UndoStep | None = None
        """The step that is just being undone or redone."""
        self._questions: deque[Question] = deque()
        self._text = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.button = QPushButton(clicked=self._act)
        self._close = QToolButton(
            autoRaise=True, toolTip="Dismiss (Esc)", accessibleName="Dismiss", clicked=self.dismiss
        )
        self._close.setIconSize(QSize(14, 14))
        layout = QHBoxLayout(self, contentsMargins=QMargins(10, 3, 6, 3))
        layout.addWidget(self._text, 1)
        layout.addWidget(self.button)
        layout.addWidget(self._close)
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_MS, timeout=self.dismiss)
        parent.installEventFilter(self)
        follow_theme(self, lambda _: self._close.setIcon(icon("close")))
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
        if self._running is not None:
            if self._running is self._step(self.stack.index()):
                self._running.undo_change, self._running.redo_change = undo, redo
            return
        self.stack.push(UndoStep(text, undo, redo))
        if not self._questions:
            self._show(text, "Undo")
            self._timer.start()

    def ask(self, question: Question) -> None:
        """Ask, with a button for the answer; further questions and offers wait."""
        self._questions.append(question)
        if len(self._questions) == 1:
            self._show_question()

    def withdraw(self, question: Question) -> bool:
        """Take back a question; False if it was answered or dismissed already."""
        if question not in self._questions:
            return False
        self._questions.remove(question)
        self._show_question()
        return True

    def undo(self) -> None:
        """Undo the newest step; one that can't be undone now can be tried again."""
        step = self._step(self.stack.index() - 1)
        if step is not None and self._run(step, step.undo_change):
            step.setObsolete(step.redo_change is None)  # The stack then removes it.
            self.stack.undo()

    def redo(self) -> None:
        """Redo the step that was undone last; one that can't be redone now can be tried again."""
        step = self._step(self.stack.index())
        if step is not None and step.redo_change is not None and self._run(step, step.redo_change):
            self.stack.redo()

    def dismiss(self) -> None:
        """Hide what is shown; the next question follows."""
        if self._questions:
            self._questions.popleft()
        self._show_question()

    def _step(self, index: int) -> UndoStep | None:
        step = self.stack.command(index)
        assert step is None or isinstance(step, UndoStep)
        return step

    def _run(self, step: UndoStep, change: Act) -> bool:
        self._running = step
        try:
            return change() is not False
        finally:
            self._running = None
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
