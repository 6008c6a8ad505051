"""Time opening a 24-megapixel image in Compare, and each frame while it is panned.

    python -m benchmarks.viewer          (offscreen, unless QT_QPA_PLATFORM says otherwise)

A frame is the image drawn again after the image moved by a few pixels, on the CPU as Qt's raster engine
does. The same is timed for the whole QImage in a QGraphicsView, Qt's own way of showing one. Sixty frames a
second leave 16.7 ms for each. Opening is timed the second time, and once more in seconds of the processor,
which other programs don't lengthen.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QEventLoop, QPointF, Qt, QTimer
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QApplication, QGraphicsPixmapItem, QGraphicsScene, QGraphicsView, QWidget

from benchmarks.measure import result
from fakd_core.events import Image8
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import qimage_from_array
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.theme import apply_theme

WIDTH, HEIGHT = 6000, 4000
VIEW = (1280, 720)
STEPS = 60
SECONDS_TO_OPEN = 1.5
FRAME_MS = 1000 / 60


def photograph() -> Image8:
    """24 megapixels with the detail of a photograph, so that decoding is realistic."""
    from skimage import data

    tile = data.astronaut()
    image = np.tile(tile, (HEIGHT // 512 + 1, WIDTH // 512 + 1, 1))[:HEIGHT, :WIDTH]
    shade = np.linspace(0.6, 1.0, WIDTH, dtype=np.float32)[None, :, None]
    return (image * shade).astype(np.uint8)


def opening(path: Path) -> tuple[float, float, float, ComparePanel]:
    """Seconds until the HR pane shows `path`, CPU seconds, and the window's longest stall."""
    session = Session(runs_root=path.parent / "runs")
    panel = ComparePanel(session)
    panel.resize(1280, 800)
    panel.show()
    wait(lambda: panel.isVisible(), 1)
    gaps, last = [0.0], time.perf_counter()

    def tick() -> None:
        nonlocal last
        gaps.append(time.perf_counter() - last)
        last = time.perf_counter()

    timer = QTimer(panel, interval=1)
    timer.timeout.connect(tick)
    timer.start()
    worked = time.process_time()
    started = last = time.perf_counter()
    session.open_image(path)
    wait(lambda: "HR" in panel.board.panes and bool(panel.board.panes["HR"].canvas.overlays), 60)
    panel.board.panes["HR"].canvas.repaint()
    took = time.perf_counter() - started
    worked = time.process_time() - worked
    timer.stop()
    return took, worked, max(gaps), panel


def wait(holds: Callable[[], bool], seconds: float) -> None:
    """Run the event loop until `holds`."""
    loop, end = QEventLoop(), time.perf_counter() + seconds
    timer = QTimer(interval=1)
    timer.timeout.connect(lambda: loop.quit() if holds() or time.perf_counter() > end else None)
    timer.start()
    loop.exec()


def frames(widget: QWidget, step: Callable[[int], object]) -> float:
    """Median time of a frame in ms, while `step` moves the picture."""
    times = []
    # Nothing is painted before the window system has shown it.
    wait(lambda: False, 0.1)
    for number in range(STEPS):
        started = time.perf_counter()
        step(number)
        widget.repaint()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def canvas_frames(panel: ComparePanel, zoom: float) -> float:
    overlay = panel.board.panes["HR"].canvas.overlays[0]
    camera = Camera()
    canvas = ImageCanvas(camera)
    canvas.resize(*VIEW)
    canvas.show()
    camera.set_scene(WIDTH, HEIGHT)
    canvas.set_overlays(overlay)
    camera.zoom_to(zoom, camera.middle)
    took = frames(canvas, lambda number: camera.pan(QPointF(-7, -3 if number % 2 else 3)))
    canvas.hide()
    return took


def graphics_view_frames(image: QImage, zoom: float) -> float:
    view = QGraphicsView()
    view.setFrameShape(QGraphicsView.Shape.NoFrame)
    scene = QGraphicsScene(view)
    item = QGraphicsPixmapItem(QPixmap.fromImage(image))
    if zoom < 1:
        item.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
    scene.addItem(item)
    view.setScene(scene)
    view.resize(*VIEW)
    view.scale(zoom, zoom)
    view.show()
    bar = view.horizontalScrollBar()
    took = frames(view.viewport(), lambda number: bar.setValue(bar.value() + 7))
    view.hide()
    return took


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication([])
    apply_theme(app)
    pixels = photograph()
    image = qimage_from_array(pixels)
    with tempfile.TemporaryDirectory() as folder:
        for suffix, options in (("jpg", {"quality": 92}), ("png", {"compress_level": 3})):
            path = Path(folder) / f"large.{suffix}"
            Image.fromarray(pixels).save(path, **options)
            # Warm-up: fresh memory is slow on a virtual machine.
            done(opening(path)[-1])
            took, worked, stall, panel = opening(path)
            result(
                f"24 MP {suffix.upper()} opened in Compare (decoded, reduced by 4, ready to zoom)",
                f"<= {SECONDS_TO_OPEN} s",
                f"{took:.2f} s, {worked:.2f} s of the processor; longest stall {1000 * stall:.0f} ms",
            )
            if suffix == "png":
                pan(panel, image)
            done(panel)


def done(panel: ComparePanel) -> None:
    stop_all(panel)
    stop_all(panel.session)
    panel.close()
    panel.deleteLater()


def pan(panel: ComparePanel, image: QImage) -> None:
    for zoom in (0.2, 0.37, 0.75, 1.0, 2.5, 8.0):
        ours, view = canvas_frames(panel, zoom), graphics_view_frames(image, zoom)
        result(
            f"A frame of {VIEW[0]}x{VIEW[1]} of the 24 MP image at {100 * zoom:.0f} %",
            f"<= {FRAME_MS:.1f} ms",
            f"{ours:.1f} ms; {view / ours:.1f} times as fast as a QGraphicsView ({view:.1f} ms)",
        )


if __name__ == "__main__":
    sys.exit(main())
