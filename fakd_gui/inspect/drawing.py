"""Puts rows, losses and positions on the inspector's widgets."""

from __future__ import annotations

from PySide6.QtCore import QRectF

from fakd_core.events import Image8
from fakd_gui.inspect.colour_bar import Values
from fakd_gui.inspect.features import MAX_SIDE
from fakd_gui.inspect.headers import learners, show_figures, show_readouts
from fakd_gui.inspect.layout import InspectLayout
from fakd_gui.inspect.timeline_bar import Course


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
    shown = [Course(board.label(ref), board.colour(ref), losses) for ref, losses in courses.items()]
    panel.timeline_bar.curve.show_courses(list(timeline.steps), timeline.step, shown)


def show_position(panel: InspectLayout) -> None:
    """The line at the bottom: the image, what of it is inspected, the cursor, the zoom."""
    image = panel.session.image
    if image is None:
        return
    height, width = image.lr.shape[:2]
    text = f"{image.name} · LR {width} × {height} px · ×{image.scale}"
    if max(height, width) > MAX_SIDE:
        text += f" · {min(width, MAX_SIDE)} × {min(height, MAX_SIDE)} px around the pixel are inspected"
    panel.status.left.setText(text)
    panel.status.left.setToolTip(str(image.path))
    pixel = panel.board.pixel(panel.camera.cursor)
    where = "" if pixel is None else f"LR x {pixel[1]}, y {pixel[0]} · "
    panel.status.right.setText(f"{where}{panel.camera.percent:.0f} %")
