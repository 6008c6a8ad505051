"""The commands that zoom an image, shared by the workspaces with a camera."""

from __future__ import annotations

from PySide6.QtWidgets import QToolBar

from fakd_gui.widgets.actions import ActionTable, Command, Gesture
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_tools import ZoomBox

VIEW_COMMANDS = (
    Command("fit", "Fit", "Show the whole image", keys=("0", "F")),
    Command("full_size", "1:1", "Zoom to 100 %: one HR pixel on one screen pixel; again: fit", keys=("Z",)),
    Command("zoom_in", "Zoom in", "Zoom in at the mouse", keys=("+", "=")),
    Command("zoom_out", "Zoom out", "Zoom out at the mouse", keys=("-",)),
    Command(
        "smooth",
        "Smooth",
        "Interpolate enlarged pixels; off: every pixel is a crisp square",
        keys=("N",),
        checkable=True,
    ),
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
