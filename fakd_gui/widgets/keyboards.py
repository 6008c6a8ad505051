"""Single keys on every keyboard layout, wherever the focus is."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import QEvent, QKeyCombination, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

LAST_LATIN = "\u024f"
"""Letters after it belong to other scripts: Greek, Cyrillic, Hebrew, Arabic, ..."""
XKB_KEYS = {
    first + place: key
    for first, row in ((10, "1234567890"), (24, "QWERTYUIOP[]"), (38, "ASDFGHJKL"), (52, "ZXCVBNM"))
    for place, key in enumerate(row)
}
"""Keys of the US layout by the scan code that X11 and Wayland give."""
MAC_KEYS = dict(
    zip(
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, *range(11, 24), 25, 26, 28, 29, *range(30, 36), 37, 38, 40, 45, 46),
        "ASDFHGZXCVBQWERYT1234659780]OU[IPLJKNM",
        strict=True,
    )
)
"""Keys of the US layout by their virtual key code on a Mac."""
WINDOWS_KEYS = {ord(key): key for key in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"} | {0xDB: "[", 0xDD: "]"}
"""Keys by their virtual key code on Windows, where layouts of other scripts keep the Latin ones."""


def typed_key(event: QKeyEvent, platform: str = sys.platform) -> QKeyCombination | None:
    """The key that a shortcut has for the pressed key of another layout; None if there is none.

    A letter of another script is the Latin one at its place; so is a number key with Ctrl. A symbol or digit
    that needs Shift or AltGr counts without them.
    """
    text, modifiers = event.text(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    control = Qt.KeyboardModifier.ControlModifier
    key = _us_key(event, platform)
    if modifiers == control:
        return QKeyCombination(modifiers, Qt.Key(ord(key))) if key.isdigit() else None
    if len(text) != 1 or not text.isprintable() or text == " ":
        return None
    if text > LAST_LATIN:
        return QKeyCombination(modifiers, Qt.Key(ord(key))) if key else None
    return QKeyCombination(Qt.Key(ord(text))) if text.isascii() and not text.isalpha() else None


def _us_key(event: QKeyEvent, platform: str) -> str:
    """The character of the pressed key on the US layout, as far as shortcuts use it."""
    if platform == "win32":
        return WINDOWS_KEYS.get(event.nativeVirtualKey(), "")
    if platform == "darwin":
        return MAC_KEYS.get(event.nativeVirtualKey(), "")
    return XKB_KEYS.get(event.nativeScanCode(), "")


class SingleKeys(QObject):
    """Offers characters typed inside `widget` to `use` first: lists would search their items for them.

    Text fields keep them, as they keep them from shortcuts.
    """

    def __init__(self, widget: QWidget, use: Callable[[QKeyEvent], bool]) -> None:
        super().__init__(widget)
        self._widget = widget
        self._use = use
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._follow_focus)

    def _follow_focus(self, before: QWidget | None, now: QWidget | None) -> None:
        if before is not None:
            before.removeEventFilter(self)
        if now is not None and self._widget.isAncestorOf(now):
            now.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is not QEvent.Type.KeyPress:
            return False
        text = event.text()
        return bool(text.strip()) and text.isprintable() and not _types(watched, event) and self._use(event)


def _types(widget: QObject, event: QKeyEvent) -> bool:
    """True if `widget` takes the key as text: it says so when it is asked before shortcuts are.

    AltGr is left out of the question, as Qt takes it for the modifier of a shortcut.
    """
    none = Qt.KeyboardModifier.NoModifier
    question = QKeyEvent(QEvent.Type.ShortcutOverride, event.key(), none, event.text())
    question.ignore()
    widget.event(question)
    return question.isAccepted()
