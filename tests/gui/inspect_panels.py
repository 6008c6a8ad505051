"""Inspect panels for tests, and the values that they should show."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from small_models import Bench
from torch import Tensor

from fakd_core.distillation.affinity import affinity_row
from fakd_core.events import Image8
from fakd_core.inference.upscale import tensor_from_image
from fakd_core.runs.references import load_model
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.session.jobs import stop_all


def empty_panel(bench: Bench, qtbot: QtBot) -> Iterator[InspectPanel]:
    """An empty panel, shut down afterwards."""
    panel = InspectPanel(bench.session)
    # Qt aborts the program if a widget is deleted before its threads have ended.
    qtbot.addWidget(panel, before_close_func=stop_all)
    panel.resize(900, 620)
    with qtbot.waitActive(panel):
        panel.show()
        panel.activateWindow()
    panel.setFocus()
    yield panel
    stop_all(bench.session)


def shown_panel(bench: Bench, qtbot: QtBot, students: int = 1) -> Iterator[InspectPanel]:
    """A panel with the photo (LR 24x16, x4), the teacher and the first `students`."""
    for panel in empty_panel(bench, qtbot):
        bench.session.set_teacher(bench.teacher)
        for student in bench.students[:students]:
            bench.session.add_student(student)
        with qtbot.waitSignal(panel.map_shown):
            bench.session.open_image(bench.photo)
        yield panel


def move_mouse(widget: QWidget, at: QPoint) -> None:
    """Move the mouse over `widget` without a button.

    Not QTest's: it also moves the pointer, and the platform then says that it has left the widget.
    """
    none = Qt.MouseButton.NoButton
    place = QPointF(at)
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, widget.mapToGlobal(place), none, none, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(widget, event)


def feature_map(ref: str, lr: Image8, layer: int) -> Tensor:
    """The feature map `layer` (C, h, w) of the model `ref`, from the core."""
    _, maps = load_model(ref).forward_features(tensor_from_image(lr))
    found: Tensor = maps[layer][0].detach()
    return found


def expected_row(ref: str, lr: Image8, layer: int, y: int, x: int) -> np.ndarray:
    """The core's affinity of the LR pixel (y, x)."""
    return affinity_row(feature_map(ref, lr, layer), y, x).numpy()
