"""What the inspector shows: layer, students, picture, opacity, and its modes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QSlider, QToolButton, QWidget

from fakd_core.models.spec import TAP_COUNT
from fakd_gui.widgets.elided_label import ElidedLabel
from fakd_gui.widgets.image_tools import set_icon
from fakd_gui.widgets.snap_slider import SnapSlider

ALL_STUDENTS = ""
PICTURES = ("LR", "SR", "HR")
DEFAULT_LAYER = 3
"""The body's output: the layer closest to the image, and the one every recipe compares."""


def toggle(text: str, icon_name: str, tip: str) -> QToolButton:
    """A checkable button that leaves the focus, and with it the arrow keys, to the maps."""
    button = QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setToolTip(tip)
    button.setAccessibleName(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    set_icon(button, icon_name)
    return button


class InspectControls(QWidget):
    layer_changed = Signal(int)
    student_changed = Signal()
    look_changed = Signal()
    """Picture or opacity."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layer_slider = SnapSlider("Layer")
        self.layer_slider.setRange(0, TAP_COUNT - 1)
        self.layer_slider.setFixedWidth(110)
        self.layer_slider.setValue(DEFAULT_LAYER)
        self.layer_slider.valueChanged.connect(self._layer_moved)
        self.layer_name = ElidedLabel()
        self._titles: Sequence[str] = ("head", "1", "2", "body")
        self.student_label = QLabel("Students")
        self.students = QComboBox()
        self.students.setAccessibleName("Students shown")
        self.students.setToolTip("All students side by side, or one of them")
        self.students.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.students.setMinimumContentsLength(12)
        self.students.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.students.setMaximumWidth(220)
        self.students.activated.connect(lambda _: self.student_changed.emit())
        self.hover = toggle(
            "Hover",
            "cursor-default-outline",
            "Show the affinities of the pixel under the mouse without a click; a click pins it (H)",
        )
        self.matrix = toggle(
            "Matrix",
            "grid",
            "The affinities of a region's pixels to one another, as a matrix (M).\n"
            "Draw the region with Shift and the mouse on the image.",
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel("Layer"))
        layout.addWidget(self.layer_slider)
        layout.addWidget(self.layer_name, 1)
        layout.addWidget(self.student_label)
        layout.addWidget(self.students)
        layout.addWidget(self.hover)
        layout.addWidget(self.matrix)
        self._build_look()
        self._show_layer()

    def _build_look(self) -> None:
        self.look = QWidget()
        """Picture and opacity, to stand in a tool bar."""
        self.picture_choice = QComboBox()
        for picture in PICTURES:
            self.picture_choice.addItem(f"Picture: {picture}", picture)
        self.picture_choice.setAccessibleName("Picture under the maps")
        self.picture_choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.picture_choice.setToolTip(
            "The picture under the maps: low resolution (the pixels that are compared),\n"
            "a model's output, or the ground truth"
        )
        self.picture_choice.activated.connect(lambda _: self.look_changed.emit())
        self.opacity_slider = QSlider(Qt.Orientation.Horizontal)
        self.opacity_slider.setRange(0, 100)
        self.opacity_slider.setValue(75)
        self.opacity_slider.setFixedWidth(72)
        self.opacity_slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.opacity_slider.setAccessibleName("Opacity of the maps in percent")
        self.opacity_slider.setToolTip("Opacity of the maps over the image, in percent")
        self.opacity_slider.valueChanged.connect(lambda _: self.look_changed.emit())
        self.look.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        look = QHBoxLayout(self.look)
        look.setContentsMargins(0, 0, 0, 0)
        look.addWidget(self.picture_choice)
        look.addWidget(QLabel("Opacity"))
        look.addWidget(self.opacity_slider)

    @property
    def layer(self) -> int:
        return self.layer_slider.value()

    @property
    def picture(self) -> str:
        return str(self.picture_choice.currentData())

    @property
    def opacity(self) -> float:
        return self.opacity_slider.value() / 100

    def choose_layer(self, layer: int) -> None:
        """Move the slider; beyond the first and last layer it stays there."""
        self.layer_slider.setValue(layer)

    def choose_picture(self, picture: str) -> None:
        self.picture_choice.setCurrentIndex(max(0, self.picture_choice.findData(picture)))

    def name_layers(self, titles: Mapping[str, Sequence[str]]) -> None:
        """Name the taps as the first model calls them; a tooltip says what the others call them."""
        self._titles = next(iter(titles.values()), self._titles)
        lines = [
            f"{model}: " + ", ".join(f"{index} {title}" for index, title in enumerate(taps))
            for model, taps in titles.items()
        ]
        tip = "\n".join(["The feature tap whose affinities are shown (Page up, Page down)", *lines])
        self.layer_slider.setToolTip(tip)
        self.layer_name.setToolTip(tip)
        self._show_layer()

    def offer_students(self, labels: Mapping[str, str]) -> None:
        """List the students; with several, the first entry shows all of them side by side."""
        several = self.students.count() > 1
        chosen = self.students.currentData() if several else ALL_STUDENTS
        self.students.clear()
        if len(labels) > 1:
            self.students.addItem("All, side by side", ALL_STUDENTS)
        for ref, label in labels.items():
            self.students.addItem(label, ref)
            self.students.setItemData(self.students.count() - 1, label, Qt.ItemDataRole.ToolTipRole)
        self.students.setCurrentIndex(max(0, self.students.findData(chosen)))
        for widget in (self.student_label, self.students):
            widget.setVisible(len(labels) > 1)

    def shown_students(self, refs: Sequence[str]) -> list[str]:
        """Those of `refs` that are chosen."""
        chosen = self.students.currentData()
        return [ref for ref in refs if not chosen or ref == chosen]

    def _layer_moved(self, layer: int) -> None:
        self._show_layer()
        self.layer_changed.emit(layer)

    def _show_layer(self) -> None:
        self.layer_name.setText(f"{self.layer} · {self._titles[self.layer]}")
