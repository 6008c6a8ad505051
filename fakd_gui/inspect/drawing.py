"""Puts rows, losses and positions on the inspector's widgets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QRectF

from fakd_core.evaluation.features import MAX_EXACT_POSITIONS, MAX_WINDOW_SIDE, tap_title
from fakd_core.events import Image8
from fakd_gui.inspect.board import IMAGE, MapBoard, difference_key
from fakd_gui.inspect.colour_bar import Values, signed
from fakd_gui.inspect.engine import AffinityEngine
from fakd_gui.inspect.layout import InspectLayout
from fakd_gui.inspect.loss_chart import StudentLosses, nearest_at
from fakd_gui.inspect.losses import SALoss
from fakd_gui.inspect.query import STEP, Query
from fakd_gui.inspect.timeline_bar import LossHistory


def draw_maps(panel: InspectLayout) -> None:
    """The rows in their colours, with histograms, figures and readouts."""
    board = panel.board
    show_picture(panel)
    board.draw(panel.look())
    values = {
        key: Values(board.label(key), board.colour(key), board.rows[key])
        for key in board.panes
        if key in board.rows
    }
    affinities = [shown for key, shown in values.items() if key in board.models]
    differences = [shown for key, shown in values.items() if key not in board.models]
    # Of one number, so that the two scales stand at one height.
    panel.affinity_bar.show_values(affinities, len(board.models))
    panel.difference_bar.show_values(differences, len(board.models))
    show_figures(board, panel.engine, panel.controls.layer, panel.asked)
    update_readouts(panel)


def show_picture(panel: InspectLayout) -> None:
    """The picture that was chosen, in its pane and under the maps."""
    image = panel.session.image
    if image is None:
        return
    height, width = image.hr_size
    picture: Image8 = image.lr
    covers = QRectF(0, 0, width, height)
    held = next(iter(panel.engine.features.values()), None)
    if panel.controls.picture == "HR" and image.hr is not None:
        picture = image.hr
    elif panel.controls.picture == "SR" and held is not None:
        picture, covers = held.sr, panel.board.covers(held.window)
    panel.board.show_picture(picture, covers)


def update_readouts(panel: InspectLayout) -> None:
    """The values under the cursor, in the headers and on the scales."""
    # Affinity is symmetric: while hovering, the other pixel to read at is the pinned one.
    hovering = panel.asked.hovered is not None
    pixel = panel.asked.pinned if hovering else panel.board.pixel(panel.camera.cursor)
    values = show_readouts(panel.board, pixel)
    models = panel.board.models
    panel.affinity_bar.mark([value for key, value in values.items() if key in models])
    panel.difference_bar.mark([value for key, value in values.items() if key not in models])


def show_losses(panel: InspectLayout) -> None:
    """The SA losses: in the headers, by layer, and over the checkpoints."""
    board, engine, layer = panel.board, panel.engine, panel.controls.layer
    show_figures(board, engine, layer, panel.asked)
    held = next(iter(engine.features.values()), None)
    names = [] if held is None else [f"{tap} {name}" for tap, name in enumerate(held.spec.tap_names)]
    panel.losses.show_losses(names, learners(board, engine, range(len(names))), layer)
    timeline, courses = panel.timeline, dict[str, dict[int, float]]()
    for step in timeline.steps:
        for source in timeline.at(step):
            value = engine.estimate(source, panel.session.teacher, layer)
            if value is not None:
                courses.setdefault(source.ref, {})[step] = value
    shown = [LossHistory(board.label(ref), board.colour(ref), losses) for ref, losses in courses.items()]
    panel.timeline_bar.curve.show_courses(list(timeline.steps), timeline.step, shown)


def show_position(panel: InspectLayout) -> None:
    """The line at the bottom: the image, what of it is inspected, the cursor, the zoom."""
    image = panel.session.image
    if image is None:
        return
    height, width = image.lr.shape[:2]
    text = f"{image.name} · LR {width} × {height} px · ×{image.scale}"
    if max(height, width) > MAX_WINDOW_SIDE:
        shown = f"{min(width, MAX_WINDOW_SIDE)} × {min(height, MAX_WINDOW_SIDE)}"
        text += f" · {shown} px around the pixel are inspected"
    panel.status.left.setText(text)
    panel.status.left.setToolTip(str(image.path))
    pixel = panel.board.pixel(panel.camera.cursor)
    where = "" if pixel is None else f"LR x {pixel[1]}, y {pixel[0]} · "
    panel.status.right.setText(f"{where}{panel.camera.percent:.0f} %")


DIFFERENCE_TIP = (
    "Student minus teacher. SA: the mean absolute difference of all positions' maps, unweighted\n"
    f"(≈: estimated; exact up to {MAX_EXACT_POSITIONS} positions); mean |Δ|: of this map.\n"
    "Red: the student relates it more than the teacher."
)


def learners(board: MapBoard, engine: AffinityEngine, layers: range) -> list[StudentLosses]:
    """The students shown with what is known of their losses."""
    found = []
    for student in board.students:
        known = {layer: engine.loss(board.teacher, student, layer) for layer in layers}
        losses: Mapping[int, SALoss] = {layer: loss for layer, loss in known.items() if loss is not None}
        found.append(StudentLosses(board.label(student), board.colour(student), losses))
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
