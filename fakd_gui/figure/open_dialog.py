"""Opens the figure dialog for what Compare or Inspect shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QWidget

from fakd_core.errors import ConfigError
from fakd_core.figures.spec import HR, AffinityFigure, CropFigure
from fakd_gui.figure.dialog import FigureDialog
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.session import Session


def open_crop_figure(
    parent: QWidget,
    session: Session,
    image: OpenedImage,
    models: Sequence[str],
    region: tuple[int, int, int, int] | None,
) -> None:
    """Show a dialog for a grid of crops of `image` by `models`.

    `region` is x, y, width, height in HR pixels; None takes a square in the middle. HR is added where
    it is known.
    """
    height, width = image.hr_size
    side = max(1, min(height, width, max(32, min(height, width) // 5)))
    box = region or ((width - side) // 2, (height - side) // 2, side, side)
    named = [ref for ref in dict.fromkeys(models) if ref != HR]
    named += [HR] if image.hr is not None else []
    _open(parent, session, lambda: CropFigure.build(**_source(image), regions=(box,), models=tuple(named)))


def open_affinity_figure(
    parent: QWidget,
    session: Session,
    image: OpenedImage,
    *,
    teacher: str,
    students: Sequence[str],
    layer: int,
    query: tuple[int, int],
) -> None:
    """Show a dialog for the affinity maps of the LR pixel `query` (y, x) at feature tap `layer`."""
    if not teacher or not students:
        session.report("A figure of affinities needs a teacher and a student: choose both first.")
        return
    _open(
        parent,
        session,
        lambda: AffinityFigure.build(
            **_source(image), teacher=teacher, students=tuple(students), layer=layer, query=query
        ),
    )


def _source(image: OpenedImage) -> dict[str, Any]:
    return {"image": image.path, "image_is": "lr" if image.hr is None else "hr", "scale": image.scale}


def _open(parent: QWidget, session: Session, build: Any) -> None:
    try:
        recipe = build()
    except ConfigError as error:
        session.report(f"No figure can be made: {error}")
        return
    FigureDialog(session, recipe, parent).show()
