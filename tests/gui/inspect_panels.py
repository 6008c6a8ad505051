"""An Inspect panel with the photo open, for its tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pytestqt.qtbot import QtBot
from small_models import Bench

from fakd_core.affinity import affinity_row
from fakd_core.catalogue import load_model
from fakd_core.events import Image8
from fakd_core.inference import tensor_from_image
from fakd_gui.inspect import InspectPanel

SLOW = 20_000
"""Milliseconds: a busy machine loads and runs a network in this time."""


def shown_panel(bench: Bench, qtbot: QtBot, students: int = 1) -> Iterator[InspectPanel]:
    """The panel with the photo (LR 24x16, x4), the teacher and the first `students`; shut down afterwards."""
    panel = InspectPanel(bench.session)
    # Qt aborts the program if a widget dies before its threads, whatever the test left running.
    qtbot.addWidget(panel, before_close_func=lambda widget: widget.shut_down())
    panel.resize(900, 620)
    panel.show()
    bench.session.set_teacher(bench.teacher)
    for student in bench.students[:students]:
        bench.session.add_student(student)
    with qtbot.waitSignal(panel.map_shown, timeout=SLOW):
        bench.session.open_image(bench.photo)
    yield panel
    bench.session.shut_down()


def feature_map(ref: str, lr: Image8, layer: int) -> object:
    """The tap `layer` (C, h, w) of the model `ref`, straight from the core."""
    _, maps = load_model(ref).forward_features(tensor_from_image(lr))
    return maps[layer][0].detach()


def expected_row(ref: str, lr: Image8, layer: int, y: int, x: int) -> np.ndarray:
    """The core's affinity of the LR pixel (y, x)."""
    _, maps = load_model(ref).forward_features(tensor_from_image(lr))
    return affinity_row(maps[layer][0].detach(), y, x).numpy()
