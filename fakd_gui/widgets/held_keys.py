"""Keys that do something while they are held, and whose release may go elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget


class HeldKeys(QObject):
    """Calls `let_go` when the keyboard focus leaves `widget`: keys released later are not reported to it."""

    def __init__(self, widget: QWidget, let_go: Callable[[], object]) -> None:
        super().__init__(widget)
        self._widget = widget
        self._let_go = let_go
        widget.installEventFilter(self)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._follow_focus)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A menu gets the keys without being the focus widget.
        if event.type() is QEvent.Type.FocusOut:
            self._let_go()
        return False

    def _follow_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        if now is None or not (now is self._widget or self._widget.isAncestorOf(now)):
            self._let_go()
