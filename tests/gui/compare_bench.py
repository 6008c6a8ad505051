"""A Compare panel with small networks for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from small_models import Bench, make_bench

from fakd_core.data.image_files import write_image
from fakd_core.events import Image8
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.session.jobs import stop_all
from fakd_gui.widgets.convert import array_from_qimage

Opened = tuple[Bench, ComparePanel]


@contextmanager
def comparing(tmp_path: Path, qtbot: QtBot) -> Iterator[Opened]:
    """A panel with a session of its own; no image is open."""
    bench = make_bench(tmp_path)
    panel = ComparePanel(bench.session)
    # Qt aborts the program if a widget is deleted before its threads end.
    qtbot.addWidget(panel, before_close_func=stop_all)
    panel.resize(900, 600)
    with qtbot.waitActive(panel):
        panel.show()
        panel.activateWindow()
    panel.setFocus()
    yield bench, panel
    stop_all(bench.session)


def open_and_wait(panel: ComparePanel, path: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.finished):
        panel.session.open_image(path)


def box_of(panel: ComparePanel) -> tuple[int, int, int, int]:
    """Left, top, width and height of the region in HR pixels."""
    assert panel.state.region is not None
    return (
        panel.state.region.left,
        panel.state.region.top,
        panel.state.region.width,
        panel.state.region.height,
    )


def stamp(height: int = 64, width: int = 96) -> Image8:
    """Noise with an F and an L, so that no flip, rotation or shift looks like the original."""
    image = np.random.default_rng(7).integers(60, 180, (height, width, 3), dtype=np.uint8)
    image[6:30, 8:12] = (250, 20, 20)
    image[6:10, 8:24] = (250, 20, 20)
    image[16:20, 8:18] = (250, 20, 20)
    image[36:60, 70:73] = (20, 30, 240)
    image[57:60, 70:90] = (20, 30, 240)
    return image


def save_stamp(folder: Path, name: str = "stamp", height: int = 64, width: int = 96) -> Path:
    path = folder / f"{name}.png"
    write_image(path, stamp(height, width))
    return path


def grab(widget: QWidget) -> Image8:
    """The pixels that `widget` shows, (H, W, 3)."""
    return array_from_qimage(widget.grab().toImage())


def drag(
    widget: QWidget,
    start: QPointF,
    end: QPointF,
    modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    between: Callable[[], object] = lambda: None,
) -> None:
    """Press the left button at `start`, move to `end` in two steps, and release it there."""
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(widget, left, modifier, start.toPoint())
    QTest.mouseMove(widget, ((start + end) / 2).toPoint())
    QTest.mouseMove(widget, end.toPoint())
    between()
    QTest.mouseRelease(widget, left, modifier, end.toPoint())
