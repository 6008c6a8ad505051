"""Lists of things to tick: the models, the sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

KEY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Choice:
    """`ticked` until the user says otherwise; `removable` with the Delete key."""

    label: str
    ticked: bool = True
    removable: bool = False
    tip: str = ""


class CheckList(QListWidget):
    """Choices with a tick each; what the user ticked or unticked stays so, gone and back again too."""

    changed = Signal()
    removed = Signal(str)
    """The key of what the user wants off the list."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSpacing(1)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.said: dict[str, bool] = {}
        """What the user said, by key."""
        self._choices: dict[str, Choice] = {}
        self.itemChanged.connect(self._listen)

    def offer(self, choices: Mapping[str, Choice]) -> None:
        """List `choices` by key."""
        current = self.currentItem()
        key = current.data(KEY) if current else None
        self._choices = dict(choices)
        self.blockSignals(True)
        self.clear()
        for ref, choice in choices.items():
            item = QListWidgetItem(choice.label, self)
            item.setData(KEY, ref)
            tip = choice.tip or ref
            item.setToolTip(f"{tip}\nDelete takes it off the list" if choice.removable else tip)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(_state(self.said.get(ref, choice.ticked)))
            if ref == key:
                self.setCurrentItem(item)
        self.blockSignals(False)
        self.changed.emit()

    def tick(self, key: str, ticked: bool) -> None:
        for item in self._items():
            if item.data(KEY) == key:
                item.setCheckState(_state(ticked))

    def ticked(self) -> list[str]:
        """The keys that are ticked, in order."""
        return [item.data(KEY) for item in self._items() if item.checkState() == Qt.CheckState.Checked]

    def on_offer(self) -> list[str]:
        return list(self._choices)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        deletes = event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        if deletes and item is not None and self._choices[item.data(KEY)].removable:
            self.removed.emit(item.data(KEY))
        else:
            super().keyPressEvent(event)

    def _listen(self, item: QListWidgetItem) -> None:
        self.said[item.data(KEY)] = item.checkState() == Qt.CheckState.Checked
        self.changed.emit()

    def _items(self) -> list[QListWidgetItem]:
        return [self.item(row) for row in range(self.count())]


def _state(ticked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
