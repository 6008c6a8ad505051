"""Draws a page: to pixels, to PNG, or to PDF with text as text and images at their own resolution.

Uses matplotlib without pyplot. Its settings belong to the whole process: they are set to the defaults while
a page is drawn, so that the user's matplotlibrc changes no figure. The recipe is embedded as a text chunk
of the PNG or as the keywords of the PDF.
"""

from __future__ import annotations

import codecs
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fakd_core import __version__
from fakd_core.errors import ConfigError
from fakd_core.events import Image8
from fakd_core.figures.page import Cross, Font, Frame, Page, Picture, Text, font_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

MM_PER_INCH = 25.4
MAX_DOTS = 250_000_000
"""Of a PNG: a region of a single column would make a page many metres high."""
_PNG_KEY, _PDF_KEY = "fakd-recipe", "Keywords"
_OCTAL = re.compile(rb"[0-7]{1,3}")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_matplotlib_lock = threading.Lock()


def page_pixels(page: Page, dpi: float) -> Image8:
    """The page as (H, W, 3) uint8 at `dpi` dots per inch, equal to the PNG of that resolution.

    Raises:
        ConfigError: The page would have more than 250 million dots.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with _default_settings():
        canvas = FigureCanvasAgg(_figure(page, dpi, as_pixels=True))
        canvas.draw()  # type: ignore[no-untyped-call]
        shown = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        return np.ascontiguousarray(shown[:, :, :3])


def write_png(page: Page, path: Path, *, dpi: float, recipe: str) -> None:
    """Write the page as PNG with `recipe` in it: the same page gives the same bytes."""
    from PIL import Image, PngImagePlugin

    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Software", _creator())
    chunks.add_itxt(_PNG_KEY, recipe)
    image = Image.fromarray(page_pixels(page, dpi))
    image.save(path, format="PNG", dpi=(dpi, dpi), pnginfo=chunks)


def write_pdf(page: Page, path: Path, *, title: str, recipe: str) -> None:
    """Write the page as PDF with `recipe` in it, without a date: the same page gives the same bytes."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    metadata = {"Title": title, "Creator": _creator(), "Producer": "matplotlib", _PDF_KEY: recipe}
    with _default_settings():
        canvas = FigureCanvasPdf(_figure(page, 72, as_pixels=False))
        canvas.print_pdf(path, metadata={**metadata, "CreationDate": None})  # type: ignore[no-untyped-call]


def read_embedded(path: Path) -> str | None:
    """The recipe that `write_png` or `write_pdf` put into `path`; None if there is none."""
    if path.suffix.lower() == ".pdf":
        return _pdf_string(path.read_bytes(), f"/{_PDF_KEY} (".encode())
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.info.get(_PNG_KEY)
    except (OSError, ValueError, SyntaxError):
        return None


def _pdf_string(data: bytes, start_mark: bytes) -> str | None:
    """The string after the last `start_mark`: parentheses inside it are escaped or balanced."""
    start = data.rfind(start_mark)
    if start < 0:
        return None
    text, depth, at = bytearray(), 1, start + len(start_mark)
    while at < len(data):
        byte = data[at : at + 1]
        if byte == b"\\":
            at += 1
            byte = data[at : at + 1]
            if octal := _OCTAL.match(data, at):
                text.append(int(octal[0], 8) & 0xFF)
                at = octal.end()
                continue
            byte = _ESCAPED.get(byte, byte)
        elif byte in b"()":
            depth += 1 if byte == b"(" else -1
            if depth == 0:
                break
        text += byte
        at += 1
    raw = bytes(text)
    return raw.decode("utf-16", "replace") if raw.startswith(codecs.BOM_UTF16_BE) else raw.decode("latin-1")


def _creator() -> str:
    return f"FAKD Workbench {__version__}"


@contextmanager
def _default_settings() -> Iterator[None]:
    import matplotlib

    with _matplotlib_lock, matplotlib.rc_context():
        matplotlib.rcdefaults()
        # TrueType: publishers refuse the default, Type 3.
        matplotlib.rcParams["pdf.fonttype"] = 42
        yield


