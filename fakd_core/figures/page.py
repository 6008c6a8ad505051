"""A page in mm: pictures, frames and lines of text, measured and placed but not yet drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from fakd_core.events import Image8

Font = Literal["sans", "serif"]
MM_PER_POINT = 25.4 / 72
GAP = 1.5
"""Between pictures, in mm."""
LINE_HEIGHT = 1.25
"""Distance of two baselines, as a multiple of the font size."""
MIN_SHRINK = 0.6
"""Long names are set smaller, down to this part of the font size; then their middle is left out."""
REGION_COLOURS = ("#e41a1c", "#1f78ff", "#2ca02c", "#ff9f00", "#c238d8", "#00b8c4")
"""By region: different in lightness too, and rare in photographs."""
_FONT_FILES: dict[tuple[Font, bool], str] = {
    ("sans", False): "DejaVuSans.ttf",
    ("sans", True): "DejaVuSans-Bold.ttf",
    ("serif", False): "STIXGeneral.ttf",
    ("serif", True): "STIXGeneralBol.ttf",
}


@dataclass(frozen=True)
class Rect:
    """In mm from the page's top left corner."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(frozen=True, eq=False)
class Picture:
    """An image over `rect`: averaged where it is `smooth` and a PNG has fewer dots, else made of squares."""

    pixels: Image8 = field(repr=False)
    rect: Rect
    smooth: bool = False


@dataclass(frozen=True)
class Frame:
    """A rectangle's outline, its line `points` wide and centred on the edge of `rect`."""

    rect: Rect
    colour: str
    points: float = 1.0


@dataclass(frozen=True)
class Cross:
    """Marks a position: centre in mm, arms in points."""

    x: float
    y: float
    arm: float = 5.0


@dataclass(frozen=True)
class Text:
    """Text from `left` on its `baseline`, in mm; `size` in points."""

    text: str
    left: float
    baseline: float
    size: float
    bold: bool = False


Item = Picture | Frame | Cross | Text


@dataclass(frozen=True)
class Page:
    """`width` and `height` in mm."""

    width: float
    height: float
    font: Font
    items: tuple[Item, ...]


class Span(NamedTuple):
    """A part of a line of text."""

    text: str
    bold: bool = False


Line = Sequence[Span]


@dataclass(frozen=True)
class Typesetter:
    """Measures and places lines of text."""

    font: Font
    size: float
    """In points."""

    @property
    def leading(self) -> float:
        """From a line's baseline to the next one's, in mm."""
        return LINE_HEIGHT * self.size * MM_PER_POINT

    @property
    def margin(self) -> float:
        """Above and below everything, in mm."""
        return max(1.0, self.size * 0.08)

    def page(self, items: Iterable[Item], width: float, bottom: float) -> Page:
        """The page of `width` mm with `items`, the lowest of which ends at `bottom`.

        Frames at its edges, where they would be cut, are moved inside by half a line.
        """
        placed: list[Item] = []
        for item in items:
            if isinstance(item, Frame):
                rect, half = item.rect, item.points * MM_PER_POINT / 2
                left, right = max(rect.left, half), min(rect.right, width - half)
                item = replace(item, rect=replace(rect, left=left, width=right - left))
            placed.append(item)
        return Page(width, bottom + self.margin, self.font, tuple(placed))

    def width(self, line: Line, size: float) -> float:
        """Width in mm of `line` at `size` points."""
        advances = (_advance(self.font, span.bold, character) for span in line for character in span.text)
        return sum(advances) * size * MM_PER_POINT

    def fitted_size(self, lines: Sequence[Line], width: float) -> float:
        """The largest size in points, at most `self.size`, at which every line fits `width` mm.

        At least 0.6 of `self.size`, whether the lines fit then or not.
        """
        widest = max((self.width(line, self.size) for line in lines), default=0.0)
        return self.size if widest <= width else max(MIN_SHRINK * self.size, self.size * width / widest)

    def shorten(self, text: str, width: float, size: float) -> str:
        """`text`, without as much of its middle as doesn't fit `width` mm."""
        kept, shown = len(text), text
        while kept > 2 and self.width([Span(shown)], size) > width:
            kept -= 1
            shown = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        return shown

    def centre(self, line: Line, size: float, *, x: float, baseline: float) -> list[Text]:
        """`line` at `size` points, with its middle at `x` mm."""
        left = x - self.width(line, size) / 2
        placed = []
        for span in line:
            placed.append(Text(span.text, left, baseline, size, span.bold))
            left += self.width([span], size)
        return placed

    def below(self, rect: Rect, lines: Sequence[Line], size: float) -> list[Text]:
        """`lines` centred below `rect`; a line of one span is shortened to its width."""
        placed: list[Text] = []
        for number, line in enumerate(lines, 1):
            if len(line) == 1:
                line = [Span(self.shorten(line[0].text, rect.width, size), line[0].bold)]
            baseline = rect.bottom + number * self.leading
            placed += self.centre(line, size, x=rect.left + rect.width / 2, baseline=baseline)
        return placed


def font_file(font: Font, bold: bool) -> Path:
    """The font's file in matplotlib: figures don't depend on the fonts that are installed."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / _FONT_FILES[font, bold]


@lru_cache(maxsize=4096)
def _advance(font: Font, bold: bool, character: str) -> float:
    """Width of a character as a multiple of the font size, unhinted."""
    from matplotlib.font_manager import get_font
    from matplotlib.ft2font import LoadFlags

    face = get_font(font_file(font, bold))
    face.set_size(64, 72)
    # Glyph 0, a box, stands for characters that the font lacks.
    glyph = face.load_glyph(face.get_char_index(ord(character)), flags=LoadFlags.NO_HINTING)
    return glyph.linearHoriAdvance / 65536 / 64
