"""All panes as one picture: images in a grid, each with its name and scores below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from fakd_core.events import Image8
from fakd_core.figures.page import GAP, Page, Picture, Rect, Span, Typesetter
from fakd_core.figures.rendering import page_pixels

DPI = 254
"""10 dots per mm."""
DOTS = DPI / 25.4
MAX_DOTS = 60_000_000
"""Larger pictures are reduced."""
MIN_WIDTH = 320
"""Narrower images are enlarged by a whole factor to at least this many dots, for room for the text."""
MIN_TEXT, TEXT_SHARE = 16, 1 / 26
"""Height of the text in dots, and as a share of an image's width if that is more."""


@dataclass(frozen=True, eq=False)
class Cell:
    """(H, W, 3) pixels, and the name and the figures below them."""

    pixels: Image8 = field(repr=False)
    name: str
    figures: str


def draw_sheet(cells: Sequence[Cell], size: tuple[int, int]) -> Image8:
    """(H, W, 3) of `cells` in a grid, each as (height, width) `size` dots or a multiple of that.

    Pixels stay exact unless the sheet would have more than 60 million dots.
    """
    height, width = size
    factor: float = math.ceil(MIN_WIDTH / width)
    columns = _columns(len(cells), height / width)
    rows = math.ceil(len(cells) / columns)
    factor = min(factor, math.sqrt(MAX_DOTS / (height * width * rows * columns)))
    cell = Rect(0, 0, width * factor / DOTS, height * factor / DOTS)
    text = Typesetter("sans", max(MIN_TEXT, cell.width * DOTS * TEXT_SHARE) * 72 / DPI)
    below = 2.5 * text.leading
    items = []
    for number, shown in enumerate(cells):
        row, column = divmod(number, columns)
        top = _whole(text.margin) + row * _whole(cell.height + below + GAP)
        rect = Rect(column * _whole(cell.width + GAP), top, cell.width, cell.height)
        lines = [[Span(shown.name, bold=True)], [Span(shown.figures)]]
        fitted = text.fitted_size(lines, cell.width)
        items += [Picture(shown.pixels, rect, smooth=factor < 1), *text.below(rect, lines, fitted)]
    right = columns * _whole(cell.width + GAP) - _whole(GAP)
    bottom = max(item.rect.bottom for item in items if isinstance(item, Picture)) + below
    page: Page = text.page(items, right, bottom)
    return page_pixels(page, DPI)


def _columns(count: int, aspect: float) -> int:
    """The number of columns at which the grid of images of this height to width is nearest to 4:3."""
    return min(
        range(1, count + 1),
        key=lambda columns: abs(math.log(math.ceil(count / columns) * aspect / columns * 4 / 3)),
    )


def _whole(millimetres: float) -> float:
    """Rounded up to whole dots, so that images begin on one."""
    return math.ceil(millimetres * DOTS - 1e-6) / DOTS
