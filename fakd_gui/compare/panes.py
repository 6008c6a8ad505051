"""The panes of a comparison: their keys and order, and the pairs that two of them form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from fakd_gui.compare.difference import Difference
from fakd_gui.widgets.theme import current_theme

BICUBIC = "bicubic"
HR = "HR"
LR = "LR"
SPLIT = "split"
DIFFERENCE = "difference"
LABELS = {BICUBIC: "Bicubic", HR: "HR", LR: "LR", SPLIT: "Split", DIFFERENCE: "Difference"}
"""Names of the panes with fixed keys; a model's key is its name in the session."""
PICTURE = "picture:"
"""Prefix of the key of a pane that shows an image file."""


@dataclass(frozen=True)
class Split:
    """Two results in one pane: `a` left of a vertical divider or above a horizontal one, `b` opposite."""

    a: str = ""
    b: str = ""
    vertical: bool = True


Pair = TypeVar("Pair", Split, Difference)


def picture_key(path: Path) -> str:
    return f"{PICTURE}{path}"


def picture_path(key: str) -> Path | None:
    """The image file that the pane `key` shows; None for other panes."""
    return Path(key.removeprefix(PICTURE)) if key.startswith(PICTURE) else None


def is_model(key: str) -> bool:
    """True if the pane `key` shows the output of a model."""
    return key not in LABELS and not key.startswith(PICTURE)


def pane_colour(key: str, teacher: str, students: Sequence[str]) -> str:
    theme = current_theme()
    if key == teacher:
        return theme.teacher
    if key in students:
        return theme.student_colour(students.index(key))
    return {BICUBIC: theme.bicubic, HR: theme.hr}.get(key, theme.muted)


def sort_by_order(keys: Sequence[str], order: Sequence[str]) -> list[str]:
    """`keys` in `order`; a key that isn't in it follows the key that it follows in `keys`."""
    placed = [key for key in order if key in keys]
    for index, key in enumerate(keys):
        if key not in placed:
            before = [other for other in keys[:index] if other in placed]
            placed.insert(placed.index(before[-1]) + 1 if before else 0, key)
    return placed


def swap_sides(pair: Pair) -> Pair:
    return replace(pair, a=pair.b, b=pair.a)


def fit_pair(pair: Pair, defaults: tuple[str, str], keys: Sequence[str]) -> Pair:
    """`pair` with sides that aren't in `keys` replaced by the defaults, and with two different sides."""
    a, b = (
        next(key for key in (*candidates, keys[0]) if key in keys)
        for candidates in zip((pair.a, pair.b), defaults, strict=True)
    )
    if a == b:
        b = keys[1] if a == keys[0] else keys[0]
    return replace(pair, a=a, b=b)
