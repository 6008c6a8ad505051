"""Time one move of the query in Inspect, from the key event to the painted maps, against the textbook's row.

python -m benchmarks.inspect_query          (a minute; offscreen)

The textbook's way is the product of the whole normalised map with itself, N x N, of which one row is shown.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import ratio, result, take_turns

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
SIDE, SCALE, LAYER = 128, 4, 3
MOVES, ROUNDS = 300, 5
TARGET_MS = 50


def measured_moves() -> tuple[list[float], Callable[[], object], Callable[[], object]]:
    """Seconds of every move with a teacher and two students; the rows in both ways."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from fakd_core import create_model
    from fakd_core.data.image_files import write_image
    from fakd_core.distillation.affinity import spatial_affinity
    from fakd_core.models.checkpoint import save_safetensors
    from fakd_gui.inspect.panel import InspectPanel
    from fakd_gui.session.jobs import stop_all
    from fakd_gui.session.session import Session
    from fakd_gui.widgets.theme import apply_theme

    application = QApplication([])
    apply_theme(application)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session = Session(runs_root=folder / "runs")
        for number, role in enumerate(("teacher", "with", "without")):
            torch.manual_seed(number)
            path = folder / f"{role}.safetensors"
            save_safetensors(create_model("rcan", n_feats=64, n_resgroups=2, n_resblocks=1), path)
            session.add_student(str(path)) if number else session.set_teacher(str(path))
        noise = np.random.default_rng(0).integers(0, 256, (SIDE * SCALE, SIDE * SCALE, 3), dtype=np.uint8)
        write_image(folder / "image.png", noise)
        panel = InspectPanel(session)
        panel.resize(1280, 800)
        panel.show()
        session.open_image(folder / "image.png")
        runner, board = panel.runner, panel.area.board
        while runner.extracting.running or len(runner.features) < 3 or runner.losses.running:
            application.processEvents()
            time.sleep(0.01)
        canvases = [pane.canvas for pane in board.panes.values()]
        took = []
        for number in range(MOVES):
            key = (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Up)[number // 20 % 4]
            started = time.perf_counter()
            QTest.keyClick(panel, key)
            application.processEvents()  # The maps are drawn and painted in this pass, as in the app's loop.
            for canvas in canvases:
                canvas.repaint()
            took.append(time.perf_counter() - started)
            assert board.values_at(panel.state.query)[session.teacher] > 0.999
        features = dict(runner.features)
        stop_all(panel)
        stop_all(session)
    maps = [torch.from_numpy(held.vectors[LAYER]).reshape(1, -1, SIDE, SIDE) for held in features.values()]

    def ours() -> object:
        return [held.affinity_row(LAYER, 40, 60) for held in features.values()]

    def textbook() -> object:
        with torch.inference_mode():
            return [spatial_affinity(held)[0, 40 * SIDE + 60].clone() for held in maps]

    return took, ours, textbook


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    took, ours, textbook = measured_moves()
    ordered = sorted(1000 * seconds for seconds in took)
    median, late = statistics.median(ordered), ordered[int(0.99 * len(ordered))]
    times = take_turns({"ours": ours, "textbook": textbook}, ROUNDS)
    faster = ratio(times["textbook"], times["ours"])
    print(
        f"rows of three models: {1000 * statistics.median(times['ours']):.2f} ms, {faster:.0f} times faster"
    )
    result(
        "Inspect: a move of the query on 128x128 LR, three models, key to painted maps",
        f"< {TARGET_MS} ms",
        f"p50 {median:.1f} ms, p99 {late:.1f} ms; rows {faster:.0f}x faster than from the N x N matrices",
    )


if __name__ == "__main__":
    main()
