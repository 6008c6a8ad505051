"""The bar and the commands that set channels, exposure and gamma of all linked panes."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QMargins, QSignalBlocker
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QWidget

from fakd_gui.widgets.actions import ActionTable, Command, follow_action
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.tone import MAX_GAMMA, MAX_STOPS, MIN_GAMMA, Channel, Tone

STOPS_STEP, GAMMA_STEP = 0.5, 0.1
TONE_TIP = (
    "Channels, exposure, gamma and histogram of all panes\nScores, copies and files never contain them."
)
TONE_COMMANDS = (
    Command("tone", "Tone", TONE_TIP, keys=("T",), checkable=True),
    Command("next_channel", "Next channel", "Show R, G, B, luma alone, or RGB again", keys=("K",)),
    Command("expose_more", "Expose more", f"Brighten all panes by {STOPS_STEP} stops", keys=("E",)),
    Command("expose_less", "Expose less", f"Darken all panes by {STOPS_STEP} stops", keys=("Shift+E",)),
    Command("raise_gamma", "Raise gamma", f"Raise the gamma by {GAMMA_STEP}: lifts shadows", keys=("G",)),
    Command("lower_gamma", "Lower gamma", f"Lower the gamma by {GAMMA_STEP}", keys=("Shift+G",)),
    Command("reset_tone", "Reset the tone", "Reset channels, exposure and gamma", keys=("A",)),
    Command("histogram", "Histogram", "Histogram of the visible part", keys=("H",), checkable=True),
)
CHANNEL_NAMES = {
    Channel.RGB: "RGB",
    Channel.RED: "R only",
    Channel.GREEN: "G only",
    Channel.BLUE: "B only",
    Channel.LUMA: "Y (luma)",
}


def connect_tone(actions: ActionTable, camera: Camera) -> None:
    """Let the `TONE_COMMANDS` of `actions`, except for 'tone', act on `camera`."""

    def change(stops: float = 0.0, gamma: float = 0.0) -> None:
        tone = camera.tone
        stops = min(max(tone.stops + stops, -MAX_STOPS), MAX_STOPS)
        gamma = min(max(round(tone.gamma + gamma, 1), MIN_GAMMA), MAX_GAMMA)
        camera.set_tone(replace(tone, stops=stops, gamma=gamma))

    def next_channel() -> None:
        channels = list(Channel)
        place = channels.index(camera.tone.channel) + 1
        camera.set_tone(replace(camera.tone, channel=channels[place % len(channels)]))

    def follow() -> None:
        actions["reset_tone"].setEnabled(not camera.tone.is_neutral)
        actions["histogram"].setChecked(camera.histogram_shown)

    actions.on("next_channel", next_channel)
    for name, stops, gamma in (
        ("expose_more", STOPS_STEP, 0.0),
        ("expose_less", -STOPS_STEP, 0.0),
        ("raise_gamma", 0.0, GAMMA_STEP),
        ("lower_gamma", 0.0, -GAMMA_STEP),
    ):
        actions.on(name, lambda stops=stops, gamma=gamma: change(stops, gamma))
    actions.on("reset_tone", lambda: camera.set_tone(Tone()))
    actions.on("histogram", lambda: camera.show_histogram(actions["histogram"].isChecked()))
    camera.changed.connect(follow)
    follow()


class ToneBar(QWidget):
    """Shows the tone of `camera`, to choose another."""

    def __init__(self, actions: ActionTable, camera: Camera) -> None:
        super().__init__()
        self._camera = camera
        self.channel = QComboBox(accessibleName="Channel")
        for channel, name in CHANNEL_NAMES.items():
            self.channel.addItem(name, channel)
        self.stops = _spin_box("Exposure in stops", -MAX_STOPS, MAX_STOPS, STOPS_STEP)
        self.stops.setSuffix(" EV")
        self.gamma = _spin_box("Gamma", MIN_GAMMA, MAX_GAMMA, GAMMA_STEP)
        self.histogram = QCheckBox("Histogram")
        self.reset = QPushButton("Reset")
        follow_action(self.histogram, actions["histogram"])
        self.histogram.clicked.connect(camera.show_histogram)
        follow_action(self.reset, actions["reset_tone"])
        row = QHBoxLayout(self, contentsMargins=QMargins())
        for part in (
            *(QLabel("Tone"), self.channel, QLabel("Exposure"), self.stops, QLabel("Gamma"), self.gamma),
            *(self.reset, self.histogram),
        ):
            row.addWidget(part)
        row.addStretch()
        self.channel.currentIndexChanged.connect(self._choose)
        self.stops.valueChanged.connect(self._choose)
        self.gamma.valueChanged.connect(self._choose)
        camera.changed.connect(self._show)
        self._show()

    def _choose(self) -> None:
        stops, gamma = self.stops.value(), self.gamma.value()
        self._camera.set_tone(Tone(self.channel.currentData(), stops, gamma))

    def _show(self) -> None:
        tone = self._camera.tone
        with QSignalBlocker(self.channel), QSignalBlocker(self.stops), QSignalBlocker(self.gamma):
            self.channel.setCurrentIndex(self.channel.findData(tone.channel))
            self.stops.setValue(tone.stops)
            self.gamma.setValue(tone.gamma)


def _spin_box(name: str, minimum: float, maximum: float, step: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox(
        accessibleName=name, toolTip=name, minimum=minimum, maximum=maximum, singleStep=step, decimals=1
    )
    box.setKeyboardTracking(False)
    return box
