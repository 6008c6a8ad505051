"""The panes of a comparison: their keys and order, and the pairs that two of them form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fakd_core.data.resize import BICUBIC
from fakd_gui.compare.difference import Difference
from fakd_gui.session.library import Library
from fakd_gui.session.library_keys import picture_path
from fakd_gui.widgets.theme import current_theme

HR = "HR"
LR = "LR"
SPLIT = "split"
DIFFERENCE = "difference"
LABELS = {BICUBIC: "Bicubic", HR: "HR", LR: "LR", SPLIT: "Split", DIFFERENCE: "Difference"}
"""Names of the panes with fixed keys; a model's key is its name in the session."""


@dataclass(frozen=True)
class Split:
    """Two results in one pane: `a` left of a vertical divider or above a horizontal one, `b` opposite."""

    a: str = ""
    b: str = ""
    vertical: bool = True


Pair = TypeVar("Pair", Split, Difference)


def is_model(key: str) -> bool:
    """True if the pane `key` shows the output of a model."""
    return key not in LABELS and picture_path(key) is None


def pane_colour(key: str, library: Library) -> str:
    theme = current_theme()
    if key == library.teacher:
        return theme.teacher
    fixed = {BICUBIC: theme.bicubic, HR: theme.hr}.get(key, theme.muted)
    return fixed if key in LABELS else theme.student_colour(library.colour_number(key))


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
