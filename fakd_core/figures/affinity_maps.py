"""One position's affinity by teacher and students as heat maps, with their differences and colour bars."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fakd_core.errors import ConfigError
from fakd_core.evaluation.features import (
    MAX_EXACT_POSITIONS,
    Floats,
    Window,
    lattice_stride,
    sa_loss,
    tap_title,
    window_around,
)
from fakd_core.events import CancelToken, Image8, Progress
from fakd_core.figures.inputs import FigureInputs, OnProgress, SourceImage
from fakd_core.figures.page import MM_PER_POINT, Cross, Frame, Item, Page, Picture, Rect
from fakd_core.figures.spec import AffinityRecipe
from fakd_core.figures.typesetting import Piece, centred, fitted_size, shortened

GAP = 1.5
LINE = 1.25
BAR = 2.2
"""Height of a colour bar, in mm."""
_AFFINITY, _DIFFERENCE = "bids:inferno", "colorbrewer:RdBu_r"
_EDGE = "#404040"


@dataclass(frozen=True)
class Student:
    """A student's row (h, w), its mean distance to the teacher's, and the SA loss over all positions."""

    name: str
    row: Floats = field(repr=False)
    row_distance: float
    sa: float


@dataclass(frozen=True)
class Maps:
    """What the figure shows, as numbers. `estimated`: the SA losses are of a lattice of positions."""

    subject: SourceImage = field(repr=False)
    window: Window
    tap: str
    teacher: Floats = field(repr=False)
    students: tuple[Student, ...]
    estimated: bool


def compose_affinity(
    recipe: AffinityRecipe,
    materials: FigureInputs,
    on_progress: OnProgress | None,
    cancel: CancelToken | None,
) -> Page:
    """Run the models and lay the page out.

    Raises `ConfigError` for a position outside the image, a model of another scale or a page too narrow,
    `DataError` for a bad image, `Cancelled`.
    """
    return _Layout(recipe, affinity_maps(recipe, materials, on_progress, cancel)).page()


def affinity_maps(
    recipe: AffinityRecipe,
    materials: FigureInputs,
    on_progress: OnProgress | None,
    cancel: CancelToken | None,
) -> Maps:
    """The values behind the figure; raises as `compose_affinity`."""
    subject = materials.subject(recipe)
    height, width = subject.lr.shape[:2]
    y, x = recipe.query
    if y >= height or x >= width:
        raise ConfigError(
            f"the position y {y}, x {x} lies outside the LR image, which is {height} pixels high and "
            f"{width} wide; y must be in 0..{height - 1} and x in 0..{width - 1}"
        )
    window = window_around((height, width), y, x)
    everyone = (recipe.teacher, *recipe.students)
    # All of them before any work: a wrong one is reported at once.
    for shown in everyone:
        materials.model(shown.ref, subject.scale)
    features = []
    for done, shown in enumerate(everyone):
        if cancel is not None:
            cancel.raise_if_cancelled()
        if on_progress is not None:
            on_progress(Progress(done, len(everyone), shown.name))
        features.append(materials.features(subject, shown.ref, window, cancel))
    rows = [maps.affinity_row(recipe.layer, y, x) for maps in features]
    stride = 1 if window.positions <= MAX_EXACT_POSITIONS else lattice_stride(window)
    students = []
    for shown, maps, row in zip(recipe.students, features[1:], rows[1:], strict=True):
        if cancel is not None:
            cancel.raise_if_cancelled()
        distance = float(np.abs(row - rows[0]).mean())
        loss = sa_loss(maps, features[0], recipe.layer, stride)
        students.append(Student(shown.name, row, distance, loss))
    place = tap_title(features[0].spec, recipe.layer)
    return Maps(subject, window, place, rows[0], tuple(students), stride > 1)


def coloured(values: Floats, low: float, high: float, name: str) -> Image8:
    """(h, w) values -> (h, w, 3) uint8 by cmap's colour map `name` over [low, high]; beyond is clipped."""
    position = np.clip((values.astype(np.float64) - low) / (high - low), 0, 1)
    table = _table(name)
    colours: Image8 = table[(position * (len(table) - 1) + 0.5).astype(np.intp)]
    return colours


def _table(name: str) -> Image8:
    from cmap import Colormap

    table: Image8 = np.round(np.asarray(Colormap(name).lut(256))[:, :3] * 255).astype(np.uint8)
    return table


