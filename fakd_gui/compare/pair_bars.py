"""The bars that choose the two results of the split and of the difference."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from fakd_gui.compare.difference import COLOURS, GAINS, Difference, Kind
from fakd_gui.compare.panes import Split
from fakd_gui.widgets.image_tools import set_icon


class PairBar(QWidget):
    """Shows a pair and its options; `changed` follows when the user chooses another."""

    changed = Signal()

    def __init__(self, title: str, purpose: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first, self.second = QComboBox(), QComboBox()
        self.swap_button = QToolButton()
        self.swap_button.setAutoRaise(True)
        self.swap_button.setToolTip(f"Swap the two sides of the {purpose} (X)")
        self.swap_button.setAccessibleName(f"Swap the two sides of the {purpose}")
        self.swap_button.clicked.connect(self._swap)
        set_icon(self.swap_button, "swap-horizontal")
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.addWidget(QLabel(title))
        self.add_box(self.first, f"First result of the {purpose}")
        self.row.addWidget(self.swap_button)
        self.add_box(self.second, f"Second result of the {purpose}")

    def add_box(self, box: QComboBox, name: str) -> None:
        """Add a choice; `changed` follows when the user changes it."""
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setMinimumContentsLength(6)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        box.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.row.addWidget(box)

    def show_pair(self, labels: Mapping[str, str], a: str, b: str) -> None:
        """List the results `labels` by key, and choose `a` and `b`."""
        self.blockSignals(True)
        for box, chosen in ((self.first, a), (self.second, b)):
            box.clear()
            for key, label in labels.items():
                box.addItem(label, key)
            box.setCurrentIndex(box.findData(chosen))
        self.blockSignals(False)

    def show_options(self, values: Mapping[QComboBox, object]) -> None:
        """Choose the value of each box."""
        self.blockSignals(True)
        for box, value in values.items():
            box.setCurrentIndex(box.findData(value))
        self.blockSignals(False)

    def _swap(self) -> None:
        first, second = self.first.currentIndex(), self.second.currentIndex()
        self.blockSignals(True)
        self.first.setCurrentIndex(second)
        self.second.setCurrentIndex(first)
        self.blockSignals(False)
        self.changed.emit()


class DifferenceBar(PairBar):
    """Chooses a `Difference`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Difference of", "difference", parent)
        self.kind, self.gain, self.colours = QComboBox(), QComboBox(), QComboBox()
        for kind in Kind:
            self.kind.addItem(kind.value, kind)
        for gain in GAINS:
            self.gain.addItem(f"× {gain}", gain)
        for name in COLOURS:
            self.colours.addItem(name, name)
        self.add_box(self.kind, "Kind of difference")
        self.row.addWidget(QLabel("gain"))
        self.add_box(self.gain, "Gain of the difference")
        self.gain.setToolTip("× 4 shows a difference of 64 grey levels and more at full brightness")
        self.add_box(self.colours, "Colours of the difference")
        self.row.addStretch()

    @property
    def difference(self) -> Difference:
        """The choice of the user."""
        return Difference(
            self.first.currentData(),
            self.second.currentData(),
            gain=self.gain.currentData(),
            kind=self.kind.currentData(),
            colours=self.colours.currentData(),
        )

    def show_difference(self, difference: Difference, labels: Mapping[str, str]) -> None:
        """Show `difference` of two of the results `labels`."""
        self.show_pair(labels, difference.a, difference.b)
        self.show_options(
            {self.kind: difference.kind, self.gain: difference.gain, self.colours: difference.colours}
        )
        # Signed differences have their own colours, white in the middle.
        self.colours.setEnabled(difference.kind is not Kind.SIGNED)


class SplitBar(PairBar):
    """Chooses a `Split`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Split", "split", parent)
        self.direction = QComboBox()
        self.direction.addItem("side by side", True)
        self.direction.addItem("one above the other", False)
        self.add_box(self.direction, "Direction of the split")
        self.row.addStretch()

    @property
    def split(self) -> Split:
        """The choice of the user."""
        return Split(self.first.currentData(), self.second.currentData(), self.direction.currentData())

    def show_split(self, split: Split, labels: Mapping[str, str]) -> None:
        """Show `split` of two of the results `labels`."""
        self.show_pair(labels, split.a, split.b)
        self.show_options({self.direction: split.vertical})
