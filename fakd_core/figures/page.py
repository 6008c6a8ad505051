"""A figure as pictures, frames and words at their places in mm: all decided, nothing drawn yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from fakd_core.events import Image8

Font = Literal["sans", "serif"]
MM_PER_POINT = 25.4 / 72
REGION_COLOURS = ("#e41a1c", "#1f78ff", "#2ca02c", "#ff9f00", "#c238d8", "#00b8c4")
"""Of the regions, in order: apart in lightness too, and rare in photographs."""


@dataclass(frozen=True)
class Rect:
    """In mm from the page's top left corner."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Picture:
    """Pixels over `rect`: `smooth` ones are averaged where a PNG has fewer dots, the others stay crisp."""

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
class Words:
    """A line of text from `left` on its `baseline`, in mm; `size` in points."""

    text: str
    left: float
    baseline: float
    size: float
    bold: bool = False


Item = Picture | Frame | Cross | Words


@dataclass(frozen=True)
class Page:
    """`width` and `height` in mm."""

    width: float
    height: float
    font: Font
    items: tuple[Item, ...]
