"""One position's affinity by teacher and students as heat maps, with their differences and colour bars."""

from __future__ import annotations

from collections.abc import Iterator
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
from fakd_core.figures.inputs import FigureInputs, SourceImage
from fakd_core.figures.page import (
    GAP,
    Cross,
    Frame,
    Item,
    Line,
    Page,
    Picture,
    Rect,
    Span,
    Typesetter,
    frame_inside,
)
from fakd_core.figures.spec import AffinityFigure

BAR_HEIGHT = 2.2
MAX_BAR_WIDTH = 60.0
MIN_MAP_WIDTH = 10.0
"""All in mm."""
AFFINITY_COLOURS, DIFFERENCE_COLOURS = "bids:inferno", "colorbrewer:RdBu_r"
"""Names of cmap's colour maps."""
_EDGE = "#404040"


@dataclass(frozen=True, kw_only=True)
class StudentMap:
    """A student's row (h, w), its mean absolute difference to the teacher's, and the window's SA loss."""

    name: str
    row: Floats = field(repr=False)
    row_difference: float
    sa: float


@dataclass(frozen=True, kw_only=True)
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
    """Run the models and lay out the page, which comes last.

    Raises:
        ConfigError: The position is outside the image, a model has another scale, or the page is too narrow.
        DataError: The image can't be used.
        Cancelled: `cancel` was cancelled.
    """
    for event in affinity_maps(spec, inputs, cancel):
        yield event if isinstance(event, Progress) else _AffinityLayout(spec, event).page()


