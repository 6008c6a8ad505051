"""One position's affinity by teacher and students as heat maps, with their differences and colour bars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from typing import NamedTuple

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
from fakd_core.figures.inputs import FigureInputs, SourceImage
from fakd_core.figures.page import GAP, Cross, Frame, Item, Line, Page, Picture, Rect, Span, Typesetter
from fakd_core.figures.spec import AffinityFigure

BAR_HEIGHT = 2.2
MAX_BAR_WIDTH = 60.0
MIN_MAP_WIDTH = 10.0
"""All in mm."""
AFFINITY_COLOURS, DIFFERENCE_COLOURS = "bids:inferno", "colorbrewer:RdBu_r"
"""Names of cmap's colour maps."""
_EDGE = "#404040"


@dataclass(frozen=True, eq=False)
class StudentMap:
    """A student's name, its row (h, w) and its SA loss over the window."""

    name: str
    row: Floats = field(repr=False)
    sa: float


@dataclass(frozen=True, eq=False, kw_only=True)
class AffinityMaps:
    """The values of the figure. `estimated`: the SA losses are those of a lattice of positions."""

    image: SourceImage = field(repr=False)
    window: Window
    tap: str
    teacher: Floats = field(repr=False)
    students: tuple[StudentMap, ...]
    estimated: bool


def compose_affinity(
    spec: AffinityFigure, inputs: FigureInputs, cancel: CancelToken
) -> Iterator[Progress | Page]:
    """Run the models and lay out the page, which comes last. Raises as `draw.compose`."""
    for event in affinity_maps(spec, inputs, cancel):
        yield event if isinstance(event, Progress) else _AffinityLayout(spec, event).page()


def affinity_maps(
    spec: AffinityFigure, inputs: FigureInputs, cancel: CancelToken
) -> Iterator[Progress | AffinityMaps]:
    """Compute the values of the figure, which come last. Raises as `draw.compose`."""
    image = inputs.source_image(spec)
    height, width = image.lr.shape[:2]
    y, x = spec.query
    if y >= height or x >= width:
        raise ConfigError(
            f"the position y {y}, x {x} lies outside the LR image, which is {height} pixels high and "
            f"{width} wide; y must be in 0..{height - 1} and x in 0..{width - 1}"
        )
    window = window_around((height, width), y, x)
    models = (spec.teacher, *spec.students)
    # All models before any work: a wrong one is reported at once.
    for model in models:
        inputs.network(model.ref, image.scale)
    features = []
    for done, model in enumerate(models):
        cancel.raise_if_cancelled()
        yield Progress(done, len(models), model.name)
        features.append(inputs.features(image, model.ref, window=window, cancel=cancel))
    stride = 1 if window.positions <= MAX_EXACT_POSITIONS else lattice_stride(window)
    teacher, students = features[0], []
    for model, maps in zip(spec.students, features[1:], strict=True):
        cancel.raise_if_cancelled()
        loss = sa_loss(maps, teacher, spec.layer, stride=stride)
        students.append(StudentMap(model.name, maps.affinity_row(spec.layer, y, x), loss))
    yield AffinityMaps(
        image=image,
        window=window,
        tap=tap_title(teacher.spec, spec.layer),
        teacher=teacher.affinity_row(spec.layer, y, x),
        students=tuple(students),
        estimated=stride > 1,
    )


def apply_colour_map(values: Floats, name: str, bounds: tuple[float, float]) -> Image8:
    """Colours (h, w, 3) uint8 of (h, w) values by cmap's `name`; values beyond the bounds are clipped."""
    from cmap import Colormap

    table: Image8 = np.round(np.asarray(Colormap(name).lut(256))[:, :3] * 255).astype(np.uint8)
    low, high = bounds
    position = np.clip((values.astype(np.float64) - low) / (high - low), 0, 1)
    colours: Image8 = table[(position * (len(table) - 1) + 0.5).astype(np.intp)]
    return colours


class _Scale(NamedTuple):
    meaning: str
    colours: str
    bounds: tuple[float, float]


