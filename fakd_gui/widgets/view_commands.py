"""The commands that zoom an image, and the box with the zoom, for every workspace with a camera."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QMenu, QToolBar, QWidget

from fakd_gui.widgets.actions import ActionTable, Command, Gesture
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_tools import menu_button

SMOOTH_TIP = "Interpolate enlarged pixels; off: every pixel is a crisp square"
MAGNIFIER_TIP = (
    "Enlarge the pixels at the mouse in every pane\n"
    "The wheel changes its factor, with Shift its size; with Ctrl it zooms the image."
)
VIEW_COMMANDS = (
    Command("fit", "Fit", "Show the whole image", keys=("0", "F")),
    Command("full_size", "1:1", "Zoom to 100 %: one HR pixel on one screen pixel; again: fit", keys=("Z",)),
    Command("zoom_in", "Zoom in", "Zoom in at the mouse", keys=("+", "=")),
    Command("zoom_out", "Zoom out", "Zoom out at the mouse", keys=("-",)),
    Command("smooth", "Smooth", SMOOTH_TIP, keys=("N",), checkable=True),
    Command("magnifier", "Magnifier", MAGNIFIER_TIP, keys=("L",), icon="magnify", checkable=True),
    Command("hide_magnifier", "Hide the magnifier", keys=("Esc",), unfocused=True),
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
    magnifier = actions["magnifier"]
    actions.on("magnifier", lambda: camera.show_magnifier(magnifier.isChecked()))
    camera.changed.connect(lambda: smooth.setChecked(camera.smooth))
    actions.on("hide_magnifier", lambda: camera.show_magnifier(False))

    def follow_magnifier() -> None:
        magnifier.setChecked(camera.magnifier.shown)
        actions["hide_magnifier"].setEnabled(camera.magnifier.shown)

    camera.changed.connect(follow_magnifier)
    follow_magnifier()


def add_view_tools(bar: QToolBar, actions: ActionTable, camera: Camera) -> None:
    """Add the `VIEW_COMMANDS` of `actions` to a tool bar, and the zoom to read or type."""
    bar.addAction(actions["fit"])
    bar.addAction(actions["full_size"])
    bar.addWidget(ZoomBox(camera, bar))
    bar.addAction(actions["smooth"])


def add_view_menu(bar: QToolBar, actions: ActionTable, *groups: tuple[str, ...]) -> QMenu:
    """Add a menu of the commands that change how the panes are looked at, in groups."""
    menu = QMenu("View", bar, toolTipsVisible=True)
    for names in (("magnifier",), *groups):
        menu.addActions([actions[name] for name in names])
        menu.addSeparator()
    menu_button(bar, "View", menu, icon_name="eye-outline", tip="Magnifier, blink and more")
    return menu


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
