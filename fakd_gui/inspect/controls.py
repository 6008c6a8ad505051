"""The controls above the maps: layer, picture, opacity and modes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QMargins, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QSlider, QToolButton, QWidget

from fakd_core.evaluation.features import FeatureMaps, tap_title
from fakd_core.models.spec import TAP_COUNT
from fakd_gui.inspect.state import PICTURES, InspectState
from fakd_gui.widgets.actions import ActionTable
from fakd_gui.widgets.elided_label import ElidedLabel
from fakd_gui.widgets.snap_slider import SnapSlider


def action_button(action: QAction) -> QToolButton:
    """A button that leaves the focus, and with it the arrow keys, to the maps."""
    button = QToolButton(
        toolButtonStyle=Qt.ToolButtonStyle.ToolButtonTextBesideIcon,
        accessibleName=action.text().replace("&", ""),
        focusPolicy=Qt.FocusPolicy.TabFocus,
    )
    button.setDefaultAction(action)
    return button


def combo_box(name: str, tip: str, *, min_characters: int = 0) -> QComboBox:
    """A choice that leaves the focus to the maps; with `min_characters` it may be narrower than its items."""
    combo = QComboBox(accessibleName=name, toolTip=tip, focusPolicy=Qt.FocusPolicy.TabFocus)
    if min_characters:
        combo.setMinimumContentsLength(min_characters)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo


class InspectControls(QWidget):
    """Shows and changes the state; `style_tools` (picture and opacity) are to be placed in a tool bar."""

    def __init__(self, state: InspectState, actions: ActionTable) -> None:
        super().__init__()
        self._state = state
        self._titles: Sequence[str] = ("head", "1", "2", "body")
        self.layer_slider = SnapSlider("Layer")
        self.layer_slider.setRange(0, TAP_COUNT - 1)
        self.layer_slider.setFixedWidth(110)
        self.layer_slider.valueChanged.connect(state.set_layer)
        self.layer_name = ElidedLabel()
        self.hover, self.matrix = action_button(actions["hover"]), action_button(actions["matrix"])
        layout = QHBoxLayout(self, contentsMargins=QMargins())
        layout.addWidget(QLabel("Layer"))
        layout.addWidget(self.layer_slider)
        layout.addWidget(self.layer_name, 1)
        for widget in (self.hover, self.matrix):
            layout.addWidget(widget)
        self.style_tools = self._make_style_tools()
        state.layer_changed.connect(lambda _: self._show_state())
        state.style_changed.connect(self._show_state)
        self._show_state()

    def _make_style_tools(self) -> QWidget:
        state = self._state
        self.picture_choice = combo_box(
            "Picture under the maps",
            "The picture under the maps: low resolution (the pixels that are compared),\n"
            "a model's output, or the ground truth",
        )
        self.picture_choice.addItems([f"Picture: {picture}" for picture in PICTURES])
        self.picture_choice.activated.connect(lambda index: state.set_style(picture=PICTURES[index]))
        self.opacity_slider = QSlider(
            Qt.Orientation.Horizontal,
            minimum=0,
            maximum=100,
            focusPolicy=Qt.FocusPolicy.TabFocus,
            accessibleName="Opacity of the maps in percent",
            toolTip="Opacity of the maps over the image, in percent",
            valueChanged=lambda percent: state.set_style(opacity=percent),
        )
        self.opacity_slider.setFixedWidth(72)
        tools = QWidget()
        tools.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        layout = QHBoxLayout(tools, contentsMargins=QMargins())
        for widget in (self.picture_choice, QLabel("Opacity"), self.opacity_slider):
            layout.addWidget(widget)
        return tools

    def name_layers(self, features: Mapping[str, FeatureMaps]) -> None:
        """Name the layers as the first model does; the tooltip has the names by model."""
        titles = {
            self._state.label(ref): [tap_title(maps.spec, layer) for layer in range(TAP_COUNT)]
            for ref, maps in features.items()
        }
        self._titles = next(iter(titles.values()), self._titles)
        lines = ["The feature tap whose affinities are shown (Page up, Page down)"]
        for model, taps in titles.items():
            lines.append(f"{model}: " + ", ".join(f"{layer} {title}" for layer, title in enumerate(taps)))
        for widget in (self.layer_slider, self.layer_name):
            widget.setToolTip("\n".join(lines))
        self._show_state()

    def _show_state(self) -> None:
        state = self._state
        self.layer_slider.setValue(state.layer)
        self.layer_name.setText(f"{state.layer} · {self._titles[state.layer]}")
        self.picture_choice.setCurrentIndex(PICTURES.index(state.style.picture))
        self.opacity_slider.setValue(state.style.opacity)
