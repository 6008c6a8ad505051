"""From a recipe to a file."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken
from fakd_core.figures.affinity_maps import compose_affinity
from fakd_core.figures.crops import compose_crops
from fakd_core.figures.inputs import FigureInputs, OnProgress
from fakd_core.figures.page import Page
from fakd_core.figures.rendering import write_pdf_page, write_png_page
from fakd_core.figures.spec import AffinityRecipe, CropRecipe, Recipe
from fakd_core.figures.spec_file import FIGURE_SUFFIXES, check_replaceable, recipe_text, write_recipe
from fakd_core.files import atomic_path, check_writable


def compose(
    recipe: Recipe,
    materials: FigureInputs | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelToken | None = None,
) -> Page:
    """The page that `recipe` describes; `materials` keeps what the next one may need again.

    Raises `ConfigError` for a region or position outside the image, an unknown model or one of another
    scale; `DataError` for a bad image; `Cancelled`.
    """
    materials = materials or FigureInputs()
    if isinstance(recipe, CropRecipe):
        return compose_crops(recipe, materials, on_progress, cancel)
    if isinstance(recipe, AffinityRecipe):
        return compose_affinity(recipe, materials, on_progress, cancel)
    assert_never(recipe)


def draw(
    recipe: Recipe,
    out: Path,
    on_progress: OnProgress | None = None,
    cancel: CancelToken | None = None,
    materials: FigureInputs | None = None,
) -> list[Path]:
    """Draw `recipe` to `out`, a PNG or PDF, and write the recipe beside it as TOML; both are returned.

    The recipe is inside the figure, too. The same recipe gives the same bytes. Raises as `compose`;
    `ConfigError`, before any work, for another kind of file or a place that can't be written.
    """
    check_place(out)
    page = compose(recipe, materials, on_progress, cancel)
    text = recipe_text(recipe, out.absolute().parent)
    beside = out.with_suffix(".toml")
    try:
        with atomic_path(out) as temporary:
            if out.suffix.lower() == ".pdf":
                write_pdf_page(page, temporary, recipe.title, text)
            else:
                write_png_page(page, temporary, recipe.dpi, text)
        write_recipe(recipe, beside)
    except OSError as error:
        raise _unwritable(out, error) from error
    return [out, beside]


def check_place(out: Path) -> None:
    """Raise `ConfigError` or `DataError` if no figure and recipe can be written at `out`."""
    if out.suffix.lower() not in FIGURE_SUFFIXES:
        raise ConfigError(f"{out}: expected a file that ends in {' or '.join(FIGURE_SUFFIXES)}")
    try:
        check_writable(out)
        check_replaceable(out.with_suffix(".toml"))
    except OSError as error:
        raise _unwritable(out, error) from error


def _unwritable(out: Path, error: OSError) -> DataError:
    return DataError(f"{out}: can't write the figure ({error.strerror or error}); choose another place")
