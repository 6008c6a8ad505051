"""Controls above the plots: smoothing, axis, weights, which plots are shown, and exports."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QMenu, QSlider, QToolButton, QWidget

from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.state import PLOTS, TrainState
from fakd_gui.widgets.actions import follow_action
from fakd_gui.widgets.theme import Theme, follow_theme, icon


class PlotTools(QWidget):
    """A row of controls."""

    def __init__(self, state: TrainState, commands: TrainCommands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setMinimumWidth(30)
        self.smoothing.setMaximumWidth(110)
        self.smoothing.setToolTip("Smoothing: weight of the past in the moving average, 0 to 0.99")
        self.smoothing.setAccessibleName("Smoothing")
        self._value = QLabel()
        self.log_axis, self.weighted = QCheckBox("&Log axis"), QCheckBox("&Weighted")
        follow_action(self.log_axis, commands["log_axis"])
        follow_action(self.weighted, commands["weighted"])
        self.plots_button = _menu_button("Which plots are shown, if there is room")
        self.plot_actions = {name: self.plots_button.menu().addAction(name) for name in PLOTS}
        for action in self.plot_actions.values():
            action.setCheckable(True)
            action.triggered.connect(self._choose_plots)
        self.fit_button = QToolButton()
        self.fit_button.setDefaultAction(commands["fit"])
        self.fit_button.setAutoRaise(True)
        self.export_button = _menu_button("Export the curves")
        for kind in ("csv", "png", "svg"):
            self.export_button.menu().addAction(commands[f"export_{kind}"])
        self._lay_out()
        self.smoothing.valueChanged.connect(lambda value: state.change_curves(smoothing=value))
        state.curves_changed.connect(self._refresh)
        follow_theme(self, self._apply_theme)
        self._refresh()

    def _refresh(self) -> None:
        curves = self._state.curves
        self.smoothing.setValue(curves.smoothing)
        self._value.setText(f"{curves.smoothing / 100:.2f}")
        for name, action in self.plot_actions.items():
            action.setChecked(name in curves.plots)

    def _choose_plots(self) -> None:
        chosen = [name for name, action in self.plot_actions.items() if action.isChecked()]
        self._state.change_curves(plots=tuple(chosen))

    def minimumSizeHint(self) -> QSize:
        """Without the slider's name and value, which are hidden if there is little room."""
        whole = super().minimumSizeHint()
        shown = [label for label in (self._name, self._value) if not label.isHidden()]
        return QSize(whole.width() - self._width_of(*shown), whole.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        labels = (self._name, self._value)
        has_room = event.size().width() >= self.minimumSizeHint().width() + self._width_of(*labels)
        for label in labels:
            label.setVisible(has_room)

    def _width_of(self, *labels: QLabel) -> int:
        return sum(label.sizeHint().width() + self.layout().spacing() for label in labels)

    def _apply_theme(self, theme: Theme) -> None:
        self.plots_button.setIcon(icon("view-grid-outline"))
        self.export_button.setIcon(icon("export-variant"))

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(4)
        self._name = QLabel("S&moothing")
        self._name.setBuddy(self.smoothing)
        for widget in (self._name, self.smoothing, self._value, self.log_axis, self.weighted):
            row.addWidget(widget)
        row.addStretch()
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
