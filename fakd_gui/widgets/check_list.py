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
    """`checked` until the user chooses otherwise; `removable` with the Delete key."""

    label: str
    checked: bool = True
    removable: bool = False
    tip: str = ""


class CheckList(QListWidget):
    """Choices with a check box each. What the user chose stays, also when an item goes and comes back."""

    changed = Signal()
    remove_requested = Signal(str)
    """The key of the item to remove."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSpacing(1)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.user_choices: dict[str, bool] = {}
        """Checked or not, by key, of items that the user changed."""
        self._choices: dict[str, Choice] = {}
        self.itemChanged.connect(self._record_choice)

    def set_choices(self, choices: Mapping[str, Choice]) -> None:
        """List `choices` by key."""
        current = self.currentItem()
        current_key = current.data(KEY) if current else None
        self._choices = dict(choices)
        self.blockSignals(True)
        self.clear()
        for key, choice in choices.items():
            item = QListWidgetItem(choice.label, self)
            item.setData(KEY, key)
            tip = choice.tip or key
            item.setToolTip(f"{tip}\nPress Delete to remove it" if choice.removable else tip)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(_state(self.user_choices.get(key, choice.checked)))
            if key == current_key:
                self.setCurrentItem(item)
        self.blockSignals(False)
        self.changed.emit()

    def set_checked(self, key: str, checked: bool) -> None:
        for item in self._items():
            if item.data(KEY) == key:
                item.setCheckState(_state(checked))

    def checked_keys(self) -> list[str]:
        return [item.data(KEY) for item in self._items() if item.checkState() == Qt.CheckState.Checked]

    def listed_keys(self) -> list[str]:
        return list(self._choices)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        deletes = event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        if deletes and item is not None and self._choices[item.data(KEY)].removable:
            self.remove_requested.emit(item.data(KEY))
        else:
            super().keyPressEvent(event)

    def _record_choice(self, item: QListWidgetItem) -> None:
        self.user_choices[item.data(KEY)] = item.checkState() == Qt.CheckState.Checked
        self.changed.emit()

    def _items(self) -> list[QListWidgetItem]:
        return [self.item(row) for row in range(self.count())]


def _state(checked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
