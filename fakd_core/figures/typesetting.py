"""How wide words are in the fonts that come with matplotlib, and lines of them set around a middle."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fakd_core.figures.page import MM_PER_POINT, Font, Words

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

Piece = tuple[str, bool]
"""Words, and whether they are bold."""

SMALLEST = 0.6
"""Of the font size that was asked for: names that are longer still are cut in the middle."""
_FILES: dict[tuple[Font, bool], str] = {
    ("sans", False): "DejaVuSans.ttf",
    ("sans", True): "DejaVuSans-Bold.ttf",
    ("serif", False): "STIXGeneral.ttf",
    ("serif", True): "STIXGeneralBol.ttf",
}


def font_file(font: Font, bold: bool) -> Path:
    """Fonts that are the same on every machine: figures don't depend on what is installed."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / _FILES[font, bold]


def text_width(text: str, size: float, font: Font, bold: bool = False) -> float:
    """In mm."""
    return sum(_advance(font, bold, letter) for letter in text) * size * MM_PER_POINT


def fitted_size(lines: Sequence[Sequence[Piece]], width: float, size: float, font: Font) -> float:
    """The largest font size up to `size` at which every line fits `width` mm; at least 0.6 of it."""
    widest = max((_line_width(line, size, font) for line in lines), default=0.0)
    return size if widest <= width else max(SMALLEST * size, size * width / widest)


def shortened(text: str, width: float, size: float, font: Font) -> str:
    """`text`, with its middle left out as far as `width` mm demand."""
    kept = len(text)
    shown = text
    while kept > 2 and text_width(shown, size, font) > width:
        kept -= 1
        head = (kept + 1) // 2
        shown = f"{text[:head]}…{text[len(text) - (kept - head) :]}"
    return shown


def centred(pieces: Sequence[Piece], centre: float, baseline: float, size: float, font: Font) -> list[Words]:
    """A line of `pieces` around `centre` mm."""
    left = centre - _line_width(pieces, size, font) / 2
    words = []
    for text, bold in pieces:
        words.append(Words(text, left, baseline, size, bold))
        left += text_width(text, size, font, bold)
    return words


def _line_width(pieces: Sequence[Piece], size: float, font: Font) -> float:
    return sum(text_width(text, size, font, bold) for text, bold in pieces)


@lru_cache(maxsize=4)
def _face(font: Font, bold: bool) -> FT2Font:
    from matplotlib.ft2font import FT2Font

    return FT2Font(str(font_file(font, bold)))


@lru_cache(maxsize=4096)
def _advance(font: Font, bold: bool, letter: str) -> float:
    """In parts of the font size, unhinted."""
    from matplotlib.ft2font import LoadFlags

    face = _face(font, bold)
    face.set_size(64, 72)
    return face.load_char(ord(letter), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536 / 64
