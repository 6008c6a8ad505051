"""`fakd figure` and `fakd affinity`: figures for papers, and the recipes that make them again."""

from __future__ import annotations

from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fakd_core.cli import completion
from fakd_core.cli.console import output, reported_progress
from fakd_core.errors import ConfigError

if TYPE_CHECKING:
    from fakd_core.figures.spec import Recipe


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
    columns: int | None = typer.Option(None, help="Crops beside one another."),
    width: str = typer.Option("170 mm", help="Width of the page: mm, cm or in."),
    dpi: int = typer.Option(300, help="Dots per inch of a PNG."),
    font: str = typer.Option("sans", help="sans or serif."),
    font_size: float = typer.Option(7.0, help="In points."),
) -> None:
    """The whole image with regions boxed, beside it the crops of every model with scores."""
    from fakd_core.figures.spec import CropRecipe
    from fakd_core.figures.spec_file import find_image, read_recipe

    if recipe is not None:
        recipe = Path(expanduser(recipe))
        if image is not None or model or roi:
            raise ConfigError("--recipe says it all: leave IMAGE, --model and --roi out")
        draw_recipe(context, read_recipe(recipe), out or recipe.with_suffix(".png"))
        return
    for given, name in ((image, "IMAGE"), (model, "--model"), (roi, "--roi"), (out, "--out")):
        if not given:
            raise ConfigError(f"{name}: must be given, or --recipe FILE.toml")
    assert image is not None
    assert out is not None
    values: dict[str, Any] = {}
    if metrics is not None:
        names = [name.strip().upper() for name in metrics.split(",")]
        values["metrics"] = () if names == ["NONE"] else tuple(names)
    made = CropRecipe.build(
        image=find_image(image),
        image_is="lr" if lr else "hr",
        scale=scale,
        regions=tuple(_region(text) for text in roi),
        models=tuple(named_model(text) for text in model),
        metrics_of=metrics_of,
        columns=columns,
        width=width,
        dpi=dpi,
        font=font,
        font_size=font_size,
        **values,
    )
    draw_recipe(context, made, out)


def draw_recipe(context: typer.Context, recipe: Recipe, out: Path) -> None:
    """Draw with a bar, and tell what was written."""
    from fakd_core.figures.draw import draw

    with reported_progress("drawing") as report:
        written = draw(recipe, Path(expanduser(out)), report, context.obj)
    for path in written:
        output.print(str(path))


def named_model(text: str) -> dict[str, str]:
    """`M`, or `LABEL=M`; sizes (`rcan:n_feats=8`) are no label, and a file may have = in its path."""
    label, sign, ref = text.partition("=")
    if sign and not Path(text).exists() and not any(mark in label for mark in "/\\:"):
        return {"ref": ref, "label": label}
    return {"ref": text}


def _region(text: str) -> tuple[int, ...]:
    left, top, width, height = numbers = whole_numbers(text, 4, "--roi", "X,Y,W,H")
    if min(left, top) < 0 or min(width, height) < 1:
        raise ConfigError(f"--roi: X and Y must be at least 0, W and H at least 1 (found {text[:40]!r})")
    return numbers


def whole_numbers(text: str, count: int, option: str, form: str) -> tuple[int, ...]:
    """`text` as `count` numbers; raises `ConfigError`."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise ConfigError(f"{option}: must be {form} in whole pixels (found {text[:40]!r})")
    return numbers
