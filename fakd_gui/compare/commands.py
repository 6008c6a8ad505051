"""What Compare's keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QKeyEvent

from fakd_gui.compare.split import SplitCanvas
from fakd_gui.widgets.image_tools import VIEW_KEYS, navigate
from fakd_gui.widgets.pane_grid import FlipKeys
from fakd_gui.widgets.region_box import Grip, drag_grip

if TYPE_CHECKING:
    from fakd_gui.compare.panel import ComparePanel

KEYS = (
    ("1 … 9", "one pane alone, while held or until Esc"),
    ("Space, B", "flip back and forth between the last two"),
    ("Space + drag", "move the image, whatever dragging does else"),
    *VIEW_KEYS,
    ("S, D", "split pane, difference pane"),
    ("[, ]", "move the divider of the split"),
    ("X", "swap the sides of the split and of the difference"),
    ("R, Shift + drag", "draw a region; its handles resize it"),
    ("arrows", "move the region by 1 px, with Shift by 10"),
    ("Ctrl + arrows", "resize the region by 1 px"),
    ("Page up, Page down", "previous, next image; arrows too, without a region"),
    ("C", "copy the colour under the mouse, as #rrggbb"),
    ("Ctrl+C", "copy the image of the pane under the mouse"),
    ("Del", "close the pane under the mouse"),
    ("Esc", "all panes; then no region"),
)
ARROWS = {
    Qt.Key.Key_Left: QPointF(-1, 0),
    Qt.Key.Key_Right: QPointF(1, 0),
    Qt.Key.Key_Up: QPointF(0, -1),
    Qt.Key.Key_Down: QPointF(0, 1),
}
FAR = 10
DIVIDER_STEP = 0.02


class CompareKeys:
    """Feed it the panel's key events; it says whether it used them."""

    def __init__(self, panel: ComparePanel) -> None:
        self._panel = panel
        self._flip = FlipKeys(panel.board.grid)

    def press(self, event: QKeyEvent) -> bool:
        panel, key = self._panel, event.key()
        if panel.session.image is None:
            return False
        if key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                panel.camera.pan_override, panel.camera.pan_override_used = True, False
            return True
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            return self._with_control(event)
        return (
            self._flip.press(event) or self._arrow(event) or self._command(key) or navigate(panel.camera, key)
        )

    def release(self, event: QKeyEvent) -> bool:
        camera = self._panel.camera
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            if camera.pan_override and not camera.pan_override_used:
                self._panel.board.grid.flip()
            camera.pan_override = False
            return True
        return self._flip.release(event)

    def _with_control(self, event: QKeyEvent) -> bool:
        panel = self._panel
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if control and event.key() == Qt.Key.Key_C:
            key = panel.board.key_at_mouse
            if key is not None:
                panel.exporter.copy(key)
            return True
        if control and event.key() in ARROWS and panel.region is not None:
            return self._arrow(event)
        return False

    def _arrow(self, event: QKeyEvent) -> bool:
        panel, key = self._panel, event.key()
        if key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            return panel.strip.go(1 if key == Qt.Key.Key_PageDown else -1) or panel.strip.isVisible()
        if key not in ARROWS:
            return False
        by = ARROWS[Qt.Key(key)]
        if panel.region is None:
            forward = by.x() + by.y() > 0
            return panel.strip.go(1 if forward else -1) or panel.strip.isVisible()
        modifiers = event.modifiers()
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            by = by * FAR
        sizing = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        grip = Grip(int(by.x() != 0), int(by.y() != 0)) if sizing else Grip(0, 0)
        box = panel.region
        old = QRectF(box.left, box.top, box.width, box.height)
        panel.set_region(drag_grip(old, grip, by, panel.camera.scene))
        return True

    def _command(self, key: int) -> bool:
        panel = self._panel
        if key == Qt.Key.Key_S:
            panel.split_action.trigger()
        elif key == Qt.Key.Key_D:
            panel.difference_action.trigger()
        elif key == Qt.Key.Key_R:
            panel.region_action.trigger()
        elif key == Qt.Key.Key_C:
            panel.copy_colour()
        elif key == Qt.Key.Key_X:
            self._swap()
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self._slide(DIVIDER_STEP if key == Qt.Key.Key_BracketRight else -DIVIDER_STEP)
        elif key == Qt.Key.Key_Delete:
            found = panel.board.key_at_mouse
            if found is not None:
                panel.panes.close(found)
        elif key == Qt.Key.Key_Menu:
            panel.ask_pane_menu()
        elif key == Qt.Key.Key_Escape and panel.region is not None:
            panel.set_region(None)
        else:
            return False
        return True

    def _swap(self) -> None:
        panel = self._panel
        if panel.board.pane_set.split is not None:
            panel.split_bar.swap()
        if panel.board.pane_set.difference is not None:
            panel.difference_bar.swap()

    def _slide(self, by: float) -> None:
        for pane in self._panel.board.panes.values():
            if isinstance(pane.canvas, SplitCanvas):
                pane.canvas.move_divider(pane.canvas.position + by)
