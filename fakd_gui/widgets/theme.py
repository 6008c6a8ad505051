"""Colours, palette, style sheet, icons and colour maps of the light and the dark theme."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QWidget

Scheme = Literal["system", "light", "dark"]
Lut = npt.NDArray[np.uint8]
W = TypeVar("W", bound=QWidget)

PARTS = (
    "DS",
    "TS",
    "SA",
    "PSA",
    "CA",
    "IA",
    "FSP",
    "AT",
    "FitNet",
    "MMD",
    "RBF",
    "Haar",
    "ZoomIn",
    "ZoomOut",
    "LC",
)
"""Parts of the loss with a colour of their own."""


@dataclass(frozen=True)
class Theme:
    """Every colour of the app as '#rrggbb'. A thing has the same colour in every workspace."""

    dark: bool
    window: str
    panel: str
    """Cards, plots and lists."""
    field: str
    """Line edits and buttons."""
    border: str
    text: str
    muted: str
    """Secondary text; readable on `window` and `panel`."""
    accent: str
    good: str
    warning: str
    bad: str
    bad_fill: str
    """Background of error banners and invalid fields."""
    teacher: str
    students: tuple[str, ...]
    """With the teacher's, bicubic's and HR's they differ in lightness, too: also for colour-blind users."""
    bicubic: str
    hr: str
    more: tuple[str, ...]
    """For the `PARTS` after those that share a colour with the HR image, the teacher and the students."""

    @property
    def student(self) -> str:
        return self.students[0]

    @property
    def on_accent(self) -> str:
        """Text and icons on `accent` and on the colours of models."""
        return "#10151b" if self.dark else "#ffffff"

    def student_colour(self, index: int) -> str:
        """The colour of the student `index`, counted from 0; nine differ."""
        colours = self.students + self.more
        return colours[index % len(colours)]

    def part_colour(self, name: str) -> str:
        """The colour of a part of the loss: 'DS', 'TS', or a distillation term with or without options."""
        colours = self.hr, self.teacher, *self.students, *self.more
        return dict(zip(PARTS, colours, strict=True)).get(re.split("[(@]", name)[0], self.bicubic)


LIGHT = Theme(
    dark=False,
    window="#f3f4f6",
    panel="#ffffff",
    field="#ffffff",
    border="#cfd4da",
    text="#1c2128",
    muted="#5b6470",
    accent="#1f6fc5",
    good="#187a48",
    warning="#9a6200",
    bad="#c1272d",
    bad_fill="#fde8e8",
    teacher="#1f6fc5",
    students=("#b45000", "#73016d", "#007d71", "#563700", "#ce2a72"),
    bicubic="#3a3e44",
    hr="#175f3c",
    more=("#5b4bd6", "#7a4a21", "#347590", "#b0413e", "#5c6900", "#4d5b8c", "#8b1e1e", "#8a5aa8"),
)

DARK = Theme(
    dark=True,
    window="#1b1e23",
    panel="#22262c",
    field="#2b3037",
    border="#3d444d",
    text="#e6e9ed",
    muted="#a0a8b2",
    accent="#5aa7f5",
    good="#5fcf94",
    warning="#e8b04a",
    bad="#ff7b76",
    bad_fill="#4a2426",
    teacher="#5aa7f5",
    students=("#ff9d42", "#c680b6", "#63fbd5", "#fedf8f", "#ffacde"),
    bicubic="#aaaaaa",
    hr="#4eaa78",
    more=("#9d90ff", "#c69a6d", "#79bcd8", "#ef8a86", "#c3cf5a", "#a9b6e8", "#ffb3a7", "#d5b3f0"),
)


class ThemeWatcher(QObject):
    """Holds the current theme and signals its changes; one per application, see `watcher`."""

    changed = Signal(object)

    scheme: Scheme = "system"
    theme: Theme | None = None

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        app.styleHints().colorSchemeChanged.connect(self._refresh)
        self._refresh()

    def choose(self, scheme: Scheme) -> None:
        """Follow the system, or stay light or dark."""
        self.scheme = scheme
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        # The platform is informed too, so that native title bars and dialogs agree.
        QGuiApplication.styleHints().setColorScheme(schemes.get(scheme, Qt.ColorScheme.Unknown))
        self._refresh()

    def _refresh(self) -> None:
        system_is_dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
        dark = system_is_dark if self.scheme == "system" else self.scheme == "dark"
        theme, app = DARK if dark else LIGHT, self.parent()
        if theme is self.theme:
            return
        self.theme = theme
        app.setPalette(_palette(theme))
        app.setStyleSheet(_style_sheet(theme))
        pg.setConfigOptions(background=theme.panel, foreground=theme.text)
        self.changed.emit(theme)


def watcher() -> ThemeWatcher:
    """The application's watcher, created on first use; there must be a QApplication."""
    app = QApplication.instance()
    return app.findChild(ThemeWatcher) or ThemeWatcher(app)


def current_theme() -> Theme:
    return watcher().theme


def follow_theme(owner: QObject, apply: Callable[[Theme], None]) -> None:
    """Call `apply(theme)` now and whenever the theme changes, until `owner` is deleted."""
    signal = watcher().changed
    connection = signal.connect(apply)
    owner.destroyed.connect(lambda: signal.disconnect(connection))
    apply(current_theme())


