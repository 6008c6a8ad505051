"""What stands above every pane: means, the SA loss, and the values under the cursor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fakd_gui.inspect.board import IMAGE, MapBoard, difference_key
from fakd_gui.inspect.colour_bar import signed
from fakd_gui.inspect.engine import AffinityEngine
from fakd_gui.inspect.features import MAX_EXACT_POSITIONS, tap_title
from fakd_gui.inspect.loss_chart import Learner, nearest_at
from fakd_gui.inspect.losses import Loss
from fakd_gui.inspect.query import STEP, Query

DIFFERENCE_TIP = (
    "Student minus teacher. SA: the mean absolute difference of all positions' maps, unweighted\n"
    f"(≈: estimated; exact up to {MAX_EXACT_POSITIONS} positions); mean |Δ|: of this map.\n"
    "Red: the student relates it more than the teacher."
)


def learners(board: MapBoard, engine: AffinityEngine, layers: range) -> list[Learner]:
    """The students shown with what is known of their losses."""
    found = []
    for student in board.students:
        known = {layer: engine.loss(board.teacher, student, layer) for layer in layers}
        losses: Mapping[int, Loss] = {layer: loss for layer, loss in known.items() if loss is not None}
        found.append(Learner(board.label(student), board.colour(student), losses))
    return found


def show_figures(board: MapBoard, engine: AffinityEngine, layer: int, query: Query) -> None:
    """The second line of every header."""
    for key, pane in board.panes.items():
        row = board.rows.get(key)
        if key == IMAGE:
            y, x = query.shown
            said = f"LR pixel x {x}, y {y}"
            said += " (pinned)" if query.hovering and query.hovered is None else ""
            window = engine.window
            if window is not None and board.image is not None:
                height, width = board.image.lr.shape[:2]
                if (window.height, window.width) != (height, width):
                    said += f" · window {window.width} × {window.height} of {width} × {height} px"
            pane.set_figures(said, f"Arrow keys move it, with Shift by {STEP}")
        elif row is None:
            pane.set_figures("")
        elif key in engine.features:
            # Adding 0 turns a rounded -0.0 into 0.0.
            mean = signed(round(float(row.mean()), 3) + 0.0)
            tap = tap_title(engine.features[key].spec, layer)
            pane.set_figures(f"mean {mean} · {tap}", "Cosine similarity to the marked pixel")
    _show_differences(board, engine, layer)


def _show_differences(board: MapBoard, engine: AffinityEngine, layer: int) -> None:
    compared = learners(board, engine, range(layer, layer + 1))
    nearest = nearest_at(compared, layer)
    for number, student in enumerate(board.students):
        row = board.rows.get(difference_key(student))
        if row is None:
            continue
        loss = compared[number].losses.get(layer)
        text = f"SA {'…' if loss is None else loss.text}{' (nearer)' if nearest == number else ''}"
        text += f" · mean |Δ| {float(np.abs(row).mean()):.4f}"
        board.panes[difference_key(student)].set_figures(text, DIFFERENCE_TIP)


def show_readouts(board: MapBoard, pixel: tuple[int, int] | None) -> dict[str, float]:
    """Show every map's value at `pixel` (y, x), and return them."""
    values: dict[str, float] = {}
    for key, pane in board.panes.items():
        value = board.value(key, pixel)
        if value is not None:
            values[key] = value
        pane.set_readout("" if value is None else f"{value:+.3f}".replace("-", "−"))
    return values
