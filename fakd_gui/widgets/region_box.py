"""The geometry of a rectangle that is moved and resized by its handles."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

REACH = 7.0
"""How far from a handle, in screen pixels, the mouse still takes it."""
HANDLE = 6.0


@dataclass(frozen=True)
class Grip:
    """Which sides move: x -1 left, 1 right, 0 neither; y -1 top, 1 bottom. Both 0 moves the whole box."""

    x: int
    y: int

    @property
    def cursor(self) -> Qt.CursorShape:
        if self.x == self.y == 0:
            return Qt.CursorShape.SizeAllCursor
        if not self.x or not self.y:
            return Qt.CursorShape.SizeHorCursor if self.x else Qt.CursorShape.SizeVerCursor
        same = self.x == self.y
        return Qt.CursorShape.SizeFDiagCursor if same else Qt.CursorShape.SizeBDiagCursor


CORNERS_AND_SIDES = tuple(Grip(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if x or y)


def grip_at(box: QRectF, at: QPointF) -> Grip | None:
    """What of `box` lies under `at`, both in view coordinates: a corner, a side, its inside, or nothing."""
    if not box.adjusted(-REACH, -REACH, REACH, REACH).contains(at):
        return None
    # Of a small box the inside stays reachable: a quarter of its sides.
    reach_x, reach_y = min(REACH, box.width() / 4), min(REACH, box.height() / 4)
    x = -1 if at.x() < box.left() + reach_x else 1 if at.x() > box.right() - reach_x else 0
    y = -1 if at.y() < box.top() + reach_y else 1 if at.y() > box.bottom() - reach_y else 0
    return Grip(x, y)


def dragged(box: QRectF, grip: Grip, by: QPointF, scene: QSizeF) -> QRectF:
    """`box` after `grip` was dragged `by` (HR pixels): whole pixels, at least one, inside `scene`."""
    start = snapped(box, scene)
    dx, dy = round(by.x()), round(by.y())
    width, height = int(scene.width()), int(scene.height())
    if grip.x == grip.y == 0:
        left = min(max(0, start.left() + dx), width - start.width())
        top = min(max(0, start.top() + dy), height - start.height())
        return QRectF(left, top, start.width(), start.height())
    left, top = start.left(), start.top()
    right, bottom = left + start.width(), top + start.height()
    if grip.x < 0:
        left = min(max(0, left + dx), right - 1)
    elif grip.x > 0:
        right = max(min(width, right + dx), left + 1)
    if grip.y < 0:
        top = min(max(0, top + dy), bottom - 1)
    elif grip.y > 0:
        bottom = max(min(height, bottom + dy), top + 1)
    return QRectF(left, top, right - left, bottom - top)


def snapped(box: QRectF, scene: QSizeF) -> QRect:
    """The whole HR pixels nearest to `box`, at least one, inside `scene`."""
    width, height = int(scene.width()), int(scene.height())
    left = min(max(0, round(box.left())), width - 1)
    top = min(max(0, round(box.top())), height - 1)
    right = min(max(left + 1, round(box.right())), width)
    bottom = min(max(top + 1, round(box.bottom())), height)
    return QRect(left, top, right - left, bottom - top)


def draw_handles(painter: QPainter, box: QRectF) -> None:
    """Small squares on the corners and sides of `box` (view coordinates), where there is room for them."""
    if min(box.width(), box.height()) < 4 * HANDLE:
        return
    painter.setPen(QPen(QColor(0, 0, 0, 200), 1))
    painter.setBrush(QColor("#ffffff"))
    center = box.center()
    for grip in CORNERS_AND_SIDES:
        x = center.x() + grip.x * box.width() / 2
        y = center.y() + grip.y * box.height() / 2
        painter.drawRect(QRectF(x - HANDLE / 2, y - HANDLE / 2, HANDLE, HANDLE))
    painter.setBrush(Qt.BrushStyle.NoBrush)
