"""The drawing surface of a pane: overlays seen through a shared camera, navigated with the mouse."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.overview import draw_overview, overview_box, scene_position
from fakd_gui.widgets.region_box import Grip, drag_grip, draw_handles, grip_at
from fakd_gui.widgets.theme import current_theme

CLICK_RADIUS = 4.0
"""A press that moves less than this (Manhattan distance in screen pixels) is a click."""
ZOOM_PER_NOTCH = 1.25


class Drag(Enum):
    """The tool of the left button; the middle and right buttons always pan."""

    PAN = "pan"
    POINT = "point"
    REGION = "region"


class _Press(Enum):
    """The effect of the pressed button until it is released."""

    PAN = "pan"
    POINT = "point"
    DRAW = "draw a region"
    EDIT = "edit the region"
    OVERVIEW = "navigate in the overview"


class ImageCanvas(QWidget):
    """Overlays seen through `camera`: the wheel zooms at the cursor, dragging pans, a double click fits."""

    pointed = Signal(QPointF)
    """The canvas was clicked, or dragged over with `Drag.POINT`: the position in HR pixels."""
    region_drawn = Signal(QRectF)
    """A rectangle was drawn with Shift held, or with `Drag.REGION`; in HR pixels."""
    region_edited = Signal(QRectF)
    """The region while it is being drawn, moved or resized; in HR pixels."""
    menu_requested = Signal(QPoint)
    """The canvas was clicked with the right button: the position on the screen."""

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.camera = camera
        self.drag = Drag.PAN
        self.overlays: tuple[Overlay, ...] = ()
        self.marker: QRectF | None = None
        """An outlined cell (the inspected position), in HR pixels."""
        self.region: QRectF | None = None
        self.marks: tuple[tuple[QRectF, str], ...] = ()
        """More outlined cells in HR pixels, each with its colour."""
        self.region_editable = False
        """True if the mouse can move and resize the region."""
        self.has_overview = False
        """True to show the whole image in a corner while only a part of it is visible."""
        self.message = ""
        """Text over the canvas: waiting, progress or an error."""
        self.message_is_error = False
        self.progress: float | None = None
        """Progress bar at the lower edge, 0..1; None hides it."""
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._moved = False
        self._press = _Press.PAN
        self._grip: tuple[Grip, QRectF] | None = None
        """The dragged grip and the region before."""
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(60, 40)
        camera.changed.connect(self.update)
        camera.cursor_changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(240, 180)

    def set_overlays(self, *overlays: Overlay) -> None:
        """Draw `overlays`, the first at the bottom."""
        self.overlays = overlays
        self.update()

    def set_message(self, message: str, error: bool = False, progress: float | None = None) -> None:
        """Show `message` over the overlays (empty: none) and `progress` (0..1) below it."""
        self.message, self.message_is_error, self.progress = message, error, progress
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = current_theme()
        painter.fillRect(self.rect(), QColor("#15171a" if theme.dark else "#e4e7eb"))
        self.paint_overlays(painter)
        if self.region is not None:
            self._outline(painter, self.region, style=Qt.PenStyle.DashLine)
            if self.region_editable:
                draw_handles(painter, self._view_rect(self.region))
        for rect, colour in self.marks:
            self._outline(painter, rect, colour=colour)
        if self.marker is not None:
            self._outline(painter, self.marker)
        self.paint_over(painter)
        self._draw_cursor(painter)
        overview = self._overview()
        if overview is not None:
            draw_overview(painter, overview, camera=self.camera, overlays=self.overlays)
        if self.message:
            self._draw_message(painter)
        if self.progress is not None:
            width = self.width() * min(1.0, max(0.0, self.progress))
            painter.fillRect(QRectF(0, self.height() - 3, width, 3), QColor(theme.accent))

    def paint_overlays(self, painter: QPainter) -> None:
        """Draw the overlays, below everything else."""
        for overlay in self.overlays:
            overlay.draw(painter, self.camera)

    def paint_over(self, painter: QPainter) -> None:
        """Draw over the overlays, the region and the marks; for subclasses."""

    def _view_rect(self, rect: QRectF) -> QRectF:
        return QRectF(self.camera.to_view(rect.topLeft()), self.camera.to_view(rect.bottomRight()))

    def _overview(self) -> QRectF | None:
        if not self.has_overview or not self.overlays or self.camera.over is not self:
            return None
        return overview_box(self.camera)

    def _outline(
        self,
        painter: QPainter,
        rect: QRectF,
        *,
        style: Qt.PenStyle = Qt.PenStyle.SolidLine,
        colour: str = "#ffffff",
    ) -> None:
        """Draw a double line, dark and light, which is visible on any image."""
        view = self._view_rect(rect)
        if view.width() < 9:
            center = view.center()
            view = QRectF(center.x() - 4.5, center.y() - 4.5, 9, 9)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 200), 3))
        painter.drawRect(view)
        painter.setPen(QPen(QColor(colour), 1.2, style))
        painter.drawRect(view)

    def _draw_cursor(self, painter: QPainter) -> None:
        """Draw a cross at the cursor of a linked pane, with a gap so that the pixel stays visible."""
        cursor = self.camera.cursor
        if cursor is None or self.camera.over is self or not self.overlays:
            return
        at = self.camera.to_view(cursor)
        for colour, width in ((QColor(0, 0, 0, 170), 3.0), (QColor("#ffffff"), 1.0)):
            painter.setPen(QPen(colour, width))
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                painter.drawLine(at + QPointF(4 * dx, 4 * dy), at + QPointF(10 * dx, 10 * dy))

    def _draw_message(self, painter: QPainter) -> None:
        theme = current_theme()
        painter.setFont(self.font())
        area = QRectF(self.rect()).adjusted(12, 8, -12, -8)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        box = painter.boundingRect(area, flags, self.message).adjusted(-8, -5, 8, 5)
        if self.overlays:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.panel))
            painter.setOpacity(0.88)
            painter.drawRoundedRect(box, 5, 5)
            painter.setOpacity(1)
        colour = theme.text if self.overlays else theme.muted
        painter.setPen(QColor(theme.bad if self.message_is_error else colour))
        painter.drawText(area, flags, self.message)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self.isVisible():
            self.camera.set_viewport(event.size(), self.devicePixelRatioF())

    def showEvent(self, event: QEvent) -> None:
        self.camera.set_viewport(self.size(), self.devicePixelRatioF())

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / 120
        if notches:
            self.camera.zoom_to(self.camera.zoom * ZOOM_PER_NOTCH**notches, event.position())
        event.accept()

    def event(self, event: QEvent) -> bool:
        pinch = Qt.NativeGestureType.ZoomNativeGesture
        if isinstance(event, QNativeGestureEvent) and event.gestureType() is pinch:
            self.camera.zoom_to(self.camera.zoom * (1 + event.value()), event.position())
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self._last = event.position()
        self._moved = False
        self._press = self._press_for(event)
        if self._press is _Press.POINT:
            self.pointed.emit(self.camera.to_scene(event.position()))
        elif self._press is _Press.OVERVIEW:
            self._navigate_overview(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        self.camera.set_cursor(self._clip_to_image(self.camera.to_scene(position)), self)
        if self._pressed is None:
            self._update_cursor(position)
            return
        if not self._moved and (position - self._pressed).manhattanLength() < CLICK_RADIUS:
            return
        self._moved = True
        start, end = self.camera.to_scene(self._pressed), self.camera.to_scene(position)
        if self._press is _Press.DRAW:
            self._set_region(QRectF(start, end).normalized())
        elif self._press is _Press.EDIT and self._grip is not None:
            grip, before = self._grip
            self._set_region(drag_grip(before, grip, by=end - start, scene=self.camera.scene))
        elif self._press is _Press.POINT:
            self.pointed.emit(end)
        elif self._press is _Press.OVERVIEW:
            self._navigate_overview(position)
        else:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.camera.pan_override_used = True
            self.camera.pan(position - self._last)
        self._last = position

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.unsetCursor()
        if self._press is _Press.DRAW and self._moved and self.region is not None:
            self.region_drawn.emit(self.region)
        elif not self._moved and event.button() is Qt.MouseButton.RightButton:
            self.menu_requested.emit(event.globalPosition().toPoint())
        elif (
            not self._moved
            and event.button() is Qt.MouseButton.LeftButton
            and self.drag is not Drag.POINT
            and self._press is not _Press.OVERVIEW
        ):
            self.pointed.emit(self.camera.to_scene(event.position()))
        self._pressed = None
        self._grip = None

    def _press_for(self, event: QMouseEvent) -> _Press:
        """The effect of a press of this button at this position with these modifiers."""
        overview = self._overview()
        if event.button() is not Qt.MouseButton.LeftButton or self.camera.pan_override:
            return _Press.PAN
        if overview is not None and overview.contains(event.position()):
            return _Press.OVERVIEW
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            return _Press.DRAW
        grip = self._grip_at(event.position())
        if grip is not None and self.region is not None:
            self._grip = (grip, self.region)
            return _Press.EDIT
        return {Drag.POINT: _Press.POINT, Drag.REGION: _Press.DRAW}.get(self.drag, _Press.PAN)

    def _grip_at(self, position: QPointF) -> Grip | None:
        if not self.region_editable or self.region is None:
            return None
        return grip_at(self._view_rect(self.region), position)

    def _update_cursor(self, position: QPointF) -> None:
        """Show by the mouse cursor what dragging would do."""
        grip = self._grip_at(position)
        if grip is not None and not self.camera.pan_override:
            self.setCursor(grip.cursor)
        elif self.drag is Drag.REGION:
            self.setCursor(Qt.CursorShape.CrossCursor)
        else:
            self.unsetCursor()

    def _set_region(self, region: QRectF) -> None:
        self.region = region
        self.update()
        self.region_edited.emit(region)

    def _navigate_overview(self, position: QPointF) -> None:
        overview = overview_box(self.camera)
        if overview is not None:
            self.camera.look_at(scene_position(self.camera, overview, position))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.camera.fit()

    def leaveEvent(self, event: QEvent) -> None:
        self.camera.set_cursor(None)

    def _clip_to_image(self, position: QPointF) -> QPointF | None:
        scene = self.camera.scene
        inside = 0 <= position.x() < scene.width() and 0 <= position.y() < scene.height()
        return position if inside else None
