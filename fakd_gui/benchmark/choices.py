"""A list of things to tick: the models, the sets."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

KEY = Qt.ItemDataRole.UserRole


class TickList(QListWidget):
    """Labels with a tick each; what is added is ticked."""

    changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemChanged.connect(lambda _: self.changed.emit())

    def offer(self, labels: Mapping[str, str]) -> None:
        """List `labels` by key; ticks that were taken away stay away."""
        unticked = {item.data(KEY) for item in self._items() if item.checkState() != Qt.CheckState.Checked}
        self.blockSignals(True)
        self.clear()
        for key, label in labels.items():
            item = QListWidgetItem(label, self)
            item.setData(KEY, key)
            item.setToolTip(key)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked if key in unticked else Qt.CheckState.Checked)
        self.blockSignals(False)
        self.changed.emit()

    def tick(self, key: str, ticked: bool) -> None:
        for item in self._items():
            if item.data(KEY) == key:
                item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)

    def ticked(self) -> list[str]:
        """The keys that are ticked, in order."""
        return [item.data(KEY) for item in self._items() if item.checkState() == Qt.CheckState.Checked]

    def _items(self) -> list[QListWidgetItem]:
        return [self.item(row) for row in range(self.count())]
