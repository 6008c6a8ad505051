"""The visible part of an image and its zoom: one camera, shared by all linked panes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, QSizeF, Signal

from fakd_gui.widgets.tone import Tone

MAX_ZOOM = 64.0
STEPS = (
    *(5, 6.25, 8, 12.5, 17, 25, 33, 50, 67, 100),
    *(150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200, 6400),
)
"""Percentages that the zoom steps through."""
MAGNIFIER_FACTORS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
"""Screen pixels per HR pixel."""
MAGNIFIER_SIDES = (80, 120, 160, 220, 300, 400)
"""Sides of the square in logical screen pixels."""


@dataclass
class Magnifier:
    """The magnifier of all panes that share a camera."""

    shown: bool = False
    factor: int = 8
    side: int = 160


def _step(values: tuple[int, ...], value: int, direction: int) -> int:
    pairs = dict(pairwise(values if direction > 0 else values[::-1]))
    return pairs.get(value, value)


class Camera(QObject):
    """Position and zoom in HR pixels, y down. Panes hold no view state, so they can't drift apart.

    `zoom` is in logical screen pixels per HR pixel; `viewport` is the size of every linked pane.
    """

    changed = Signal()
    cursor_changed = Signal()
    tone_changed = Signal()

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
        self.over: object = None
        """The canvas under the mouse."""
        self.pan_override = False
        """While True, the left button pans, whatever tool is active."""
        self.pan_override_used = False
        self.magnifier = Magnifier()
        self.tone = Tone()
        self.histogram_shown = False

    def linked(self, viewport: QSizeF) -> Camera:
        """Another camera on the same image and screen, for a view of this size inside a pane."""
        other = Camera()
        other.scene, other.viewport, other.pixel_ratio = self.scene, viewport, self.pixel_ratio
        other.tone = self.tone
        return other

    def set_scene(self, width: int, height: int, keep_view: bool = False) -> None:
        """Show an image of `width` x `height` HR pixels; a new size is fitted into the view.

        With `keep_view` the zoom and the relative position are kept instead.
        """
        scene = QSizeF(max(1, width), max(1, height))
        if scene == self.scene:
            return
        before, self.scene = self.scene, scene
        if keep_view and not self.fitted:
            x, y = self.center.x() / before.width(), self.center.y() / before.height()
            self.look_at(QPointF(x * scene.width(), y * scene.height()))
        else:
            self.fit()
        # The old position may lie outside the new image; the next mouse move sets it.
        self.set_cursor(None)

    def set_viewport(self, size: QSize, pixel_ratio: float = 1.0) -> None:
        """Follow the size of the panes and the screen; on another screen the percentage stays."""
        viewport = QSizeF(max(1, size.width()), max(1, size.height()))
        if viewport == self.viewport and pixel_ratio == self.pixel_ratio:
            return
        self.zoom *= self.pixel_ratio / pixel_ratio
        self.viewport, self.pixel_ratio = viewport, pixel_ratio
        if self.fitted:
            self.fit()
        else:
            self.look_at(self.center)

    def set_smooth(self, smooth: bool) -> None:
        """Interpolate enlarged pixels. Reduced images are always averaged, as they would alias otherwise."""
        self.smooth = smooth
        self.changed.emit()

    def show_magnifier(self, shown: bool) -> None:
        """Show or hide the magnifier at the cursor of every pane."""
        self.magnifier.shown = shown
        self.changed.emit()

    def step_magnifier(self, direction: int, resize: bool) -> None:
        """Let the magnifier magnify more (1) or less (-1), or with `resize` be larger or smaller."""
        name, values = ("side", MAGNIFIER_SIDES) if resize else ("factor", MAGNIFIER_FACTORS)
        setattr(self.magnifier, name, _step(values, getattr(self.magnifier, name), direction))
        self.changed.emit()

    def set_tone(self, tone: Tone) -> None:
        """Show all images in `tone`."""
        if tone != self.tone:
            self.tone = tone
            self.tone_changed.emit()
            self.changed.emit()

    def show_histogram(self, shown: bool) -> None:
        """Show or hide the histogram of the visible part in every pane."""
        self.histogram_shown = shown
        self.changed.emit()

    def set_cursor(self, position: QPointF | None, over: object = None) -> None:
        """Set the position under the mouse in HR pixels (None: outside the image) and its canvas."""
        self.cursor, self.over = position, over
        self.cursor_changed.emit()

    @property
    def fit_zoom(self) -> float:
        return min(
            self.viewport.width() / self.scene.width(), self.viewport.height() / self.scene.height(), MAX_ZOOM
        )

    def fit(self) -> None:
        """Show the whole image, also after the view is resized."""
        self.zoom = self.fit_zoom
        self.center = QPointF(self.scene.width() / 2, self.scene.height() / 2)
        self.fitted = True
        self.changed.emit()

    def set_percent(self, percent: float) -> None:
        """Zoom to `percent`; 100 % shows one HR pixel on one physical screen pixel."""
        self.zoom_to(percent / 100 / self.pixel_ratio, self.middle)

    def step(self, direction: int, anchor: QPointF) -> None:
        """Zoom to the next larger (1) or smaller (-1) round percentage; the point under `anchor` stays."""
        if direction > 0:
            percent = next((step for step in STEPS if step > self.percent * 1.01), STEPS[-1])
        else:
            percent = next((step for step in reversed(STEPS) if step < self.percent * 0.99), STEPS[0])
        self.zoom_to(percent / 100 / self.pixel_ratio, anchor)

    def toggle_full_size(self, anchor: QPointF) -> None:
        """Zoom to 100 %, or show the whole image if it is at 100 % already."""
        if abs(self.percent - 100) < 0.5:
            self.fit()
        else:
            self.zoom_to(1 / self.pixel_ratio, anchor)

    def look_at(self, position: QPointF) -> None:
        """Centre the view on `position` (HR pixels), but inside the image, so that some stays visible."""
        x = min(max(position.x(), 0.0), self.scene.width())
        y = min(max(position.y(), 0.0), self.scene.height())
        self.center = QPointF(x, y)
        self.fitted = False
        self.changed.emit()

    @property
    def anchor(self) -> QPointF:
        """The point that keyboard zooming keeps in place (view coordinates): the mouse, else the middle."""
        return self.middle if self.cursor is None else self.to_view(self.cursor)

    @property
    def middle(self) -> QPointF:
        """The middle of the view (view coordinates)."""
        return QPointF(self.viewport.width() / 2, self.viewport.height() / 2)

    @property
    def percent(self) -> float:
        """The zoom in percent of physical screen pixels."""
        return self.zoom * self.pixel_ratio * 100

    def zoom_to(self, zoom: float, anchor: QPointF) -> None:
        """Set the zoom; the point under `anchor` (view coordinates) stays there."""
        before = self.to_scene(anchor)
        min_zoom = min(self.fit_zoom, 1 / self.pixel_ratio) / 8
        self.zoom = min(max(zoom, min_zoom), MAX_ZOOM)
        self.look_at(self.center + before - self.to_scene(anchor))

    def pan(self, view_delta: QPointF) -> None:
        """Move the image by `view_delta` logical screen pixels."""
        self.look_at(self.center - view_delta / self.zoom)

    def origin(self) -> QPointF:
        """The image's top left corner (view coordinates), on a whole screen pixel for crisp edges."""
        return self.snap(self.middle - self.center * self.zoom)

    def snap(self, view: QPointF) -> QPointF:
        """The corner of a physical screen pixel that is nearest to `view` (view coordinates)."""
        at = view * self.pixel_ratio
        return QPointF(math.floor(at.x() + 0.5), math.floor(at.y() + 0.5)) / self.pixel_ratio

    def snap_rect(self, view: QRectF) -> QRectF:
        """`view` with its sides on whole screen pixels."""
        return QRectF(self.snap(view.topLeft()), self.snap(view.bottomRight()))

    def to_scene(self, view: QPointF) -> QPointF:
        return (view - self.origin()) / self.zoom

    def to_view(self, scene: QPointF) -> QPointF:
        return scene * self.zoom + self.origin()

    def rect_to_view(self, scene: QRectF) -> QRectF:
        return QRectF(self.to_view(scene.topLeft()), self.to_view(scene.bottomRight()))

    def visible(self) -> QRectF:
        """The rectangle in HR pixels that a pane shows; it may extend beyond the image."""
        return QRectF(self.to_scene(QPointF()), self.viewport / self.zoom)
