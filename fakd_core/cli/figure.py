"""`fakd figure`: crops with scores, and any figure again from its recipe."""

from __future__ import annotations

from functools import cache
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fakd_core.cli import completion
from fakd_core.cli.console import output, progress_bar
from fakd_core.cli.loading import DEVICE, loader_onto
from fakd_core.errors import ConfigError

if TYPE_CHECKING:
    from fakd_core.figures.spec import FigureSpec


def figure(
    context: typer.Context,
    image: Path | None = typer.Argument(None, metavar="IMAGE", help="An image, or samples/NAME."),
    model: list[str] = typer.Option(
        [],
        "--model",
        help="Bundled name, checkpoint, run folder, bicubic or HR; LABEL=M names it; repeat.",
        autocompletion=completion.models_and_bicubic,
    ),
    roi: list[str] = typer.Option([], metavar="X,Y,W,H", help="A region in HR pixels; repeat."),
    out: Path | None = typer.Option(None, help="PNG or PDF. [default: the recipe's name, as PNG]"),
    recipe: Path | None = typer.Option(None, help="TOML file, or a figure: make its figure again."),
    scale: int = typer.Option(4, help="2, 3, 4 or 8."),
    lr: bool = typer.Option(False, "--lr", help="IMAGE is the low-resolution image."),
    metrics: str | None = typer.Option(None, help="PSNR,SSIM or none. [default: both, with an HR image]"),
    metrics_of: str = typer.Option("image", help="image or crop."),
    columns: int | None = typer.Option(None, help="Crops side by side."),
    width: str = typer.Option("170 mm", help="Width of the page: mm, cm or in."),
    dpi: int = typer.Option(300, help="Dots per inch of a PNG."),
    font: str = typer.Option("sans", help="sans or serif."),
    font_size: float = typer.Option(7.0, help="Font size in points."),
    device: str = DEVICE,
    force: bool = typer.Option(False, "--force", help="Overwrite an existing figure and its recipe."),
) -> None:
    """The whole image with regions boxed, beside it the crops of every model with scores."""
    from fakd_core.figures.spec import CropFigure
    from fakd_core.figures.spec_file import find_image, read_spec

    if recipe is not None:
        recipe = Path(expanduser(recipe))
        if image is not None or model or roi:
            raise ConfigError("--recipe has the whole figure: leave out IMAGE, --model and --roi")
        out = out or recipe.with_suffix(".png")
        draw_figure(context, read_spec(recipe), out, device=device, force=force)
        return
    given = {"IMAGE": image, "--model": model, "--roi": roi, "--out": out}
    missing = next((name for name, value in given.items() if not value), None)
    if missing or image is None or out is None:
        raise ConfigError(f"{missing}: must be given, or --recipe FILE.toml")
    names = None if metrics is None else [name.strip().upper() for name in metrics.split(",")]
    spec = CropFigure.build(
        image=find_image(image),
        image_is="lr" if lr else "hr",
        scale=scale,
        regions=tuple(_region(text) for text in roi),
        models=tuple(named_model(text) for text in model),
        metrics=[] if names == ["NONE"] else names,
        metrics_of=metrics_of,
        columns=columns,
        width=width,
        dpi=dpi,
        font=font,
        font_size=font_size,
    )
    draw_figure(context, spec, out, device=device, force=force)


def draw_figure(context: typer.Context, spec: FigureSpec, out: Path, *, device: str, force: bool) -> None:
    """Draw `spec` with a progress bar, and print the paths of the figure and its recipe."""
    from fakd_core.figures.draw import FigureWritten, draw
    from fakd_core.figures.inputs import FigureInputs
    from fakd_core.figures.spec_file import has_recipe
    from fakd_core.files import refuse_existing

    out = Path(expanduser(out))
    recipe = out.with_suffix(".toml")
    if not force:
        refuse_existing([out, *([] if has_recipe(recipe, spec) else [recipe])])
    inputs = FigureInputs(cache(loader_onto(device)))
    with progress_bar() as bar:
        task = bar.add_task("drawing", total=None)
        for event in draw(spec, out, inputs=inputs, cancel=context.obj):
            if isinstance(event, FigureWritten):
                written = event
            else:
                description = f"drawing {event.what}".rstrip()
                bar.update(task, completed=event.done, total=event.total, description=description)
    output.print(f"{written.figure}\n{written.recipe}")


def named_model(text: str) -> dict[str, str]:
    """Parse `M` or `LABEL=M`; sizes (`rcan:n_feats=8`) are no label, and a file may have = in its path."""
    label, equals, ref = text.partition("=")
    if equals and not Path(text).exists() and not any(character in label for character in "/\\:"):
        return {"ref": ref, "label": label}
    return {"ref": text}


def _region(text: str) -> tuple[int, ...]:
    left, top, width, height = numbers = whole_numbers(text, 4, option="--roi", form="X,Y,W,H")
    if min(left, top) < 0 or min(width, height) < 1:
        raise ConfigError(f"--roi: X and Y must be at least 0, W and H at least 1 (found {text[:40]!r})")
    return numbers


def whole_numbers(text: str, count: int, *, option: str, form: str) -> tuple[int, ...]:
    """Parse `count` whole numbers; raises `ConfigError`."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise ConfigError(f"{option}: must be {form} in whole pixels (found {text[:40]!r})")
    return numbers
