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
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSpacing(1)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._choices: dict[str, Choice] = {}
        self.itemChanged.connect(self._report_toggle)

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
        for item in self._items():
            choice = choices[item.data(KEY)]
            tip = choice.tip or item.data(KEY)
            item.setText(choice.label)
            item.setToolTip(f"{tip}\nPress Delete to remove it" if choice.removable else tip)
            item.setCheckState(_state(choice.checked))
        self.blockSignals(False)

    def set_checked(self, key: str, checked: bool) -> None:
        """Check or uncheck an item as the user does."""
        for item in self._items():
            if item.data(KEY) == key:
                item.setCheckState(_state(checked))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        deletes = event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        if deletes and item is not None and self._choices[item.data(KEY)].removable:
            self.remove_requested.emit(item.data(KEY))
        else:
            super().keyPressEvent(event)

    def _report_toggle(self, item: QListWidgetItem) -> None:
        self.toggled.emit(item.data(KEY), item.checkState() == Qt.CheckState.Checked)

    def _items(self) -> list[QListWidgetItem]:
        return [self.item(row) for row in range(self.count())]


def _state(checked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
