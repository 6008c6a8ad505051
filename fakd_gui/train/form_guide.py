"""From a line that says something must be changed to the field that it is."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QWidget

from fakd_gui.train.form import TrainForm


class FormGuide(QObject):
    """While the form has problems, a click on one of `signs` leads to the first of them.

    A sign may be disabled, as the button is that waits for the problems to be solved.
    """

    def __init__(self, form: TrainForm, *signs: QWidget) -> None:
        super().__init__(form)
        self._form = form
        self._signs = signs
        for sign in signs:
            sign.installEventFilter(self)
        form.changed.connect(self._show)
        self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.MouseButtonPress and self._form.problems():
            self._form.show_problem()
            return True
        return super().eventFilter(watched, event)

    def _show(self) -> None:
        leads = bool(self._form.problems())
        for sign in self._signs:
            sign.setCursor(Qt.CursorShape.PointingHandCursor if leads else Qt.CursorShape.ArrowCursor)
