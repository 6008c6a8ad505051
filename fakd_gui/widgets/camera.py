"""What part of an image is seen, and how large: one camera shared by every pane that must stay linked."""

from __future__ import annotations

import math

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, QSizeF, Signal

MAX_ZOOM = 64.0


class Camera(QObject):
    """Position and zoom in HR pixels, y down. Panes hold no view state: they can't drift apart.

    `zoom` is logical screen pixels per HR pixel; `viewport` is the size every linked pane has.
    """

    changed = Signal()
    cursor_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.scene = QSizeF(1, 1)
        self.viewport = QSizeF(1, 1)
        self.pixel_ratio = 1.0
        self.center = QPointF(0.5, 0.5)
        self.zoom = 1.0
        self.fitted = True
        self.smooth = False
        self.cursor: QPointF | None = None

    def set_scene(self, width: int, height: int) -> None:
        """Show an image of `width` x `height` HR pixels; another size than before is fitted anew."""
        scene = QSizeF(max(1, width), max(1, height))
        if scene != self.scene:
            self.scene = scene
            self.fit()
            # Where the cursor was may lie outside the new image; the next move of the mouse tells.
            self.set_cursor(None)

    def set_viewport(self, size: QSize, pixel_ratio: float = 1.0) -> None:
        viewport = QSizeF(max(1, size.width()), max(1, size.height()))
        if viewport == self.viewport and pixel_ratio == self.pixel_ratio:
            return
        self.viewport = viewport
        self.pixel_ratio = pixel_ratio
        if self.fitted:
            self.fit()
        else:
            self._settle()

    def set_smooth(self, smooth: bool) -> None:
        """Interpolate enlarged pixels; reduced images are always averaged, else they would alias."""
        self.smooth = smooth
        self.changed.emit()

    def set_cursor(self, position: QPointF | None) -> None:
        """The position under the mouse in HR pixels; None when it left the image."""
        self.cursor = position
        self.cursor_changed.emit()

    @property
    def fit_zoom(self) -> float:
        return min(
            self.viewport.width() / self.scene.width(), self.viewport.height() / self.scene.height(), MAX_ZOOM
        )

    def fit(self) -> None:
        self.zoom = self.fit_zoom
        self.center = QPointF(self.scene.width() / 2, self.scene.height() / 2)
        self.fitted = True
        self.changed.emit()

    def set_percent(self, percent: float) -> None:
        """100 % shows one HR pixel on one pixel of the screen, whatever the screen's density."""
        self.zoom_to(percent / 100 / self.pixel_ratio, self.middle)

    @property
    def middle(self) -> QPointF:
        """The middle of the view, in view coordinates."""
        return QPointF(self.viewport.width() / 2, self.viewport.height() / 2)

    @property
    def percent(self) -> float:
        return self.zoom * self.pixel_ratio * 100

    def zoom_to(self, zoom: float, anchor: QPointF) -> None:
        """Set the zoom so that what lies under `anchor` (view coordinates) stays there."""
        held = self.to_scene(anchor)
        smallest = min(self.fit_zoom, 1 / self.pixel_ratio) / 2
        self.zoom = min(max(zoom, smallest), MAX_ZOOM)
        moved = self.to_scene(anchor)
        self.center = self.center + held - moved
        self.fitted = False
        self._settle()

    def pan(self, view_delta: QPointF) -> None:
        """Move the image by `view_delta` logical screen pixels."""
        self.center = self.center - view_delta / self.zoom
        self.fitted = False
        self._settle()

    def show_region(self, region: QRectF) -> None:
        """Fit `region` (HR pixels) into the view."""
        self.zoom = min(
            self.viewport.width() / max(1.0, region.width()),
            self.viewport.height() / max(1.0, region.height()),
            MAX_ZOOM,
        )
        self.center = region.center()
        self.fitted = False
        self._settle()

    def origin(self) -> QPointF:
        """The image's top left corner in the view: on a whole pixel of the screen, for crisp edges."""
        ratio = self.pixel_ratio
        x = self.viewport.width() / 2 - self.center.x() * self.zoom
        y = self.viewport.height() / 2 - self.center.y() * self.zoom
        return QPointF(math.floor(x * ratio + 0.5) / ratio, math.floor(y * ratio + 0.5) / ratio)

    def to_scene(self, view: QPointF) -> QPointF:
        return (view - self.origin()) / self.zoom

    def to_view(self, scene: QPointF) -> QPointF:
        return scene * self.zoom + self.origin()

    def visible(self) -> QRectF:
        """The HR rectangle that a pane shows; it may reach beyond the image."""
        top_left = self.to_scene(QPointF(0, 0))
        return QRectF(top_left, self.viewport / self.zoom)

    def _settle(self) -> None:
        """Keep some of the image in the view: the centre never leaves it."""
        x = min(max(self.center.x(), 0.0), self.scene.width())
        y = min(max(self.center.y(), 0.0), self.scene.height())
        self.center = QPointF(x, y)
        self.changed.emit()
