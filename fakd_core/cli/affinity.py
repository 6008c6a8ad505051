"""`fakd affinity`: a figure of one position's affinity maps, by teacher and students."""

from __future__ import annotations

from pathlib import Path

import typer

from fakd_core.cli import completion
from fakd_core.cli.figure import draw_figure, named_model, whole_numbers
from fakd_core.cli.loading import DEVICE


def affinity(
    context: typer.Context,
    image: Path = typer.Argument(..., metavar="IMAGE", help="An image, or samples/NAME."),
    teacher: str = typer.Option(
        ...,
        help="Bundled name, checkpoint or run folder; LABEL=M names it.",
        autocompletion=completion.models,
    ),
    student: list[str] = typer.Option(
        ..., "--student", help="As for the teacher; repeat.", autocompletion=completion.models
    ),
    layer: int = typer.Option(..., help="Feature tap, 0..3."),
    at: str = typer.Option(..., metavar="Y,X", help="The position, in LR pixels."),
    out: Path = typer.Option(..., help="PNG or PDF."),
    scale: int = typer.Option(4, help="2, 3, 4 or 8."),
    lr: bool = typer.Option(False, "--lr", help="IMAGE is the low-resolution image."),
    difference_range: float = typer.Option(
        1.0, help="Limit of the differences' colours: from minus this to this."
    ),
    opacity: float = typer.Option(1.0, help="Opacity of the maps over the image, 0..1."),
    width: str = typer.Option("170 mm", help="Width of the page: mm, cm or in."),
    dpi: int = typer.Option(300, help="Dots per inch of a PNG."),
    font: str = typer.Option("sans", help="sans or serif."),
    font_size: float = typer.Option(7.0, help="Font size in points."),
    device: str = DEVICE,
    force: bool = typer.Option(False, "--force", help="Overwrite an existing figure and its recipe."),
) -> None:
    """The affinity of one position to every other, as heat maps, with the differences to the teacher."""
    from fakd_core.figures.spec import AffinityFigure
    from fakd_core.figures.spec_file import find_image

    spec = AffinityFigure.build(
        image=find_image(image),
        image_is="lr" if lr else "hr",
        scale=scale,
        teacher=named_model(teacher),
        students=tuple(named_model(text) for text in student),
        layer=layer,
        query=whole_numbers(at, 2, option="--at", form="Y,X"),
        difference_range=difference_range,
        opacity=opacity,
        width=width,
        dpi=dpi,
        font=font,
        font_size=font_size,
    )
    draw_figure(context, spec, out, device=device, force=force)
