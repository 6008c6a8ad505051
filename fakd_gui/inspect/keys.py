"""The inspector's keys."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from fakd_gui.inspect.layout import InspectLayout
from fakd_gui.inspect.query import ARROWS, STEP
from fakd_gui.widgets.image_tools import VIEW_KEYS, navigate
from fakd_gui.widgets.pane_grid import FlipKeys

KEYS = (
    ("Click, drag", "choose the pixel"),
    ("Arrow keys", f"move the pixel; with Shift by {STEP}"),
    ("H", "hover: the pixel under the mouse, without a click"),
    ("Page up, Page down", "next or previous layer"),
    ("Shift+drag", "draw a region"),
    ("M", "matrix of the region"),
    ("[, ]", "previous or next checkpoint of the run"),
    ("T", "follow the training"),
    ("1 … 9, Esc", "one pane alone (hold or press); all panes"),
    ("B", "flip between the two panes shown alone last"),
    ("Ctrl+C", "copy the panes as a picture"),
    *VIEW_KEYS,
)


class InspectKeys:
    """Feed it the panel's key events; it says whether it used them."""

    def __init__(self, panel: InspectLayout, copy: Callable[[], None]) -> None:
        self._panel = panel
        self._copy = copy
        self._flip = {False: FlipKeys(panel.board.grid), True: FlipKeys(panel.matrix.grid)}

    def press(self, event: QKeyEvent) -> bool:
        panel, key = self._panel, Qt.Key(event.key())
        controls, timeline = panel.controls, panel.timeline
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        elif self._flip[controls.matrix.isChecked()].press(event):
            pass
        elif key in ARROWS:
            panel.asked.step(key, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            controls.choose_layer(controls.layer + (1 if key == Qt.Key.Key_PageUp else -1))
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            timeline.move(1 if key == Qt.Key.Key_BracketRight else -1)
        elif key == Qt.Key.Key_H:
            controls.hover.toggle()
        elif key == Qt.Key.Key_M or (key == Qt.Key.Key_Escape and controls.matrix.isChecked()):
            controls.matrix.toggle()
        elif key == Qt.Key.Key_T:
            timeline.set_following(not timeline.following)
        else:
            return navigate(panel.camera, key)
        return True

    def release(self, event: QKeyEvent) -> bool:
        return self._flip[self._panel.controls.matrix.isChecked()].release(event)
