"""The histogram of the visible part of an image, in a corner of its pane."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.overlays import Overlay

BINS = 64
SIZE, MARGIN = QSizeF(2 * BINS, 48), 8
COLOURS = {3: ("#ff5555", "#55dd66", "#5599ff"), 1: ("#ffffff",)}
"""By number of channels."""


def draw_histogram(painter: QPainter, camera: Camera, overlay: Overlay) -> None:
    """Draw it at the lower left, if there is room: one step per four levels, heights as square roots."""
    if camera.viewport.width() < SIZE.width() + 2 * MARGIN or camera.viewport.height() < 2 * SIZE.height():
        return
    shares = overlay.histogram(camera)
    if shares is None:
        return
    box = QRectF(QPointF(MARGIN, camera.viewport.height() - SIZE.height() - MARGIN), SIZE)
    painter.save()
    painter.fillRect(box, QColor(0, 0, 0, 170))
    painter.setPen(Qt.PenStyle.NoPen)
    # Channels that coincide add up to white.
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Plus)
    # Shadows hold few pixels: the square root shows them beside a tall peak.
    # What is clipped at black or white doesn't set the scale.
    bins = shares.reshape(len(shares), BINS, -1).sum(axis=2)
    peak = bins[:, 1:-1].max() or bins.max()
    heights = np.sqrt(np.minimum(1, bins / peak)) * (box.height() - 4)
    for channel, colour in zip(heights, COLOURS[len(heights)], strict=True):
        fill = QColor(colour)
        fill.setAlpha(150)
        painter.setBrush(fill)
        tops = [box.bottom() - height for height in channel]
        steps = [QPointF(box.left() + 2 * number, top) for number, top in enumerate(tops)]
        outline = [QPointF(box.left(), box.bottom()), steps[0]]
        for before, after in pairwise(steps):
            outline += [QPointF(after.x(), before.y()), after]
        outline += [QPointF(box.right(), tops[-1]), box.bottomRight()]
        painter.drawPolygon(QPolygonF(outline))
    painter.restore()
