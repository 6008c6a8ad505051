"""The commands that zoom an image, and the box with the zoom, for every workspace with a camera."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QToolBar, QWidget

from fakd_gui.widgets.actions import ActionTable, Command, Gesture
from fakd_gui.widgets.camera import Camera

SMOOTH_TIP = "Interpolate enlarged pixels; off: every pixel is a crisp square"
VIEW_COMMANDS = (
    Command("fit", "Fit", "Show the whole image", keys=("0", "F")),
    Command("full_size", "1:1", "Zoom to 100 %: one HR pixel on one screen pixel; again: fit", keys=("Z",)),
    Command("zoom_in", "Zoom in", "Zoom in at the mouse", keys=("+", "=")),
    Command("zoom_out", "Zoom out", "Zoom out at the mouse", keys=("-",)),
    Command("smooth", "Smooth", SMOOTH_TIP, keys=("N",), checkable=True),
)
VIEW_GESTURES = (Gesture("Wheel", "zoom at the mouse"), Gesture("Double click", "show the whole image"))


def connect_view_commands(actions: ActionTable, camera: Camera) -> None:
    """Let the `VIEW_COMMANDS` of `actions` act on `camera`."""
    actions.on("fit", camera.fit)
    actions.on("full_size", lambda: camera.toggle_full_size(camera.anchor))
    actions.on("zoom_in", lambda: camera.step(1, camera.anchor))
    actions.on("zoom_out", lambda: camera.step(-1, camera.anchor))
    smooth = actions["smooth"]
    smooth.setChecked(camera.smooth)
    actions.on("smooth", lambda: camera.set_smooth(smooth.isChecked()))
    camera.changed.connect(lambda: smooth.setChecked(camera.smooth))


def add_view_tools(bar: QToolBar, actions: ActionTable, camera: Camera) -> None:
    """Add the `VIEW_COMMANDS` of `actions` to a tool bar, and the zoom to read or type."""
    bar.addAction(actions["fit"])
    bar.addAction(actions["full_size"])
    bar.addWidget(ZoomBox(camera, bar))
    bar.addAction(actions["smooth"])


class ZoomBox(QComboBox):
    """Shows the zoom in percent, to choose or type another."""

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(
            parent,
            editable=True,
            insertPolicy=QComboBox.InsertPolicy.NoInsert,
            accessibleName="Zoom in percent",
            toolTip="Zoom in percent: 100 % shows one HR pixel on one screen pixel",
        )
        self._camera = camera
        self.setCompleter(None)
        self.addItems([f"{percent} %" for percent in (25, 50, 100, 200, 400, 800, 1600)])
        edit = self.lineEdit()
        edit.setAcceptDrops(False)
        edit.setMaxLength(9)
        self.setFixedWidth(self.fontMetrics().horizontalAdvance("6400 %") + 44)
        edit.returnPressed.connect(lambda: self._take(edit.text()))
        self.textActivated.connect(self._choose)
        self.setCurrentIndex(-1)
        edit.editingFinished.connect(self._show)
        camera.changed.connect(self._show)
        self._show()

    def _choose(self, text: str) -> None:
        # Qt also emits the field's text when the field loses the focus.
        if self.findText(text) >= 0:
            self._take(text)

    def _take(self, text: str) -> None:
        """Zoom to the percentage in `text`; other text changes nothing."""
        found = re.search(r"\d+(?:[.,]\d+)?", text)
        if found and (percent := float(found[0].replace(",", "."))) > 0:
            self._camera.set_percent(percent)
        # With a current item, Return in the field would choose that item again.
        self.setCurrentIndex(-1)
        self._show()
        # The next keys are for the image again: the focus returns to the workspace.
        panel = self.parentWidget()
        while panel is not None and panel.focusPolicy() is not Qt.FocusPolicy.StrongFocus:
            panel = panel.parentWidget()
        if panel is not None:
            panel.setFocus()

    def _show(self) -> None:
        edit = self.lineEdit()
        if not (edit.hasFocus() and edit.isModified()):
            percent = self._camera.percent
            edit.setText(f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %")
