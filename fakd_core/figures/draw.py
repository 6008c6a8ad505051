"""Figures as jobs: compose a page, draw it to a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken, Progress
from fakd_core.figures.affinity_maps import compose_affinity
from fakd_core.figures.crops import compose_crops
from fakd_core.figures.inputs import FigureInputs
from fakd_core.figures.page import Page
from fakd_core.figures.rendering import write_pdf, write_png
from fakd_core.figures.spec import CropFigure, FigureSpec
from fakd_core.figures.spec_file import FIGURE_SUFFIXES, check_replaceable, spec_text, write_spec
from fakd_core.files import atomic_path, check_writable


@dataclass(frozen=True)
class FigureWritten:
    """The figure and its recipe are on the disk."""

    figure: Path
    recipe: Path


def compose(
    spec: FigureSpec, inputs: FigureInputs | None = None, cancel: CancelToken | None = None
) -> Iterator[Progress | Page]:
    """Run the models of `spec` and lay out its page: progress by model, then the page.

    `inputs` caches what the next figure may need again; `cancel` is checked between two layers of a network.

    Raises:
        ConfigError: A region or position lies outside the image, a model is unknown or has another scale, or
            the page is too narrow.
        DataError: The image can't be used.
        Cancelled: `cancel` was cancelled.
    """
    inputs, cancel = inputs or FigureInputs(), cancel or CancelToken()
    if isinstance(spec, CropFigure):
        return compose_crops(spec, inputs, cancel)
    return compose_affinity(spec, inputs, cancel)


def draw(
    spec: FigureSpec, out: Path, *, inputs: FigureInputs | None = None, cancel: CancelToken | None = None
) -> Iterator[Progress | FigureWritten]:
    """Draw `spec` to `out`, a PNG or PDF, and write it beside that as a TOML file; yields both paths last.

    The recipe is inside the figure, too. The same recipe gives the same bytes. Arguments and errors as in
    `compose`, and before any work:

    Raises:
        ConfigError: `out` is another kind of file, the recipe would replace another file, or no TOML file can
            hold a name in it.
        DataError: Nothing can be written at `out`.
    """
    if out.suffix.lower() not in FIGURE_SUFFIXES:
        raise ConfigError(f"{out}: expected a file that ends in {' or '.join(FIGURE_SUFFIXES)}")
    recipe = out.with_suffix(".toml")
    with _reporting(out):
        check_writable(out)
        check_replaceable(recipe)
    text = spec_text(spec, out.absolute().parent)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"{spec.image}: no recipe can hold a name that is not in UTF-8; rename the image, model or folder"
        ) from None
    cancel = cancel or CancelToken()
    for event in compose(spec, inputs, cancel):
        if isinstance(event, Progress):
            yield event
        else:
            page = event
    cancel.raise_if_cancelled()
    with _reporting(out):
        with atomic_path(out) as temporary:
            if out.suffix.lower() == ".pdf":
                write_pdf(page, temporary, title=spec.title, recipe=text)
            else:
                write_png(page, temporary, dpi=spec.dpi, recipe=text)
        write_spec(spec, recipe)
    yield FigureWritten(out, recipe)


@contextmanager
def _reporting(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{out}: can't write the figure ({reason}); choose another place") from error
