"""What can be taken from the inspector: the maps as they are shown, a picture of them, a paper's figure."""

from __future__ import annotations

from PySide6.QtGui import QPixmap

from fakd_gui.inspect.board import coloured
from fakd_gui.inspect.export import Export
from fakd_gui.inspect.layout import InspectLayout


def collect(panel: InspectLayout) -> Export | None:
    """The maps as they are shown; None while there are none."""
    board, image = panel.board, panel.session.image
    if image is None or board.window is None or not board.rows:
        return None
    labels = {key: board.title(key) for key in board.panes if key in board.rows}
    pictures = {
        label: coloured(board.rows[key], key not in board.models, panel.look())
        for key, label in labels.items()
    }
    shown = panel.matrix.matrices if not panel.matrix.isHidden() else None
    found = {} if shown is None else shown.values
    matrices = {labels[key]: matrix for key, matrix in found.items() if key in labels}
    drawn = {} if shown is None else shown.pictures
    return Export(
        image.name,
        panel.controls.layer,
        panel.asked.shown,
        board.window,
        {label: board.rows[key] for key, label in labels.items()},
        pictures,
        image.scale,
        None if shown is None else shown.wanted.region,
        matrices,
        {labels[key]: matrix for key, matrix in drawn.items() if key in labels},
    )


def picture(panel: InspectLayout) -> QPixmap:
    """The panes with their headers, and the scales below them."""
    return panel.content.grab(panel.splitter.geometry().united(panel.below.geometry()))


def open_figure(panel: InspectLayout) -> None:
    """Open the dialog for a paper's figure of these maps."""
    from fakd_gui.figure import open_affinity_figure

    session, image = panel.session, panel.session.image
    files = {source.ref: source.file for source in panel.timeline.sources()}
    students = [str(files.get(ref) or ref) for ref in panel.board.students]
    if image is not None:
        layer, query = panel.controls.layer, panel.asked.pinned
        open_affinity_figure(panel, session, image, session.teacher, students, layer, query)
