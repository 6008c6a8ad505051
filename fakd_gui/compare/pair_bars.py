"""Chooses two results: what the bars of the split and of the difference share."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from fakd_gui.compare.difference import COLOURS, Difference, Kind
from fakd_gui.compare.split import Split
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