class _AffinityLayout:
    def __init__(self, spec: AffinityFigure, maps: AffinityMaps) -> None:
        self._spec = spec
        self._maps = maps
        self._text = Typesetter(spec.font, spec.font_size)
        # The difference of a single student stands beside it; those of several, each below its student.
        self._beside = spec.differences and len(maps.students) == 1
        across = 2 + len(maps.students) + self._beside
        self._side = (spec.width - (across - 1) * GAP) / across
        if self._side < MIN_MAP_WIDTH:
            raise ConfigError(
                f"width: {spec.width:g} mm leave {self._side:.1f} mm for each map, less than "
                f"{MIN_MAP_WIDTH:g}; choose fewer students or a wider page"
            )
        self._height = self._side * maps.window.height / maps.window.width
        limit = spec.difference_range
        self._affinity = _Scale("affinity", AFFINITY_COLOURS, spec.range)
        self._difference = _Scale("difference", DIFFERENCE_COLOURS, (-limit, limit))

    def page(self) -> Page:
        spec, text = self._spec, self._text
        panels = list(self._panels())
        size = text.fitted_size([line for *_, lines in panels for line in lines], self._side)
        items: list[Item] = []
        for rect, pixels, lines in panels:
            picture = Picture(pixels, rect, smooth=not items)
            items += [picture, Frame(rect, _EDGE, 0.5), self._cross(rect), *text.below(rect, lines, size)]
        bottom = panels[-1][0].bottom + 2.35 * text.leading + GAP
        items += self._colour_bars(bottom)
        bottom += BAR_HEIGHT + 1.1 * text.leading
        losses = ", ".join(f"{student.name} {self._number(student.sa)}" for student in self._maps.students)
        means = f"Mean SA distance to the teacher: {losses}"
        caption = [[Span(f"Layer {spec.layer} ({self._maps.tap}). {means}")]]
        size = text.fitted_size(caption, spec.width)
        items += text.below(Rect(0, bottom, spec.width, 0), caption, size)
        return text.page(items, spec.width, bottom + 1.35 * text.leading)

    def _panels(self) -> Iterator[tuple[Rect, Image8, list[Line]]]:
        """Every picture with its place and the lines below it, the image first and the differences last."""
        spec, maps, name = self._spec, self._maps, self._spec.teacher.name
        y, x = spec.query
        above = [
            (self._photo(), spec.title, f"position y {y}, x {x}"),
            (self._heat(maps.teacher, self._affinity), name, "teacher" if name.lower() != "teacher" else ""),
        ]
        below = []
        for one in maps.students:
            above.append((self._heat(one.row, self._affinity), one.name, f"SA {self._number(one.sa)}"))
            if spec.differences:
                difference = one.row - maps.teacher
                mean = f"mean |Δ| {np.abs(difference).mean():.4f}"
                below.append((self._heat(difference, self._difference), "student − teacher", mean))
        if self._beside:
            above, below = above + below, []
        second = self._text.margin + self._height + 2.35 * self._text.leading + GAP
        for top, first, panels in ((self._text.margin, 0, above), (second, 2, below)):
            for column, (pixels, *lines) in enumerate(panels, first):
                rect = Rect(column * (self._side + GAP), top, self._side, self._height)
                yield rect, pixels, [[Span(line)] for line in lines if line]

    def _number(self, value: float) -> str:
        return f"≈{value:.4f}" if self._maps.estimated else f"{value:.4f}"

    def _photo(self) -> Image8:
        """The part of the image that the maps cover: of the HR where it is known."""
        image, window = self._maps.image, self._maps.window
        if image.hr is None:
            return image.lr[window.rows, window.columns]
        top, left, height, width = (image.scale * side for side in astuple(window))
        return image.hr[top : top + height, left : left + width]

    def _heat(self, values: Floats, scale: _Scale) -> Image8:
        """The colours of `values` over the LR image, by the figure's opacity."""
        opacity, window = self._spec.opacity, self._maps.window
        below = self._maps.image.lr[window.rows, window.columns]
        blended = opacity * apply_colour_map(values, scale.colours, scale.bounds) + (1 - opacity) * below
        return np.round(blended).astype(np.uint8)

    def _cross(self, rect: Rect) -> Cross:
        (y, x), window = self._spec.query, self._maps.window
        mm = rect.width / window.width
        left, top = rect.left + (x - window.left + 0.5) * mm, rect.top + (y - window.top + 0.5) * mm
        return Cross(left, top, min(5.0, self._spec.font_size * 0.6))

    def _colour_bars(self, top: float) -> Iterator[Item]:
        """Colour bars with their ends and meaning."""
        spec, text = self._spec, self._text
        bars = [self._affinity, self._difference] if spec.differences else [self._affinity]
        room = spec.width / len(bars)
        for number, (meaning, colours, (low, high)) in enumerate(bars):
            width = min(MAX_BAR_WIDTH, 0.8 * room)
            rect = Rect((number + 0.5) * room - width / 2, top, width, BAR_HEIGHT)
            ramp = np.linspace(low, high, 256, dtype=np.float32)[None]
            yield Picture(apply_colour_map(ramp, colours, (low, high)), rect)
            yield Frame(rect, _EDGE, 0.5)
            for label, share in ((f"{low:g}", 0.0), (meaning, 0.5), (f"{high:g}", 1.0)):
                line = [Span(label.replace("-", "−"))]
                x, baseline = rect.left + share * width, rect.bottom + text.leading
                yield from text.centre(line, spec.font_size, x=x, baseline=baseline)
