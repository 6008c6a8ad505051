"""Texts have a contrast of at least 4.5:1 in both themes, as WCAG 2 asks for at level AA."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from fakd_gui.app import make_application
from fakd_gui.widgets.theme import DARK, LIGHT, PARTS, Theme, watcher

MIN_CONTRAST = 4.5


def luminance(colour: QColor) -> float:
    """Relative luminance by WCAG 2."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in colour.getRgbF()[:3]
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: QColor, b: QColor) -> float:
    darker, lighter = sorted((luminance(a), luminance(b)))
    return (lighter + 0.05) / (darker + 0.05)


def text_pairs(theme: Theme) -> Iterator[tuple[str, str]]:
    """Colours of text or icons, each with a background that it stands on."""
    models = (theme.teacher, *theme.students, theme.bicubic, theme.hr)
    texts = {theme.text, theme.muted, theme.accent, theme.good, theme.warning, theme.bad, *models}
    for text in texts | {theme.part_colour(part) for part in PARTS}:
        for background in (theme.window, theme.panel, theme.field):
            yield text, background
    for text in (theme.text, theme.bad):
        yield text, theme.bad_fill
    # The digits in the coloured boxes of panes, and the primary button.
    for background in (theme.accent, theme.muted, *models):
        yield theme.on_accent, background


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_theme_colours_can_be_read(theme: Theme) -> None:
    low = {
        pair: round(ratio, 2)
        for pair in text_pairs(theme)
        if (ratio := contrast(QColor(pair[0]), QColor(pair[1]))) < MIN_CONTRAST
    }
    assert low == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_palette_of_the_app_can_be_read(qapp: QApplication, scheme: str) -> None:
    make_application()
    role = QPalette.ColorRole
    pairs = (
        (role.WindowText, role.Window),
        (role.Text, role.Base),
        (role.Text, role.AlternateBase),
        (role.PlaceholderText, role.Base),
        (role.ButtonText, role.Button),
        (role.HighlightedText, role.Highlight),
        (role.ToolTipText, role.ToolTipBase),
        (role.Link, role.Window),
        (role.Link, role.Base),
    )
    try:
        watcher().choose(scheme)  # type: ignore[arg-type]
        palette = qapp.palette()
        low = [
            (text.name, below.name)
            for text, below in pairs
            if contrast(palette.color(text), palette.color(below)) < MIN_CONTRAST
        ]
    finally:
        watcher().choose("system")
    assert low == []
