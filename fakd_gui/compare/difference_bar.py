"""Chooses which two results the difference pane subtracts, and its gain."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from fakd_gui.compare.board import Difference

GAINS = (1, 2, 4, 8, 16)


class DifferenceBar(QWidget):
    changed = Signal(object)
    """The new `Difference`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first, self.second, self.gain = QComboBox(), QComboBox(), QComboBox()
        for gain in GAINS:
            self.gain.addItem(f"× {gain}", gain)
        self.gain.setCurrentIndex(GAINS.index(4))
        self.gain.setToolTip("× 4 shows a difference of 64 grey levels and more at full brightness")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for text, box in (("Difference of", self.first), ("and", self.second), ("gain", self.gain)):
            layout.addWidget(QLabel(text))
            layout.addWidget(box)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            box.currentIndexChanged.connect(self._announce)
        layout.addStretch()

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

    @property
    def difference(self) -> Difference:
        return Difference(self.first.currentData(), self.second.currentData(), self.gain.currentData())

    def _announce(self) -> None:
        self.changed.emit(self.difference)
