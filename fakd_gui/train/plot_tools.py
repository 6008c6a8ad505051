"""How the curves are drawn: smoothing, axis, weights, which plots; and their export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QMenu, QSlider, QToolButton, QWidget

from fakd_gui.widgets.theme import Theme, follow_theme, icon

DEFAULT_SMOOTHING = 60


class PlotTools(QWidget):
    """A row of controls above the plots."""

    changed = Signal()
    fit_wanted = Signal()
    export_wanted = Signal(str)
    """'csv', 'png' or 'svg'."""

    def __init__(self, plots: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setMinimumWidth(30)
        self.smoothing.setMaximumWidth(110)
        self.smoothing.setToolTip("Smoothing: weight of the past in the moving average, 0 to 0.99")
        self.smoothing.setAccessibleName("Smoothing")
        self._value = QLabel()
        self.log_axis = QCheckBox("&Log axis")
        self.log_axis.setToolTip("Logarithmic loss axis")
        self.weighted = QCheckBox("&Weighted")
        self.weighted.setChecked(True)
        self.weighted.setToolTip("On: every part as it enters the total. Off: every part before its weight.")
        self.plots_button = _menu_button("Which plots are shown, as far as there is room")
        self.actions_of = {name: self.plots_button.menu().addAction(name) for name in plots}
        for action in self.actions_of.values():
            action.setCheckable(True)
            action.setChecked(True)
            action.toggled.connect(lambda _: self.changed.emit())
        self.fit_button = QToolButton()
        self.fit_button.setAutoRaise(True)
        self.fit_button.setToolTip("Show all steps and values (double click)")
        self.fit_button.setAccessibleName("Fit the curves")
        self.fit_button.clicked.connect(self.fit_wanted)
        self.export_button = _menu_button("Write the curves to a file")
        for kind, text in (
            ("csv", "Data as CSV…"),
            ("png", "Picture as PNG…"),
            ("svg", "Picture as SVG…"),
        ):
            self.export_button.menu().addAction(text, lambda kind=kind: self.export_wanted.emit(kind))
        self._lay_out()
        self.smoothing.valueChanged.connect(self._smoothing_changed)
        self.smoothing.setValue(DEFAULT_SMOOTHING)
        for box in (self.log_axis, self.weighted):
            box.toggled.connect(lambda _: self.changed.emit())
        follow_theme(self, self._apply_theme)

    @property
    def weight(self) -> float:
        """The weight of the past, 0 to 0.99."""
        return self.smoothing.value() / 100

    @property
    def chosen(self) -> list[str]:
        """The plots that are wanted."""
        return [name for name, action in self.actions_of.items() if action.isChecked()]

    def remember(self) -> dict[str, object]:
        return {
            "smoothing": self.smoothing.value(),
            "log": self.log_axis.isChecked(),
            "weighted": self.weighted.isChecked(),
            "plots": self.chosen,
        }

    def recall(self, remembered: Mapping[str, object]) -> None:
        smoothing, plots = remembered.get("smoothing"), remembered.get("plots")
        if isinstance(smoothing, int):
            self.smoothing.setValue(smoothing)
        for name, box in (("log", self.log_axis), ("weighted", self.weighted)):
            box.setChecked(bool(remembered.get(name, box.isChecked())))
        if isinstance(plots, list) and set(plots) & set(self.actions_of):
            for name, action in self.actions_of.items():
                action.setChecked(name in plots)

    def _smoothing_changed(self) -> None:
        self._value.setText(f"{self.weight:.2f}")
        self.changed.emit()

    def minimumSizeHint(self) -> QSize:
        """Without the slider's name and value: they are left out where there is little room for them."""
        whole = super().minimumSizeHint()
        shown = [label for label in (self._name, self._value) if not label.isHidden()]
        return QSize(whole.width() - self._width_of(*shown), whole.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        labels = (self._name, self._value)
        room = event.size().width() >= self.minimumSizeHint().width() + self._width_of(*labels)
        for label in labels:
            label.setVisible(room)

    def _width_of(self, *labels: QLabel) -> int:
        return sum(label.sizeHint().width() + self.layout().spacing() for label in labels)

    def _apply_theme(self, theme: Theme) -> None:
        self.plots_button.setIcon(icon("view-grid-outline"))
        self.fit_button.setIcon(icon("fit-to-page-outline"))
        self.export_button.setIcon(icon("export-variant"))

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(8)
        self._name = QLabel("S&moothing")
        self._name.setBuddy(self.smoothing)
        for widget in (self._name, self.smoothing, self._value, self.log_axis, self.weighted):
            row.addWidget(widget)
        row.addStretch()
        row.setSpacing(4)
        for button in (self.plots_button, self.fit_button, self.export_button):
            row.addWidget(button)


def _menu_button(tip: str) -> QToolButton:
    button = QToolButton()
    button.setAutoRaise(True)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
    button.setMenu(QMenu(button))
    return button
