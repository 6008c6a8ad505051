"""The chosen pair of results on the whole screen, split by a divider, and nothing else."""

from __future__ import annotations

from PySide6.QtCore import QMargins, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fakd_gui.compare.canvases import DIVIDER_STEP, SplitCanvas
from fakd_gui.compare.panes import swap_sides
from fakd_gui.compare.state import CompareState
from fakd_gui.widgets.actions import ActionTable, Command
from fakd_gui.widgets.camera import Camera

COMMANDS = (
    Command("close", "Leave the whole screen", keys=("Esc", "P")),
    Command("swap", "Swap the sides", keys=("X",)),
    Command("divider_back", "Move the divider left or up", keys=("[", "Left", "Up")),
    Command("divider_forward", "Move the divider right or down", keys=("]", "Right", "Down")),
)


class Presentation(QWidget):
    """A full screen window with a camera of its own; Esc closes it and X swaps the sides."""

    def __init__(self, state: CompareState, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        # Shortcuts are those of the window that has the focus.
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFocus()
        self.setWindowTitle(state.title("split"))
        self._state = state
        self.split = state.split
        self.camera = Camera(self)
        self.camera.set_scene(int(state.camera.scene.width()), int(state.camera.scene.height()))
        self.camera.set_smooth(state.camera.smooth)
        self.camera.set_tone(state.camera.tone)
        self.canvas = SplitCanvas(self.camera, self)
        QVBoxLayout(self, contentsMargins=QMargins()).addWidget(self.canvas)
        self.actions = ActionTable("The pair on the whole screen", COMMANDS, self)
        self.actions.on("close", self.close)
        self.actions.on("swap", self._swap)
        self.actions.on("divider_back", lambda: self._move_divider(-DIVIDER_STEP))
        self.actions.on("divider_forward", lambda: self._move_divider(DIVIDER_STEP))
        state.reported.connect(self._show)
        # Another image or other panes: the pair may be gone.
        state.image_changed.connect(self.close)
        self._show()

    def _show(self) -> None:
        """Show the pair as far as its results are there."""
        state, split = self._state, self.split
        sides = [state.results[key].overlay for key in (split.a, split.b) if key in state.results]
        ready = len(sides) == 2
        self.canvas.names, self.canvas.vertical = (state.label(split.a), state.label(split.b)), split.vertical
        self.canvas.set_overlays(*(sides if ready else []))
        self.canvas.set_message("" if ready else "Appears when both are ready")

    def _move_divider(self, by: float) -> None:
        self.canvas.move_divider(self.canvas.position + by)

    def _swap(self) -> None:
        self.split = swap_sides(self.split)
        self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.actions.handle(event):
            super().keyPressEvent(event)
