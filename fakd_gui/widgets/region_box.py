"""A rectangle that is moved and resized by its handles, and pens that are visible on any image."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from PySide6.QtCore import QPointF, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

GRAB_DISTANCE = 7.0
"""Maximum distance in screen pixels at which the mouse grabs a handle."""
HANDLE_SIDE = 6.0


def contrast_pens(
    colour: str = "#ffffff", width: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine
) -> tuple[QPen, QPen]:
    """A dark, wide pen and one in `colour` to draw over it."""
    return QPen(QColor(0, 0, 0, 200), 3), QPen(QColor(colour), width, style)


@dataclass(frozen=True)
class Grip:
    """The sides that move: x is -1 for left, 1 for right, 0 for neither; y is -1 for top, 1 for bottom.

    With both 0 the whole box moves.
    """

    x: int
    y: int

    @property
    def cursor(self) -> Qt.CursorShape:
        if self.x == self.y == 0:
            return Qt.CursorShape.SizeAllCursor
        if not self.x or not self.y:
            return Qt.CursorShape.SizeHorCursor if self.x else Qt.CursorShape.SizeVerCursor
        return Qt.CursorShape.SizeFDiagCursor if self.x == self.y else Qt.CursorShape.SizeBDiagCursor


def grip_at(box: QRectF, at: QPointF) -> Grip | None:
    """The corner, side or inside of `box` under `at`, both in view coordinates; None outside."""
    if not box.adjusted(-GRAB_DISTANCE, -GRAB_DISTANCE, GRAB_DISTANCE, GRAB_DISTANCE).contains(at):
        return None
    # In a small box the middle half stays free, so that the whole box can be moved.
    reach_x, reach_y = min(GRAB_DISTANCE, box.width() / 4), min(GRAB_DISTANCE, box.height() / 4)
    x = (at.x() > box.right() - reach_x) - (at.x() < box.left() + reach_x)
    y = (at.y() > box.bottom() - reach_y) - (at.y() < box.top() + reach_y)
    return Grip(x, y)


def drag_grip(box: QRectF, grip: Grip, *, by: QPointF, scene: QSizeF) -> QRectF:
    """`box` with `grip` dragged `by` HR pixels, rounded to whole pixels inside `scene`, at least 1x1."""
    left, top, width, height = snap_to_pixels(box, scene).getRect()
    right, bottom = left + width, top + height
    dx, dy, max_x, max_y = round(by.x()), round(by.y()), int(scene.width()), int(scene.height())
    if grip.x == grip.y == 0:
        left, top = min(max(0, left + dx), max_x - width), min(max(0, top + dy), max_y - height)
        return QRectF(left, top, width, height)
    if grip.x < 0:
        left = min(max(0, left + dx), right - 1)
    elif grip.x > 0:
        right = max(min(max_x, right + dx), left + 1)
    if grip.y < 0:
        top = min(max(0, top + dy), bottom - 1)
    elif grip.y > 0:
        bottom = max(min(max_y, bottom + dy), top + 1)
    return QRectF(left, top, right - left, bottom - top)


def snap_to_pixels(box: QRectF, scene: QSizeF) -> QRect:
    """Round `box` to whole HR pixels inside `scene`, at least 1x1."""
    width, height = int(scene.width()), int(scene.height())
    left = min(max(0, round(box.left())), width - 1)
    top = min(max(0, round(box.top())), height - 1)
    right = min(max(left + 1, round(box.right())), width)
    bottom = min(max(top + 1, round(box.bottom())), height)
    return QRect(left, top, right - left, bottom - top)


def draw_handles(painter: QPainter, box: QRectF) -> None:
    """Draw small squares on the corners and sides of `box` (view coordinates) if there is room for them."""
    if min(box.width(), box.height()) < 4 * HANDLE_SIDE:
        return
    painter.setPen(QPen(QColor(0, 0, 0, 200), 1))
    painter.setBrush(QColor("#ffffff"))
    handle = QRectF(0, 0, HANDLE_SIDE, HANDLE_SIDE)
    xs = box.left(), box.center().x(), box.right()
    ys = box.top(), box.center().y(), box.bottom()
    for x, y in product(xs, ys):
        if QPointF(x, y) != box.center():
            handle.moveCenter(QPointF(x, y))
            painter.drawRect(handle)
    painter.setBrush(Qt.BrushStyle.NoBrush)
