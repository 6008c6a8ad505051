"""Chooses two results: what the bars of the split and of the difference share."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from fakd_gui.widgets.image_tools import set_icon


class PairBar(QWidget):
    """`what` stands before the first box; `changed` follows every choice."""

    changed = Signal()

    def __init__(self, what: str, purpose: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first, self.second = QComboBox(), QComboBox()
        self.swap_button = QToolButton()
        self.swap_button.setAutoRaise(True)
        self.swap_button.setToolTip(f"Swap the two sides of the {purpose} (X)")
        self.swap_button.setAccessibleName(f"Swap the two sides of the {purpose}")
        self.swap_button.clicked.connect(self.swap)
        set_icon(self.swap_button, "swap-horizontal")
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.addWidget(QLabel(what))
        self.add_box(self.first, f"First result of the {purpose}")
        self.row.addWidget(self.swap_button)
        self.add_box(self.second, f"Second result of the {purpose}")

    def add_box(self, box: QComboBox, name: str) -> None:
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setMinimumContentsLength(6)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        box.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.row.addWidget(box)

    def offer(self, labels: Mapping[str, str], first: str, second: str) -> None:
        """List the results; keep what was chosen where it still exists, else take `first` and `second`.

        Never the same on both sides because one of them went: the other results are tried in order.
        """
        for box, default in ((self.first, first), (self.second, second)):
            chosen = box.currentData()
            box.blockSignals(True)
            box.clear()
            for key, label in labels.items():
                box.addItem(label, key)
            box.setCurrentIndex(max(0, box.findData(chosen if chosen in labels else default)))
            box.blockSignals(False)
        if self.second.currentData() == self.first.currentData() and self.second.count() > 1:
            self.second.blockSignals(True)
            self.second.setCurrentIndex(0 if self.first.currentIndex() else 1)
            self.second.blockSignals(False)

    def choose(self, first: str, second: str) -> None:
        """Take `first` and `second` where they are offered; `changed` follows once."""
        for box, key in ((self.first, first), (self.second, second)):
            box.blockSignals(True)
            index = box.findData(key)
            if index < 0:
                # What isn't there yet, as in a comparison that is being restored, is offered by its key.
                box.addItem(key, key)
                index = box.count() - 1
            box.setCurrentIndex(index)
            box.blockSignals(False)
        self.changed.emit()

    def swap(self) -> None:
        self.choose(self.second.currentData(), self.first.currentData())
