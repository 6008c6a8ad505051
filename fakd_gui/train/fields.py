"""One row of a form: its label, its widget, and below them what is wrong or worth knowing."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from fakd_core.config import TAP_COUNT
from fakd_gui.widgets.style import restyle
from fakd_gui.widgets.wheel import ignore_wheel

LABEL_WIDTH_IN_DIGITS = 12


class Field:
    """A labelled widget whose problem or fact stands right below it."""

    def __init__(self, label: QLabel, widget: QWidget, note: QLabel, tip: str) -> None:
        self.label = label
        self.widget = widget
        self.note = note
        self._tip = tip
        self.problem = ""
        self._fact = ""
        widget.setAccessibleName(label.text())

    def set_problem(self, problem: str) -> None:
        """Mark the widget and say why; an empty text clears the mark."""
        self.problem = problem
        self._show()

    def set_fact(self, fact: str) -> None:
        """A muted line shown while there is no problem."""
        self._fact = fact
        self._show()

    def _show(self) -> None:
        text = self.problem or self._fact
        self.note.setText(text)
        self.note.setVisible(bool(text))
        restyle(self.note, role="error" if self.problem else "muted")
        for marked in (self.widget, self.widget.findChild(QComboBox), self.widget.findChild(QLineEdit)):
            if marked is not None:
                restyle(marked, invalid=bool(self.problem))
        tip = f"{self._tip}\n\n{self.problem}" if self.problem else self._tip
        self.widget.setToolTip(tip)
        self.label.setToolTip(tip)


class Section(QWidget):
    """Rows in two columns that line up across sections, below a heading if there is a title."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnMinimumWidth(0, self.fontMetrics().horizontalAdvance("0") * LABEL_WIDTH_IN_DIGITS)
        self._grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        if title:
            heading = QLabel(title)
            heading.setProperty("role", "heading")
            layout.addWidget(heading)
        layout.addLayout(self._grid)

    def add(self, label: str, widget: QWidget, tip: str) -> Field:
        """Add a row; `label` may hold a mnemonic (&)."""
        name = QLabel(label)
        name.setBuddy(widget)
        note = QLabel()
        note.setWordWrap(True)
        note.setTextFormat(Qt.TextFormat.PlainText)
        note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = self._grid.rowCount()
        if label:
            self._grid.addWidget(name, row, 0)
            self._grid.addWidget(widget, row, 1)
        else:
            self._grid.addWidget(widget, row, 0, 1, 2)
        self._grid.addWidget(note, row + 1, 0, 1, 2)
        field = Field(name, widget, note, tip)
        field.set_problem("")
        return field


class LayerBoxes(QWidget):
    """Which of the four feature taps are compared."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.boxes = [QCheckBox(str(layer)) for layer in range(TAP_COUNT)]
        for layer, box in enumerate(self.boxes):
            box.setAccessibleName(f"Layer {layer}")
            box.toggled.connect(lambda _: self.changed.emit())
            layout.addWidget(box)
        layout.addStretch()
        self.setFocusProxy(self.boxes[0])

    def value(self) -> tuple[int, ...]:
        return tuple(layer for layer, box in enumerate(self.boxes) if box.isChecked())

    def set_value(self, layers: Sequence[int]) -> None:
        for layer, box in enumerate(self.boxes):
            box.setChecked(layer in layers)


def whole_number(low: int, high: int, unit: str = "") -> QSpinBox:
    """A spin box for `low`..`high` with digits in groups."""
    box = QSpinBox()
    box.setRange(low, high)
    box.setGroupSeparatorShown(True)
    box.setSuffix(f" {unit}" if unit else "")
    box.setStepType(QSpinBox.StepType.AdaptiveDecimalStepType)
    box.setKeyboardTracking(False)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    # Fusion's spin boxes are lower than its other fields, which looks ragged in a column.
    box.setMinimumHeight(QLineEdit().sizeHint().height())
    ignore_wheel(box)
    return box


def choice(options: Sequence[str]) -> QComboBox:
    """A closed list."""
    box = QComboBox()
    box.addItems(list(options))
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    ignore_wheel(box)
    return box
