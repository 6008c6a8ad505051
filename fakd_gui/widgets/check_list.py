"""A list whose items can be checked, and some removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

KEY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Choice:
    """An item; `removable` with the Delete key."""

    label: str
    checked: bool
    removable: bool = False
    tip: str = ""


class CheckList(QListWidget):
    """Choices with a check box each, by key."""

    toggled = Signal(str, bool)
    """The user checked or unchecked the item of this key."""
    remove_requested = Signal(str)
    """The key of the item to remove."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(
            parent,
            accessibleName=name,
            spacing=1,
            textElideMode=Qt.TextElideMode.ElideMiddle,
            horizontalScrollBarPolicy=Qt.ScrollBarPolicy.ScrollBarAlwaysOff,
        )
        self._choices: dict[str, Choice] = {}
        self.itemChanged.connect(
            lambda item: self.toggled.emit(item.data(KEY), item.checkState() is Qt.CheckState.Checked)
        )

    def set_choices(self, choices: Mapping[str, Choice]) -> None:
        """List `choices` by key; the current item stays the current one."""
        current = self.currentItem()
        current_key = current.data(KEY) if current else None
        self.blockSignals(True)
        # Toggling an item leads here, and an item must not be deleted by its own signal.
        if list(choices) != list(self._choices):
            self.clear()
            for key in choices:
                item = QListWidgetItem(self)
                item.setData(KEY, key)
                if key == current_key:
                    self.setCurrentItem(item)
        self._choices = dict(choices)
        for row, (key, choice) in enumerate(choices.items()):
            item = self.item(row)
            tip = choice.tip or key
            item.setText(choice.label)
            item.setToolTip(f"{tip}\nPress Delete to remove it" if choice.removable else tip)
            item.setCheckState(Qt.CheckState.Checked if choice.checked else Qt.CheckState.Unchecked)
        self.blockSignals(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        deletes = event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        if deletes and item is not None and self._choices[item.data(KEY)].removable:
            self.remove_requested.emit(item.data(KEY))
        else:
            super().keyPressEvent(event)