def apply_theme(app: QApplication) -> None:
    """Set style, palette and pyqtgraph's options, before the first widget is created."""
    app.setStyle("Fusion")
    pg.setConfigOptions(imageAxisOrder="row-major", antialias=True)
    watcher()


def icon(name: str, colour: str | None = None) -> QIcon:
    """The Material Design icon `name` ('play', 'image-plus', ...) in the text colour or in `colour`."""
    import qtawesome

    theme = current_theme()
    return qtawesome.icon(f"mdi6.{name}", color=colour or theme.text, color_disabled=theme.border)


def style_plot(plot: pg.PlotItem, theme: Theme) -> None:
    """Give a plot the theme's background, axes and grid."""
    view = plot.getViewWidget()
    if view is not None:
        view.setBackground(theme.panel)
    for side in ("left", "bottom", "right", "top"):
        axis = plot.getAxis(side)
        axis.setPen(theme.border)
        axis.setTextPen(theme.muted)
    plot.titleLabel.setAttr("color", theme.text)


def with_role(widget: W, role: str) -> W:
    """Give `widget` a look of the style sheet: 'heading', 'muted', 'primary', ..."""
    widget.setProperty("role", role)
    return widget


def restyle(widget: QWidget, **properties: object) -> None:
    """Set dynamic properties, and apply the style sheet again if one changed."""
    changed = {name: value for name, value in properties.items() if widget.property(name) != value}
    for name, value in changed.items():
        widget.setProperty(name, value)
    if changed:
        widget.style().unpolish(widget)
        widget.style().polish(widget)
        widget.update()


@lru_cache(maxsize=8)
def colour_lut(name: str) -> Lut:
    """(256, 3) uint8 RGB of cmap's colour map `name`, as 'bids:viridis'; read-only."""
    from cmap import Colormap

    table = np.round(np.asarray(Colormap(name).lut(256))[:, :3] * 255).astype(np.uint8)
    table.setflags(write=False)
    return table


def affinity_lut() -> Lut:
    """(256, 3) uint8 RGB for affinities in [0, 1]; perceptually uniform and safe for colour-blind users."""
    return colour_lut("bids:inferno")


def difference_lut() -> Lut:
    """(256, 3) uint8 RGB for differences in [-1, 1]; blue below, near-white at 0, red above."""
    return colour_lut("colorbrewer:RdBu_r")


def _palette(theme: Theme) -> QPalette:
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    for colour, roles in (
        (theme.window, (role.Window, role.AlternateBase)),
        (theme.field, (role.Base, role.ToolTipBase, role.Button, role.Light)),
        (theme.text, (role.WindowText, role.ToolTipText, role.Text, role.ButtonText)),
        (theme.muted, (role.PlaceholderText,)),
        (theme.border, (role.Midlight, role.Mid, role.Dark)),
        (theme.accent, (role.Highlight, role.Link, role.Accent)),
        (theme.on_accent, (role.HighlightedText,)),
        (theme.bad, (role.BrightText,)),
        ("#000000" if theme.dark else "#9aa3ad", (role.Shadow,)),
    ):
        for which in roles:
            palette.setColor(which, QColor(colour))
    faded = QColor(theme.muted)
    faded.setAlpha(140)
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(group.Disabled, which, faded)
    palette.setColor(group.Disabled, role.Highlight, QColor(theme.border))
    return palette


def _style_sheet(theme: Theme) -> str:
    """The style sheet for cards, headings, invalid fields, the banner and the primary button."""
    return f"""
    QToolTip {{ color: {theme.text}; background: {theme.field};
        border: 1px solid {theme.border}; padding: 4px; }}
    QLabel[role="heading"] {{ font-weight: 600; }}
    QLabel[role="muted"] {{ color: {theme.muted}; }}
    QLabel[role="error"] {{ color: {theme.bad}; }}
    QLabel[role="warning"] {{ color: {theme.warning}; }}
    QFrame[role="card"] {{ background: {theme.panel};
        border: 1px solid {theme.border}; border-radius: 6px; }}
    QLineEdit[invalid="true"] {{ background: {theme.bad_fill};
        border: 1px solid {theme.bad}; border-radius: 3px; }}
    QComboBox[invalid="true"] {{ background: {theme.bad_fill}; }}
    QFrame[role="banner"] {{ background: {theme.bad_fill};
        border: 1px solid {theme.bad}; border-radius: 4px; }}
    QFrame[role="banner"] QLabel {{ color: {theme.text}; }}
    QFrame[role="notice"] {{ background: {theme.field};
        border: 1px solid {theme.border}; border-radius: 4px; }}
    QPushButton[role="primary"] {{ background: {theme.accent}; color: {theme.on_accent}; font-weight: 600;
        border: 1px solid {theme.accent}; border-radius: 4px; padding: 5px 16px; }}
    QPushButton[role="primary"]:hover {{ border-color: {theme.text}; }}
    QPushButton[role="primary"]:focus {{ border: 2px solid {theme.text}; padding: 4px 15px; }}
    QPushButton[role="primary"]:disabled {{ background: {theme.border}; color: {theme.muted};
        border-color: {theme.border}; }}
    """