class _Layout:
    def __init__(self, recipe: AffinityRecipe, maps: Maps) -> None:
        self._recipe = recipe
        self._maps = maps
        self._leading = LINE * recipe.font_size * MM_PER_POINT
        self._below = 2.35 * self._leading

    def page(self) -> Page:
        recipe, maps = self._recipe, self._maps
        # One student's difference stands beside it; those of several, below each.
        beside = recipe.differences and len(maps.students) == 1
        across = 2 + len(maps.students) + beside
        side = (recipe.width - (across - 1) * GAP) / across
        if side < 10:
            raise ConfigError(
                f"width: {recipe.width:g} mm leave {side:.1f} mm for each map, less than 10; "
                "choose fewer students or a wider page"
            )
        height = side * maps.window.height / maps.window.width
        margin = max(1.0, recipe.font_size * 0.08)
        columns = [place * (side + GAP) for place in range(across)]
        items: list[Item] = []
        size = fitted_size(self._titles(), side, recipe.font_size, recipe.font)

        def panel(left: float, top: float, pixels: Image8, lines: list[str], smooth: bool = False) -> None:
            rect = Rect(left, top, side, height)
            items.extend([Picture(pixels, rect, smooth), Frame(rect, _EDGE, 0.5), self._cross(rect)])
            for number, text in enumerate(lines, 1):
                words: list[Piece] = [(shortened(text, side, size, recipe.font), False)]
                baseline = top + height + number * self._leading
                items.extend(centred(words, left + side / 2, baseline, size, recipe.font))

        panel(columns[0], margin, self._photo(), [recipe.title, self._where()], smooth=True)
        named = recipe.teacher.name
        own = [named] if named.lower() == "teacher" else [named, "teacher"]
        panel(columns[1], margin, self._heat(maps.teacher), own)
        for left, student in zip(columns[2:], maps.students, strict=False):
            panel(left, margin, self._heat(student.row), [student.name, self._sa_text(student)])
        bottom = margin + height + self._below
        if recipe.differences:
            top = margin if beside else bottom + GAP
            for left, student in zip(columns[3:] if beside else columns[2:], maps.students, strict=False):
                lines = ["student − teacher", f"mean |Δ| {student.row_distance:.4f}"]
                panel(left, top, self._delta(student.row), lines)
            bottom = top + height + self._below
        bottom = self._bars(items, bottom + GAP)
        caption = self.caption()
        size = fitted_size([[(caption, False)]], recipe.width, recipe.font_size, recipe.font)
        caption = shortened(caption, recipe.width, size, recipe.font)
        bottom += self._leading
        items.extend(centred([(caption, False)], recipe.width / 2, bottom, size, recipe.font))
        return Page(recipe.width, bottom + 0.35 * self._leading + margin, recipe.font, tuple(items))

    def caption(self) -> str:
        """What the maps are, in a line."""
        recipe, maps = self._recipe, self._maps
        means = ", ".join(f"{student.name} {self._number(student.sa)}" for student in maps.students)
        return f"Layer {recipe.layer} ({maps.tap}). Mean SA distance to the teacher: {means}"

    def _titles(self) -> list[list[Piece]]:
        recipe, maps = self._recipe, self._maps
        texts = [recipe.title, self._where(), recipe.teacher.name, "student − teacher"]
        texts += [text for s in maps.students for text in (s.name, self._sa_text(s))]
        return [[(text, False)] for text in texts]

    def _where(self) -> str:
        y, x = self._recipe.query
        return f"position y {y}, x {x}"

    def _sa_text(self, student: Student) -> str:
        return f"SA {self._number(student.sa)}"

    def _number(self, value: float) -> str:
        return f"≈{value:.4f}" if self._maps.estimated else f"{value:.4f}"

    def _photo(self) -> Image8:
        """The part of the image that the maps cover: the HR where it is known."""
        subject, window = self._maps.subject, self._maps.window
        if subject.hr is None:
            return subject.lr[window.rows, window.columns]
        scale = subject.scale
        rows = slice(window.rows.start * scale, window.rows.stop * scale)
        columns = slice(window.columns.start * scale, window.columns.stop * scale)
        return subject.hr[rows, columns]

    def _heat(self, row: Floats) -> Image8:
        return self._laid(coloured(row, *self._recipe.range, _AFFINITY))

    def _delta(self, row: Floats) -> Image8:
        limit = self._recipe.difference_range
        return self._laid(coloured(row - self._maps.teacher, -limit, limit, _DIFFERENCE))

    def _laid(self, colours: Image8) -> Image8:
        """The colours over the LR image, as far as the recipe's opacity lets it through."""
        opacity = self._recipe.opacity
        if opacity == 1:
            return colours
        window = self._maps.window
        below = self._maps.subject.lr[window.rows, window.columns].astype(np.float64)
        return np.round(opacity * colours + (1 - opacity) * below).astype(np.uint8)

    def _cross(self, rect: Rect) -> Cross:
        y, x = self._recipe.query
        window = self._maps.window
        per_pixel = rect.width / window.width
        return Cross(
            rect.left + (x - window.left + 0.5) * per_pixel,
            rect.top + (y - window.top + 0.5) * per_pixel,
            min(5.0, self._recipe.font_size * 0.6),
        )

    def _bars(self, items: list[Item], top: float) -> float:
        """Colour bars with their ends and meaning; returns where the last line stands."""
        recipe = self._recipe
        limit = recipe.difference_range
        bars = [("affinity", *recipe.range, _AFFINITY)]
        if recipe.differences:
            bars.append(("difference", -limit, limit, _DIFFERENCE))
        room = recipe.width / len(bars)
        for number, (what, low, high, name) in enumerate(bars):
            width = min(60.0, 0.8 * room)
            rect = Rect((number + 0.5) * room - width / 2, top, width, BAR)
            ramp = np.linspace(low, high, 256, dtype=np.float32)[None]
            items.extend([Picture(coloured(ramp, low, high, name), rect), Frame(rect, _EDGE, 0.5)])
            baseline = top + BAR + self._leading
            for text, x in (
                (f"{low:g}", rect.left),
                (what, rect.left + width / 2),
                (f"{high:g}", rect.left + width),
            ):
                text = text.replace("-", "−")
                items.extend(centred([(text, False)], x, baseline, recipe.font_size, recipe.font))
        return top + BAR + self._leading * 1.1
