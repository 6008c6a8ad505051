"""The bars that choose the two results and the options of the split and of the difference."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QMargins, QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from fakd_gui.compare.difference import COLOURS, GAINS, Difference, Kind
from fakd_gui.compare.panes import Split
from fakd_gui.widgets.image_tools import set_icon


class PairBar(QWidget):
    """Shows a pair and its options; `changed` follows when the user chooses another."""

    changed = Signal()

    def __init__(self, title: str, purpose: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row = QHBoxLayout(self, contentsMargins=QMargins())
        self.row.addWidget(QLabel(title))
        self.first = self.add_box(f"First result of the {purpose}")
        swap = f"Swap the two sides of the {purpose}"
        self.swap_button = QToolButton(autoRaise=True, toolTip=f"{swap} (X)", accessibleName=swap)
        self.swap_button.clicked.connect(self._swap)
        set_icon(self.swap_button, "swap-horizontal")
        self.row.addWidget(self.swap_button)
        self.second = self.add_box(f"Second result of the {purpose}")

    def add_box(self, name: str, options: Mapping[str, object] | None = None) -> QComboBox:
        """Add a choice of values by label; `changed` follows when the user changes it."""
        box = QComboBox(
            accessibleName=name,
            toolTip=name,
            minimumContentsLength=6,
            sizeAdjustPolicy=QComboBox.SizeAdjustPolicy.AdjustToContents,
            sizePolicy=QSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed),
        )
        for label, value in (options or {}).items():
            box.addItem(label, value)
        box.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.row.addWidget(box)
        return box

    def show_pair(self, a: str, b: str, labels: Mapping[str, str]) -> None:
        """List the results `labels` by key, and choose `a` and `b`."""
        with QSignalBlocker(self):
            for box in (self.first, self.second):
                box.clear()
                for key, label in labels.items():
                    box.addItem(label, key)
        self.choose({self.first: a, self.second: b})

    def choose(self, values: Mapping[QComboBox, object]) -> None:
        """Choose the value of each box."""
        with QSignalBlocker(self):
            for box, value in values.items():
                box.setCurrentIndex(box.findData(value))

    def _swap(self) -> None:
        self.choose({self.first: self.second.currentData(), self.second: self.first.currentData()})
        self.changed.emit()


class DifferenceBar(PairBar):
    """Chooses a `Difference`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Difference of", "difference", parent)
        self.kind = self.add_box("Kind of difference", {kind.value: kind for kind in Kind})
        self.row.addWidget(QLabel("gain"))
        self.gain = self.add_box("Gain of the difference", {f"× {gain}": gain for gain in GAINS})
        self.gain.setToolTip("× 4 shows a difference of 64 grey levels and more at full brightness")
        self.colours = self.add_box("Colours of the difference", {name: name for name in COLOURS})
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
        self.show_pair(difference.a, difference.b, labels)
        self.choose(
            {self.kind: difference.kind, self.gain: difference.gain, self.colours: difference.colours}
        )
        # Signed differences have their own colours, white in the middle.
        self.colours.setEnabled(difference.kind is not Kind.SIGNED)


class SplitBar(PairBar):
    """Chooses a `Split`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Split", "split", parent)
        directions = {"side by side": True, "one above the other": False}
        self.direction = self.add_box("Direction of the split", directions)
        self.row.addStretch()

    @property
    def split(self) -> Split:
        """The choice of the user."""
        return Split(self.first.currentData(), self.second.currentData(), self.direction.currentData())

    def show_split(self, split: Split, labels: Mapping[str, str]) -> None:
        """Show `split` of two of the results `labels`."""
        self.show_pair(split.a, split.b, labels)
        self.choose({self.direction: split.vertical})
