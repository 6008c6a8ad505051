"""The bars that choose the two results and the options of the split and of the difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from PySide6.QtCore import QMargins, QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from fakd_gui.compare.difference import Colours, Difference, Gain, Kind
from fakd_gui.compare.panes import Split, swap_sides
from fakd_gui.widgets.image_tools import icon_button


class PairBar(QWidget):
    """Shows a `Split` or a `Difference` of two results, to choose another."""

    chosen = Signal(object)
    """The user's choice, of the `kind` of the bar."""

    def __init__(self, kind: type[Split | Difference], title: str, purpose: str) -> None:
        super().__init__()
        self._kind = kind
        self.boxes: dict[str, QComboBox] = {}
        """The choices by field of `kind`."""
        self.row = QHBoxLayout(self, contentsMargins=QMargins())
        self.row.addWidget(QLabel(title))
        self.add_box("a", f"First result of the {purpose}")
        swap = f"Swap the two sides of the {purpose}"
        self.swap_button = icon_button("swap-horizontal", swap, autoRaise=True)
        self.swap_button.setToolTip(f"{swap} (X)")
        self.swap_button.clicked.connect(lambda: self.chosen.emit(swap_sides(self.choice)))
        self.row.addWidget(self.swap_button)
        self.add_box("b", f"Second result of the {purpose}")

    def add_box(self, field: str, name: str, options: Mapping[str, object] | None = None) -> QComboBox:
        """Add a choice of values by label for a field of `kind`."""
        box = QComboBox(
            accessibleName=name,
            toolTip=name,
            minimumContentsLength=6,
            sizeAdjustPolicy=QComboBox.SizeAdjustPolicy.AdjustToContents,
            sizePolicy=QSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed),
        )
        for label, value in (options or {}).items():
            box.addItem(label, value)
        box.currentIndexChanged.connect(lambda _: self.chosen.emit(self.choice))
        self.row.addWidget(box)
        self.boxes[field] = box
        return box

    @property
    def choice(self) -> Split | Difference:
        return self._kind(**{field: box.currentData() for field, box in self.boxes.items()})

    def show_choice(self, choice: Split | Difference, labels: Mapping[str, str]) -> None:
        """Show `choice`, which is between two of the results `labels`, given by key."""
        with QSignalBlocker(self):
            for side in ("a", "b"):
                self.boxes[side].clear()
                for key, label in labels.items():
                    self.boxes[side].addItem(label, key)
            for field, box in self.boxes.items():
                box.setCurrentIndex(box.findData(getattr(choice, field)))


class DifferenceBar(PairBar):
    def __init__(self) -> None:
        super().__init__(Difference, "Difference of", "difference")
        self.add_box("kind", "Kind of difference", {kind.value: kind for kind in Kind})
        self.row.addWidget(QLabel("gain"))
        gain = self.add_box("gain", "Gain of the difference", {f"× {gain}": gain for gain in get_args(Gain)})
        gain.setToolTip("× 4 shows a difference of 64 grey levels and more at full brightness")
        self.add_box("colours", "Colours of the difference", {name: name for name in get_args(Colours)})
        self.row.addStretch()

    def show_choice(self, choice: Difference, labels: Mapping[str, str]) -> None:
        super().show_choice(choice, labels)
        # Signed differences have their own colours, white in the middle.
        self.boxes["colours"].setEnabled(choice.kind is not Kind.SIGNED)


class SplitBar(PairBar):
    def __init__(self) -> None:
        super().__init__(Split, "Split", "split")
        directions = {"side by side": True, "one above the other": False}
        self.add_box("vertical", "Direction of the split", directions)
        self.row.addStretch()
