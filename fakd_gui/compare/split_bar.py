"""Chooses which two results the split pane shows, and how they are divided."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QWidget

from fakd_gui.compare.pair_bar import PairBar
from fakd_gui.compare.split import Split


class SplitBar(PairBar):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Split", "split", parent)
        self.direction = QComboBox()
        self.direction.addItem("side by side", True)
        self.direction.addItem("one above the other", False)
        self.add_box(self.direction, "Direction of the split")
        self.row.addStretch()

    @property
    def split(self) -> Split:
        return Split(self.first.currentData(), self.second.currentData(), self.direction.currentData())

    def show_split(self, split: Split) -> None:
        """Take every choice from `split`; `changed` follows once."""
        self.direction.blockSignals(True)
        self.direction.setCurrentIndex(self.direction.findData(split.vertical))
        self.direction.blockSignals(False)
        self.choose(split.a, split.b)
