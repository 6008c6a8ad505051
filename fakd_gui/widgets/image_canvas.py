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
    QSinglePointEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.histogram import draw_histogram
from fakd_gui.widgets.magnifier import draw_magnifier
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.overview import draw_overview, overview_box
from fakd_gui.widgets.region_box import Grip, contrast_pens, drag_grip, draw_handles, grip_at
from fakd_gui.widgets.theme import current_theme

CLICK_RADIUS = 4.0
"""A press that moves less than this (Manhattan distance in screen pixels) is a click."""
ZOOM_PER_NOTCH = 1.25


class Drag(Enum):
    """The effect of dragging. The first three are tools of the left button; the other buttons always pan."""

    PAN = "pan"
    POINT = "point"
    REGION = "region"
    RESIZE = "move or resize the region"
    OVERVIEW = "navigate in the overview"


class ImageCanvas(QWidget):
    """Overlays seen through `camera`: the wheel zooms at the cursor, dragging pans, a double click fits."""

    pointed = Signal(QPointF)
    """The canvas was clicked, or dragged over with `Drag.POINT`: the position in HR pixels."""
    click_undone = Signal()
    """The click turned out to be the first half of a double click: it wasn't meant to point anywhere."""
    region_drawn = Signal()
    """A region was drawn with Shift held, or with `Drag.REGION`."""
    region_edited = Signal(QRectF)
    """The region while it is being drawn, moved or resized; in HR pixels."""
    menu_requested = Signal(QPoint)
    """The canvas was clicked with the right button: the position on the screen."""

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(parent, mouseTracking=True, minimumSize=QSize(60, 40))
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
        self.readout = ""
        """The values under the cursor, which the magnifier shows."""
        self.message = ""
        """Text over the canvas: waiting, progress or an error."""
        self.message_is_error = False
        self.progress: float | None = None
        """Progress bar at the lower edge, 0..1; None hides it."""
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._moved = self._has_pointed = False
        self._dragging = Drag.PAN
        """The effect of the pressed button."""
        self._grip, self._region_before = Grip(0, 0), QRectF()
        """The dragged grip and the region before."""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
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
        background = QColor("#15171a" if theme.dark else "#e4e7eb")
        painter.fillRect(self.rect(), background)
        painter.translate(self._to_whole_pixels(painter.deviceTransform().map(QPointF())))
        self.paint_overlays(painter)
        if self.region is not None:
            self._outline(painter, self.region, *contrast_pens(width=1.2, style=Qt.PenStyle.DashLine))
            if self.region_editable:
                draw_handles(painter, self.camera.snap_rect(self.camera.rect_to_view(self.region)))
        for rect, colour in self.marks:
            self._outline(painter, rect, *contrast_pens(colour, 1.2))
        if self.marker is not None:
            self._outline(painter, self.marker, *contrast_pens(width=1.2))
        self.paint_over(painter)
        if self.camera.histogram_shown and len(self.overlays) == 1:
            draw_histogram(painter, self.camera, self.overlays[0])
        camera = self.camera
        if camera.magnifier.shown and camera.cursor is not None and self.overlays:
            overlays, readout = self.overlays_at_cursor, self.readout
            draw_magnifier(painter, camera, overlays=overlays, readout=readout, background=background)
        else:
            self._draw_cursor(painter)
        if (overview := self._overview()) is not None:
            draw_overview(painter, overview, camera=self.camera, overlays=self.overview_overlays)
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

    @property
    def overview_overlays(self) -> tuple[Overlay, ...]:
        """The overlays that the overview shows."""
        return self.overlays

    @property
    def overlays_at_cursor(self) -> tuple[Overlay, ...]:
        """The overlays that the magnifier shows."""
        return self.overlays

    def _overview(self) -> QRectF | None:
        hidden = self.camera.over is not self or self.camera.magnifier.shown
        if not self.has_overview or not self.overlays or hidden:
            return None
        return overview_box(self.camera)

    def _outline(self, painter: QPainter, rect: QRectF, *pens: QPen) -> None:
        """Outline `rect` (HR pixels), however small it is."""
        view = self.camera.rect_to_view(rect)
        if view.width() < 9:
            center = view.center()
            view = QRectF(center.x() - 4.5, center.y() - 4.5, 9, 9)
        view = self.camera.snap_rect(view)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in pens:
            painter.setPen(pen)
            painter.drawRect(view)

    def _draw_cursor(self, painter: QPainter) -> None:
        """Draw a cross at the cursor of a linked pane, with a gap so that the pixel stays visible."""
        cursor = self.camera.cursor
        if cursor is None or self.camera.over is self or not self.overlays:
            return
        at = self.camera.snap(self.camera.to_view(cursor))
        for pen in contrast_pens():
            painter.setPen(pen)
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

    def _to_whole_pixels(self, corner: QPointF) -> QPointF:
        """The move that puts a canvas with its `corner` there (physical pixels) on a whole one.

        At a scaling of 125 % a widget may begin between two screen pixels. View coordinates begin on one.
        """
        ratio = self.camera.pixel_ratio
        return self.camera.snap(corner / ratio) - corner / ratio

    def mouse_position(self, event: QSinglePointEvent) -> QPointF:
        """The mouse position of `event` in view coordinates."""
        corner = QPointF(self.mapTo(self.window(), QPointF())) * self.camera.pixel_ratio
        return event.position() - self._to_whole_pixels(corner)

    def resizeEvent(self, event: QEvent) -> None:
        if self.isVisible():
            self.camera.set_viewport(self.size(), self.devicePixelRatioF())

    def showEvent(self, event: QEvent) -> None:
        self.camera.set_viewport(self.size(), self.devicePixelRatioF())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A wheel zooms or adjusts the magnifier, two fingers on a touchpad pan; with Ctrl both zoom."""
        # Qt turns the wheel sideways on a Mac while Shift is held, and everywhere while Alt is.
        turned = event.angleDelta().y() or event.angleDelta().x()
        notches = event.angleDelta().y() / 120
        is_touchpad = event.phase() is not Qt.ScrollPhase.NoScrollPhase
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if is_touchpad and not control:
            self.camera.pan(QPointF(event.pixelDelta()))
        elif self.camera.magnifier.shown and not control:
            resize = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.camera.step_magnifier((turned > 0) - (turned < 0), resize)
        elif notches:
            self.camera.zoom_to(self.camera.zoom * ZOOM_PER_NOTCH**notches, self.mouse_position(event))
        event.accept()

    def event(self, event: QEvent) -> bool:
        pinch = Qt.NativeGestureType.ZoomNativeGesture
        if isinstance(event, QNativeGestureEvent) and event.gestureType() is pinch:
            self.camera.zoom_to(self.camera.zoom * (1 + event.value()), self.mouse_position(event))
            return True
        if event.type() is QEvent.Type.DevicePixelRatioChange and self.isVisible():
            self.camera.set_viewport(self.size(), self.devicePixelRatioF())
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self._last = self.mouse_position(event)
        self._moved = self._has_pointed = False
        self._dragging = self._choose_drag(event)
        if self._dragging in (Drag.POINT, Drag.OVERVIEW):
            self._drag_to(self._pressed)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position, scene = self.mouse_position(event), self.camera.scene
        at = self.camera.to_scene(position + QPointF(0.5, 0.5) / self.camera.pixel_ratio)
        inside = 0 <= at.x() < scene.width() and 0 <= at.y() < scene.height()
        self.camera.set_cursor(at if inside else None, self)
        if self._pressed is None:
            self._update_cursor(position)
            return
        if not self._moved and (position - self._pressed).manhattanLength() < CLICK_RADIUS:
            return
        self._moved = True
        self._drag_to(position)
        self._last = position

    def _drag_to(self, position: QPointF) -> None:
        camera = self.camera
        start, end = camera.to_scene(self._pressed), camera.to_scene(position)
        match self._dragging:
            case Drag.REGION:
                self._set_region(QRectF(start, end).normalized())
            case Drag.RESIZE:
                box = drag_grip(self._region_before, self._grip, by=end - start, scene=camera.scene)
                self._set_region(box)
            case Drag.POINT:
                self._point(end)
            case Drag.OVERVIEW:
                if (box := overview_box(camera)) is not None:
                    camera.look_at((position - box.topLeft()) * (camera.scene.width() / box.width()))
            case Drag.PAN:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                camera.pan_override_used = True
                camera.pan(position - self._last)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.unsetCursor()
        if self._pressed is None:
            return  # The end of a double click.
        clicked = None if self._moved else event.button()
        if self._dragging is Drag.REGION and self._moved and self.region is not None:
            self.region_drawn.emit()
        elif clicked is Qt.MouseButton.RightButton:
            self.menu_requested.emit(event.globalPosition().toPoint())
        elif (
            clicked is Qt.MouseButton.LeftButton
            and self.drag is not Drag.POINT
            and self._dragging is not Drag.OVERVIEW
        ):
            self._point(self.camera.to_scene(self.mouse_position(event)))
        self._pressed = None

    def _point(self, position: QPointF) -> None:
        self._has_pointed = True
        self.pointed.emit(position)

    def _choose_drag(self, event: QMouseEvent) -> Drag:
        """The effect of a press of this button at this position with these modifiers."""
        overview = self._overview()
        if event.button() is not Qt.MouseButton.LeftButton or self.camera.pan_override:
            return Drag.PAN
        if overview is not None and overview.contains(self.mouse_position(event)):
            return Drag.OVERVIEW
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            return Drag.REGION
        if (grip := self._grip_at(self.mouse_position(event))) is not None:
            self._grip, self._region_before = grip, self.region
            return Drag.RESIZE
        return self.drag

    def _grip_at(self, position: QPointF) -> Grip | None:
        if not self.region_editable or self.region is None:
            return None
        return grip_at(self.camera.rect_to_view(self.region), position)

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

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            self.mousePressEvent(event)
            return
        self._pressed = None
        self.camera.fit()
        if self._has_pointed:
            self.click_undone.emit()

    def leaveEvent(self, event: QEvent) -> None:
        self.camera.set_cursor(None)