def affinity_maps(
    spec: AffinityFigure, inputs: FigureInputs, cancel: CancelToken
) -> Iterator[Progress | AffinityMaps]:
    """Compute the values of the figure, which come last. Raises as `compose_affinity`."""
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
    rows = [maps.affinity_row(spec.layer, y, x) for maps in features]
    stride = 1 if window.positions <= MAX_EXACT_POSITIONS else lattice_stride(window)
    students = []
    for model, maps, row in zip(spec.students, features[1:], rows[1:], strict=True):
        cancel.raise_if_cancelled()
        student = StudentMap(
            name=model.name,
            row=row,
            row_difference=float(np.abs(row - rows[0]).mean()),
            sa=sa_loss(maps, features[0], spec.layer, stride=stride),
        )
        students.append(student)
    yield AffinityMaps(
        image=image,
        window=window,
        tap=tap_title(features[0].spec, spec.layer),
        teacher=rows[0],
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

    def page(self) -> Page:
        spec, text = self._spec, self._text
        margin = max(1.0, spec.font_size * 0.08)
        panels = self._panels(margin)
        size = text.fitted_size([line for *_, lines in panels for line in lines], self._side)
        items: list[Item] = []
        for rect, picture, lines in panels:
            frame = Frame(rect, _EDGE, 0.5)
            items += [picture, frame, self._cross(rect), *text.below(rect, lines, size)]
        bottom = panels[-1][0].bottom + 2.35 * text.leading
        items += self._colour_bars(bottom + GAP)
        bottom += GAP + BAR_HEIGHT + 1.1 * text.leading
        caption = [Span(self.caption())]
        size = text.fitted_size([caption], spec.width)
        items += text.below(Rect(0, bottom, spec.width, 0), [caption], size)
        framed = [frame_inside(item, spec.width) for item in items]
        return Page(spec.width, bottom + 1.35 * text.leading + margin, spec.font, tuple(framed))

    def caption(self) -> str:
        """One line about the layer and the losses."""
        means = ", ".join(f"{student.name} {self._number(student.sa)}" for student in self._maps.students)
        return f"Layer {self._spec.layer} ({self._maps.tap}). Mean SA distance to the teacher: {means}"

    def _panels(self, top: float) -> list[tuple[Rect, Picture, list[Line]]]:
        """Every picture with the lines below it, the image first and the differences last."""
        spec, maps, name = self._spec, self._maps, self._spec.teacher.name
        y, x = spec.query
        shown = [
            (self._photo(), [spec.title, f"position y {y}, x {x}"]),
            (self._heat(maps.teacher), [name] if name.lower() == "teacher" else [name, "teacher"]),
            *((self._heat(one.row), [one.name, f"SA {self._number(one.sa)}"]) for one in maps.students),
        ]
        places = [(column, top) for column in range(len(shown))]
        if spec.differences:
            below = top if self._beside else top + self._height + 2.35 * self._text.leading + GAP
            for column, one in enumerate(maps.students, 3 if self._beside else 2):
                lines = ["student − teacher", f"mean |Δ| {one.row_difference:.4f}"]
                shown.append((self._difference(one.row), lines))
                places.append((column, below))
        panels: list[tuple[Rect, Picture, list[Line]]] = []
        for (column, row), (pixels, lines) in zip(places, shown, strict=True):
            rect = Rect(column * (self._side + GAP), row, self._side, self._height)
            panels.append((rect, Picture(pixels, rect, smooth=not panels), [[Span(line)] for line in lines]))
        return panels

    def _number(self, value: float) -> str:
        return f"≈{value:.4f}" if self._maps.estimated else f"{value:.4f}"

    def _photo(self) -> Image8:
        """The part of the image that the maps cover: of the HR where it is known."""
        image, window = self._maps.image, self._maps.window
        if image.hr is None:
            return image.lr[window.rows, window.columns]
        rows, columns = (
            slice(part.start * image.scale, part.stop * image.scale) for part in (window.rows, window.columns)
        )
        return image.hr[rows, columns]

    def _heat(self, row: Floats) -> Image8:
        return self._blend(apply_colour_map(row, AFFINITY_COLOURS, self._spec.range))

    def _difference(self, row: Floats) -> Image8:
        limit = self._spec.difference_range
        difference = row - self._maps.teacher
        return self._blend(apply_colour_map(difference, DIFFERENCE_COLOURS, (-limit, limit)))

    def _blend(self, colours: Image8) -> Image8:
        """The colours over the LR image, by the figure's opacity."""
        opacity, window = self._spec.opacity, self._maps.window
        if opacity == 1:
            return colours
        below = self._maps.image.lr[window.rows, window.columns].astype(np.float64)
        return np.round(opacity * colours + (1 - opacity) * below).astype(np.uint8)

    def _cross(self, rect: Rect) -> Cross:
        (y, x), window = self._spec.query, self._maps.window
        mm = rect.width / window.width
        left, top = rect.left + (x - window.left + 0.5) * mm, rect.top + (y - window.top + 0.5) * mm
        return Cross(left, top, min(5.0, self._spec.font_size * 0.6))

    def _colour_bars(self, top: float) -> Iterator[Item]:
        """Colour bars with their ends and meaning."""
        spec, text = self._spec, self._text
        limit = spec.difference_range
        bars = [("affinity", *spec.range, AFFINITY_COLOURS)]
        if spec.differences:
            bars.append(("difference", -limit, limit, DIFFERENCE_COLOURS))
        room = spec.width / len(bars)
        for number, (meaning, low, high, colours) in enumerate(bars):
            width = min(MAX_BAR_WIDTH, 0.8 * room)
            rect = Rect((number + 0.5) * room - width / 2, top, width, BAR_HEIGHT)
            ramp = np.linspace(low, high, 256, dtype=np.float32)[None]
            yield Picture(apply_colour_map(ramp, colours, (low, high)), rect)
            yield Frame(rect, _EDGE, 0.5)
            for label, share in ((f"{low:g}", 0.0), (meaning, 0.5), (f"{high:g}", 1.0)):
                line = [Span(label.replace("-", "−"))]
                x, baseline = rect.left + share * width, rect.bottom + text.leading
                yield from text.centre(line, spec.font_size, x=x, baseline=baseline)
