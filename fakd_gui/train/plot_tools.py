"""Controls above the plots: smoothing, axis, weights, which plots are shown, and exports."""

from __future__ import annotations

from PySide6.QtCore import QMargins, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.state import PLOTS, TrainState
from fakd_gui.widgets.actions import follow_action
from fakd_gui.widgets.image_tools import icon_button


class PlotTools(QWidget):
    """A row of controls."""

    def __init__(self, state: TrainState, commands: TrainCommands) -> None:
        super().__init__()
        self._state = state
        self.smoothing = QSlider(
            Qt.Orientation.Horizontal,
            maximum=99,
            minimumWidth=30,
            maximumWidth=110,
            toolTip="Smoothing: weight of the past in the moving average, 0 to 0.99",
            accessibleName="Smoothing",
        )
        self._name, self._value = QLabel("S&moothing"), QLabel()
        self._name.setBuddy(self.smoothing)
        self.log_axis, self.weighted = QCheckBox("&Log axis"), QCheckBox("&Weighted")
        follow_action(self.log_axis, commands["log_axis"])
        follow_action(self.weighted, commands["weighted"])
        plots = icon_button(
            "view-grid-outline", "Which plots are shown, if there is room", opens_menu=True, autoRaise=True
        )
        self.plot_actions = {name: plots.menu().addAction(name) for name in PLOTS}
        for action in self.plot_actions.values():
            action.setCheckable(True)
            action.triggered.connect(self._choose_plots)
        fit = QToolButton(autoRaise=True)
        fit.setDefaultAction(commands["fit"])
        export = icon_button("export-variant", "Export the curves", opens_menu=True, autoRaise=True)
        export.menu().addActions([commands[f"export_{kind}"] for kind in ("csv", "png", "svg")])
        row = QHBoxLayout(self, contentsMargins=QMargins(4, 0, 4, 0), spacing=4)
        for widget in (self._name, self.smoothing, self._value, self.log_axis, self.weighted):
            row.addWidget(widget)
        row.addStretch()
        for button in (plots, fit, export):
            row.addWidget(button)
        self.smoothing.valueChanged.connect(lambda value: state.change_curves(smoothing=value))
        state.curves_changed.connect(self._refresh)
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
