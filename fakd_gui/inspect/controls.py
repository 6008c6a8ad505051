"""What the inspector shows: layer, students, picture, opacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)

from fakd_core.config import TAP_COUNT

ALL_STUDENTS = ""
PICTURES = ("LR", "SR", "HR")
CHECKED = "QPushButton:checked { background: palette(highlight); color: palette(highlighted-text); }"
DEFAULT_LAYER = 3
"""The body's output: the layer closest to the image, and the one every recipe compares."""


class InspectControls(QWidget):
    layer_changed = Signal(int)
    student_changed = Signal()
    look_changed = Signal()
    """Picture or opacity."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layers = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel("Layer"))
        segment = QHBoxLayout()
        segment.setSpacing(0)
        for index in range(TAP_COUNT):
            button = QPushButton(str(index))
            button.setCheckable(True)
            # Fusion's own checked button can hardly be told from the others on the dark theme.
            button.setStyleSheet(CHECKED)
            # A click leaves the focus to the maps, whose arrow keys move the pixel.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            self.layers.addButton(button, index)
            segment.addWidget(button)
        layout.addLayout(segment)
        self.layers.button(DEFAULT_LAYER).setChecked(True)
        self.layers.idToggled.connect(lambda index, on: self.layer_changed.emit(index) if on else None)
        self.student_label = QLabel("Student")
        self.students = QComboBox()
        self.students.setMinimumContentsLength(8)
        self.students.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.students.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.students.setMaximumWidth(200)
        self.students.activated.connect(lambda _: self.student_changed.emit())
        self.look = QWidget()
        """Picture and opacity, to stand in a tool bar."""
        self.picture_choice = QComboBox()
        for picture in PICTURES:
            self.picture_choice.addItem(f"Picture: {picture}", picture)
        self.picture_choice.setToolTip(
            "The picture under the maps: low resolution (the pixels that are compared),\n"
            "a model's output, or the ground truth"
        )
        self.picture_choice.activated.connect(lambda _: self.look_changed.emit())
        self.opacity_slider = QSlider(Qt.Orientation.Horizontal)
        self.opacity_slider.setRange(0, 100)
        self.opacity_slider.setValue(75)
        self.opacity_slider.setFixedWidth(72)
        self.opacity_slider.setToolTip("Opacity of the maps over the image, in percent")
        self.opacity_slider.valueChanged.connect(lambda _: self.look_changed.emit())
        layout.addWidget(self.student_label)
        layout.addWidget(self.students)
        layout.addStretch()
        self.look.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        look = QHBoxLayout(self.look)
        look.setContentsMargins(0, 0, 0, 0)
        look.addWidget(self.picture_choice)
        look.addWidget(QLabel("Opacity"))
        look.addWidget(self.opacity_slider)

    @property
    def layer(self) -> int:
        return self.layers.checkedId()

    @property
    def picture(self) -> str:
        return str(self.picture_choice.currentData())

    @property
    def opacity(self) -> float:
        return self.opacity_slider.value() / 100

    def choose_layer(self, layer: int) -> None:
        """Check the layer's button; beyond the first and last it stays there."""
        self.layers.button(min(max(0, layer), TAP_COUNT - 1)).setChecked(True)

    def name_layers(self, names: Mapping[str, Sequence[str]]) -> None:
        """Name the taps as the first model calls them; a tooltip says what the others call them."""
        first = next(iter(names.values()), ("head", "1", "2", "body"))
        for index in range(TAP_COUNT):
            lines = [f"{model}: {taps[index]}" for model, taps in names.items()]
            self.layers.button(index).setText(first[index])
            self.layers.button(index).setToolTip("\n".join([f"Feature tap {index}", *lines]))

    def offer_students(self, labels: Mapping[str, str]) -> None:
        """List the students; with several, the first entry shows all of them side by side."""
        several = self.students.count() > 1
        chosen = self.students.currentData() if several else ALL_STUDENTS
        self.students.clear()
        if len(labels) > 1:
            self.students.addItem("All, side by side", ALL_STUDENTS)
        for ref, label in labels.items():
            self.students.addItem(label, ref)
        self.students.setCurrentIndex(max(0, self.students.findData(chosen)))
        for widget in (self.student_label, self.students):
            widget.setVisible(len(labels) > 1)

    def shown_students(self, refs: Sequence[str]) -> list[str]:
        """Those of `refs` that are chosen."""
        chosen = self.students.currentData()
        return [ref for ref in refs if not chosen or ref == chosen]
