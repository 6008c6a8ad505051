"""Chooses which two results the difference pane compares, how, with which gain and colours."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from fakd_gui.compare.difference import COLOURS, Difference, Kind
from fakd_gui.compare.pair_bar import PairBar

GAINS = (1, 2, 4, 8, 16, 32)


class DifferenceBar(PairBar):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Difference of", "difference", parent)
        self.kind, self.gain, self.colours = QComboBox(), QComboBox(), QComboBox()
        for kind in Kind:
            self.kind.addItem(kind.value, kind)
        for gain in GAINS:
            self.gain.addItem(f"× {gain}", gain)
        self.gain.setCurrentIndex(GAINS.index(4))
        for name in COLOURS:
            self.colours.addItem(name, name)
        self.add_box(self.kind, "What is computed")
        self.row.addWidget(QLabel("gain"))
        self.add_box(self.gain, "Gain of the difference")
        self.gain.setToolTip("× 4 shows a difference of 64 grey levels and more at full brightness")
        self.add_box(self.colours, "Colours of the difference")
        self.row.addStretch()
        self.changed.connect(self._enable)

    @property
    def difference(self) -> Difference:
        return Difference(
            self.first.currentData(),
            self.second.currentData(),
            self.gain.currentData(),
            self.kind.currentData(),
            self.colours.currentData(),
        )

    def show_difference(self, difference: Difference) -> None:
        """Take every choice from `difference`; `changed` follows once."""
        for box, value in (
            (self.kind, difference.kind),
            (self.gain, difference.gain),
            (self.colours, difference.colours),
        ):
            box.blockSignals(True)
            box.setCurrentIndex(max(0, box.findData(value)))
            box.blockSignals(False)
        self.choose(difference.a, difference.b)

    def _enable(self) -> None:
        # Signed differences have their own colours, white in the middle.
        self.colours.setEnabled(self.kind.currentData() is not Kind.SIGNED)
