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
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fakd_core import __version__
from fakd_core.errors import ConfigError
from fakd_core.events import Image8
from fakd_core.figures.page import Cross, Frame, Page, Picture, Text, font_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MM_PER_INCH = 25.4
MAX_DOTS = 250_000_000
"""Bound of a PNG: a region of a single column would make a page many metres high."""
_CREATOR = f"FAKD Workbench {__version__}"
_PNG_KEY = "fakd-recipe"
_PDF_KEYWORDS = b"/Keywords ("
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
    chunks.add_text("Software", _CREATOR)
    chunks.add_itxt(_PNG_KEY, recipe)
    image = Image.fromarray(page_pixels(page, dpi))
    image.save(path, format="PNG", dpi=(dpi, dpi), pnginfo=chunks)


def write_pdf(page: Page, path: Path, *, title: str, recipe: str) -> None:
    """Write the page as PDF with `recipe` in it, without a date: the same page gives the same bytes."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    metadata = {"Title": title, "Creator": _CREATOR, "Producer": "matplotlib", "Keywords": recipe}
    with _default_settings():
        canvas = FigureCanvasPdf(_figure(page, 72, as_pixels=False))
        canvas.print_pdf(path, metadata={**metadata, "CreationDate": None})  # type: ignore[no-untyped-call]


def read_embedded(path: Path) -> str | None:
    """The recipe that `write_png` or `write_pdf` put into `path`; None if there is none."""
    if path.suffix.lower() == ".pdf":
        return _pdf_string(path.read_bytes(), _PDF_KEYWORDS)
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.info.get(_PNG_KEY)
    except (OSError, ValueError, SyntaxError):
        return None


def _pdf_string(data: bytes, start_mark: bytes) -> str | None:
    """The string after the last `start_mark`; parentheses in it are escaped or balanced."""
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
    return raw.decode("utf-16" if raw.startswith(codecs.BOM_UTF16_BE) else "latin-1", "replace")


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
    from matplotlib.font_manager import FontProperties
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle
    from matplotlib.transforms import Affine2D

    width, height = page.width / MM_PER_INCH, page.height / MM_PER_INCH
    if as_pixels:
        across, down = round(width * dpi), round(height * dpi)
        if across * down > MAX_DOTS:
            raise ConfigError(
                f"the figure would have {across}x{down} dots, more than {MAX_DOTS / 1e6:g} million; "
                "choose wider regions, a smaller width or fewer dots per inch"
            )
        width, height = across / dpi, down / dpi
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    # From mm, downwards, to inches, upwards.
    to_inches = Affine2D().scale(1 / MM_PER_INCH, -1 / MM_PER_INCH).translate(0, height)
    mm = to_inches + figure.dpi_scale_trans
    for item in page.items:
        match item:
            case Picture() if as_pixels:
                _draw_dots(figure, item, dpi)
            case Picture(pixels, rect):
                place = (rect.left, page.height - rect.bottom, rect.width, rect.height)
                axes = figure.add_axes(np.divide(place, (page.width, page.height) * 2).tolist())
                axes.set_axis_off()
                axes.imshow(pixels, interpolation="none", aspect="auto")
            case Frame(rect, colour, points):
                outline = Rectangle((rect.left, rect.top), rect.width, rect.height, transform=mm, fill=False)
                outline.set(edgecolor=colour, linewidth=points, joinstyle="miter", zorder=3)
                figure.add_artist(outline)
            case Cross(x, y, arm):
                for colour, points in (("white", 2.0), ("#e41a1c", 1.0)):
                    marker = Line2D([x], [y], transform=mm, marker="+", color=colour, zorder=3)
                    marker.set(markersize=2 * arm, markeredgewidth=points)
                    figure.add_artist(marker)
            case Text(text, left, baseline, size, bold):
                font = FontProperties(fname=str(font_file(page.font, bold)), size=size)
                figure.text(left, baseline, text, font=font, transform=mm, parse_math=False, zorder=4)
    return figure


def _draw_dots(figure: Figure, item: Picture, dpi: float) -> None:
    """Resample to the dots of the page: no half-dot shifts, every pixel where it belongs."""
    rect, pixels = item.rect, item.pixels
    edges = (rect.left, rect.top, rect.right, rect.bottom)
    left, top, right, bottom = (round(edge / MM_PER_INCH * dpi) for edge in edges)
    size = max(1, bottom - top), max(1, right - left)
    if item.smooth and size[0] < pixels.shape[0]:
        from PIL import Image

        pixels = np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BOX))
    else:
        nearest = [
            (np.arange(dots) + 0.5) * side / dots for dots, side in zip(size, pixels.shape, strict=False)
        ]
        pixels = pixels[np.ix_(*(positions.astype(np.intp) for positions in nearest))]
    figure.figimage(pixels, left, round(figure.bbox.height) - top - size[0], origin="upper")
