"""Which LR pixel is asked about: the one that was chosen, or in hover mode the one under the mouse."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, Signal

Pixel = tuple[int, int]
"""(y, x) in LR pixels."""

STEP = 8
"""Pixels that the arrow keys move with Shift."""
ARROWS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


class Query(QObject):
    """`pinned` was clicked, dragged or moved to; `hovered` follows the mouse and shows while it is there."""

    pinned_changed = Signal(int, int)
    shown_changed = Signal()
    """Emitted once for however many moves arrived together: only the last is worth drawing."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pinned: Pixel = (0, 0)
        self.hovered: Pixel | None = None
        self.hovering = False
        self.expected: Pixel | None = None
        """Where the next image is asked about, instead of in its middle."""
        self._size = (1, 1)
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self.shown_changed)

    @property
    def shown(self) -> Pixel:
        return self.pinned if self.hovered is None else self.hovered

    def set_image(self, height: int, width: int) -> None:
        """Another image: ask about its middle, or about the pixel `expected` once."""
        self._size = (height, width)
        self.hovered = None
        self.pinned = self._inside(*(self.expected or (height // 2, width // 2)))
        self.expected = None

    def pin(self, y: int, x: int) -> None:
        """Ask about (y, x), moved into the image where it lies outside."""
        self.pinned = self._inside(y, x)
        if self.hovered is not None:
            self.hovered = self.pinned
        self.pinned_changed.emit(*self.pinned)
        self._soon.start()

    def step(self, key: Qt.Key, far: bool) -> None:
        """Move by an arrow key."""
        dy, dx = ARROWS[key]
        by = STEP if far else 1
        self.hovered = None
        self.pin(self.pinned[0] + by * dy, self.pinned[1] + by * dx)

    def hover(self, at: Pixel | None) -> None:
        """The mouse is over `at`, or has left the maps."""
        at = at if self.hovering else None
        if at != self.hovered:
            self.hovered = at
            self._soon.start()

    def set_hovering(self, on: bool) -> None:
        self.hovering = on
        self.hover(None)

    def ask_again(self) -> None:
        """`shown_changed` follows: what it is computed from changed."""
        self._soon.start()

    def _inside(self, y: int, x: int) -> Pixel:
        height, width = self._size
        return min(max(0, y), height - 1), min(max(0, x), width - 1)
