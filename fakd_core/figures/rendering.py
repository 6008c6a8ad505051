"""PatchSpecs a page: to pixels, to PNG, or to PDF with text as text and images at their own resolution.

matplotlib's drawing alone, without pyplot. Its settings belong to the whole process: they are set to its
defaults while a page is drawn, so that a person's matplotlibrc changes no figure.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fakd_core import __version__
from fakd_core.errors import ConfigError
from fakd_core.events import Image8
from fakd_core.figures.embedded import PDF_KEY, PNG_KEY
from fakd_core.figures.page import Cross, Frame, Page, Picture, Rect, Words
from fakd_core.figures.typesetting import font_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

MM_PER_INCH = 25.4
LARGEST = 250_000_000
"""Dots of a figure: a region of one column makes a page many metres high."""
_settings = threading.Lock()


def page_pixels(page: Page, dpi: float) -> Image8:
    """(H, W, 3) uint8, as the PNG of that resolution has them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with _plain_settings():
        figure = _figure(page, dpi, as_pixels=True)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        shown = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        return np.ascontiguousarray(shown[:, :, :3])


def write_png_page(page: Page, path: Path, dpi: float, recipe: str) -> None:
    """The page as PNG with `recipe` in it: the same page gives the same bytes."""
    from PIL import Image, PngImagePlugin

    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Software", _creator())
    chunks.add_itxt(PNG_KEY, recipe)
    image = Image.fromarray(page_pixels(page, dpi))
    image.save(path, format="PNG", dpi=(dpi, dpi), pnginfo=chunks)


def write_pdf_page(page: Page, path: Path, title: str, recipe: str) -> None:
    """The page as PDF, without a date: the same page gives the same bytes."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    about = {"Title": title, "Creator": _creator(), "Producer": "matplotlib", PDF_KEY: recipe}
    with _plain_settings():
        figure = _figure(page, 72, as_pixels=False)
        canvas = FigureCanvasPdf(figure)
        canvas.print_pdf(path, metadata={**about, "CreationDate": None})  # type: ignore[no-untyped-call]


def _creator() -> str:
    return f"FAKD Workbench {__version__}"


@contextmanager
def _plain_settings() -> Iterator[None]:
    import matplotlib

    with _settings, matplotlib.rc_context():
        matplotlib.rcdefaults()
        # TrueType: publishers refuse the default, Type 3.
        matplotlib.rcParams["pdf.fonttype"] = 42
        yield


def _figure(page: Page, dpi: float, as_pixels: bool) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Affine2D

    dots = tuple(round(side / MM_PER_INCH * dpi) for side in (page.width, page.height))
    if as_pixels and dots[0] * dots[1] > LARGEST:
        raise ConfigError(
            f"the figure would have {dots[0]}x{dots[1]} dots, more than {LARGEST / 1e6:g} million; choose "
            "wider regions, a smaller width or fewer dots per inch"
        )
    size = (
        (dots[0] / dpi, dots[1] / dpi) if as_pixels else (page.width / MM_PER_INCH, page.height / MM_PER_INCH)
    )
    figure = Figure(figsize=size, dpi=dpi, facecolor="white")
    # From mm, downwards, to inches, upwards.
    place = Affine2D().scale(1 / MM_PER_INCH, -1 / MM_PER_INCH).translate(0, size[1]) + figure.dpi_scale_trans
    picture = partial(_dots, dpi=dpi, height=dots[1]) if as_pixels else partial(_vector, page=page)
    for item in page.items:
        if isinstance(item, Picture):
            picture(figure, item)
        elif isinstance(item, Frame):
            _frame(figure, item, place)
        elif isinstance(item, Cross):
            _cross(figure, item, place)
        else:
            _words(figure, item, page, place)
    return figure


def _dots(figure: Figure, item: Picture, dpi: float, height: int) -> None:
    """Resampled here to the very dots of the page: no half-dot shifts, every pixel where it belongs."""
    left, top, right, bottom = (
        round(edge / MM_PER_INCH * dpi)
        for edge in (
            item.rect.left,
            item.rect.top,
            item.rect.left + item.rect.width,
            item.rect.top + item.rect.height,
        )
    )
    pixels = _resampled(item.pixels, max(1, bottom - top), max(1, right - left), item.smooth)
    figure.figimage(pixels, left, height - top - len(pixels), origin="upper")


def _resampled(pixels: Image8, height: int, width: int, smooth: bool) -> Image8:
    if smooth and height < pixels.shape[0]:
        from PIL import Image

        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))
    rows, columns = (
        np.minimum(((np.arange(count) + 0.5) * had / count).astype(np.intp), had - 1)
        for count, had in ((height, pixels.shape[0]), (width, pixels.shape[1]))
    )
    enlarged: Image8 = pixels[rows[:, None], columns]
    return enlarged


def _vector(figure: Figure, item: Picture, page: Page) -> None:
    rect = item.rect
    bottom = 1 - (rect.top + rect.height) / page.height
    axes = figure.add_axes(
        (rect.left / page.width, bottom, rect.width / page.width, rect.height / page.height)
    )
    axes.set_axis_off()
    axes.imshow(item.pixels, interpolation="none", aspect="auto")


def _frame(figure: Figure, item: Frame, place: Transform) -> None:
    from matplotlib.patches import Rectangle

    rect: Rect = item.rect
    figure.add_artist(
        Rectangle(
            (rect.left, rect.top),
            rect.width,
            rect.height,
            transform=place,
            fill=False,
            edgecolor=item.colour,
            linewidth=item.points,
            joinstyle="miter",
            zorder=3,
        )
    )


def _cross(figure: Figure, item: Cross, place: Transform) -> None:
    from matplotlib.lines import Line2D

    for colour, points in (("white", 2.0), ("#e41a1c", 1.0)):
        figure.add_artist(
            Line2D(
                [item.x],
                [item.y],
                transform=place,
                marker="+",
                markersize=2 * item.arm,
                markeredgewidth=points,
                color=colour,
                zorder=3,
            )
        )


def _words(figure: Figure, item: Words, page: Page, place: Transform) -> None:
    from matplotlib.font_manager import FontProperties

    face: dict[str, Any] = {"fname": str(font_file(page.font, item.bold)), "size": item.size}
    figure.text(
        item.left,
        item.baseline,
        item.text,
        transform=place,
        fontproperties=FontProperties(**face),
        verticalalignment="baseline",
        horizontalalignment="left",
        color="black",
        parse_math=False,
        zorder=4,
    )