def _figure(page: Page, dpi: float, as_pixels: bool) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Affine2D

    width, height = page.width / MM_PER_INCH, page.height / MM_PER_INCH
    dots = round(width * dpi), round(height * dpi)
    if as_pixels:
        if dots[0] * dots[1] > MAX_DOTS:
            raise ConfigError(
                f"the figure would have {dots[0]}x{dots[1]} dots, more than {MAX_DOTS / 1e6:g} million; "
                "choose wider regions, a smaller width or fewer dots per inch"
            )
        width, height = dots[0] / dpi, dots[1] / dpi
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    # From mm, downwards, to inches, upwards.
    mm = Affine2D().scale(1 / MM_PER_INCH, -1 / MM_PER_INCH).translate(0, height) + figure.dpi_scale_trans
    draw = partial(_draw_dots, dpi=dpi, page_dots=dots[1]) if as_pixels else partial(_draw_vector, page=page)
    for item in page.items:
        if isinstance(item, Picture):
            draw(figure, item)
        elif isinstance(item, Frame):
            _draw_frame(figure, item, mm)
        elif isinstance(item, Cross):
            _draw_cross(figure, item, mm)
        else:
            _draw_text(figure, item, font=page.font, mm=mm)
    return figure


def _draw_dots(figure: Figure, item: Picture, *, dpi: float, page_dots: int) -> None:
    """Resample to the dots of the page: no half-dot shifts, every pixel where it belongs."""
    rect = item.rect
    edges = (rect.left, rect.top, rect.right, rect.bottom)
    left, top, right, bottom = (round(edge / MM_PER_INCH * dpi) for edge in edges)
    pixels = _resampled(item.pixels, (max(1, bottom - top), max(1, right - left)), item.smooth)
    figure.figimage(pixels, left, page_dots - top - len(pixels), origin="upper")


def _resampled(pixels: Image8, size: tuple[int, int], smooth: bool) -> Image8:
    height, width = size
    if smooth and height < pixels.shape[0]:
        from PIL import Image

        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))
    rows, columns = (
        np.minimum(((np.arange(count) + 0.5) * side / count).astype(np.intp), side - 1)
        for count, side in ((height, pixels.shape[0]), (width, pixels.shape[1]))
    )
    enlarged: Image8 = pixels[rows[:, None], columns]
    return enlarged


def _draw_vector(figure: Figure, item: Picture, page: Page) -> None:
    rect, width, height = item.rect, page.width, page.height
    place = (rect.left / width, 1 - rect.bottom / height, rect.width / width, rect.height / height)
    axes = figure.add_axes(place)
    axes.set_axis_off()
    axes.imshow(item.pixels, interpolation="none", aspect="auto")


def _draw_frame(figure: Figure, item: Frame, mm: Transform) -> None:
    from matplotlib.patches import Rectangle

    rect = item.rect
    figure.add_artist(
        Rectangle(
            (rect.left, rect.top),
            rect.width,
            rect.height,
            transform=mm,
            fill=False,
            edgecolor=item.colour,
            linewidth=item.points,
            joinstyle="miter",
            zorder=3,
        )
    )


def _draw_cross(figure: Figure, item: Cross, mm: Transform) -> None:
    from matplotlib.lines import Line2D

    for colour, points in (("white", 2.0), ("#e41a1c", 1.0)):
        figure.add_artist(
            Line2D(
                [item.x],
                [item.y],
                transform=mm,
                marker="+",
                markersize=2 * item.arm,
                markeredgewidth=points,
                color=colour,
                zorder=3,
            )
        )


def _draw_text(figure: Figure, item: Text, *, font: Font, mm: Transform) -> None:
    from matplotlib.font_manager import FontProperties

    figure.text(
        item.left,
        item.baseline,
        item.text,
        transform=mm,
        fontproperties=FontProperties(fname=str(font_file(font, item.bold)), size=item.size),
        verticalalignment="baseline",
        horizontalalignment="left",
        color="black",
        parse_math=False,
        zorder=4,
    )
