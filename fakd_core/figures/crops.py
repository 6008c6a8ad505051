"""The papers' figure: the whole image with its regions boxed, beside it every model's crops with scores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fakd_core.errors import ConfigError
from fakd_core.evaluation.metrics import SSIM_WINDOW, psnr_y, ssim_y
from fakd_core.events import CancelToken, Image8, Progress, Scores
from fakd_core.figures.inputs import FigureInputs
from fakd_core.figures.page import GAP, REGION_COLOURS, Frame, Item, Page, Picture, Rect, Span, Typesetter
from fakd_core.figures.spec import HR, Box, CropFigure, Metric

MAX_IMAGE_WIDTH = 0.5
"""Part of the page's width: a wider image is printed smaller than the crops beside it are high."""
MIN_CROP_WIDTH = 6.0
"""In mm."""
_DECIMALS: dict[Metric, int] = {"PSNR": 2, "SSIM": 4}


@dataclass(frozen=True, eq=False)
class Column:
    """One model's image, its name and its scores by region; none for HR, or if none are shown."""

    name: str
    sr: Image8 = field(repr=False)
    scores: tuple[Scores, ...]


def compose_crops(spec: CropFigure, inputs: FigureInputs, cancel: CancelToken) -> Iterator[Progress | Page]:
    """Run the models and lay out the page, which comes last. Raises as `draw.compose`."""
    image = inputs.source_image(spec)
    height, width = (side * image.scale for side in image.lr.shape[:2])
    for x, y, box_width, box_height in spec.regions:
        if x + box_width > width or y + box_height > height:
            raise ConfigError(
                f"the region x {x}, y {y}, {box_width}x{box_height} lies outside the image, which is "
                f"{width}x{height} HR pixels; choose one inside"
            )
    # All models before any work: a wrong one is reported at once.
    for model in spec.models:
        if model.is_network:
            inputs.network(model.ref, image.scale)
    columns = []
    for done, model in enumerate(spec.models):
        cancel.raise_if_cancelled()
        yield Progress(done, len(spec.models), model.name)
        sr = inputs.output(image, model.ref, cancel)
        if image.hr is None or model.ref == HR or not spec.shown_metrics:
            scores: tuple[Scores, ...] = ()
        elif spec.metrics_of == "image":
            scores = (inputs.scores(image, model.ref, sr),) * len(spec.regions)
        else:
            scores = tuple(_scores(cut(sr, box), cut(image.hr, box)) for box in spec.regions)
        columns.append(Column(model.name, sr, scores))
    yield _CropLayout(spec, columns[-1].sr if image.hr is None else image.hr, columns).page()


def cut(image: Image8, box: Box) -> Image8:
    """The part of (H, W, 3) `image` inside `box`."""
    return image[box.y : box.y + box.height, box.x : box.x + box.width]


def _scores(sr: Image8, hr: Image8) -> Scores:
    fits = min(hr.shape[:2]) >= SSIM_WINDOW
    return Scores(psnr_y(sr, hr, 0), ssim_y(sr, hr, 0) if fits else math.nan)


class _CropLayout:
    def __init__(self, spec: CropFigure, image: Image8, columns: Sequence[Column]) -> None:
        self._spec = spec
        self._image = image
        self._columns = columns
        self._text = Typesetter(spec.font, spec.font_size)
        self._across = spec.column_count
        self._below = (2.35 if spec.shown_metrics else 1.35) * self._text.leading
        """Height in mm of the text under a picture."""
        # Height to width of the crops, from row to row.
        rows_each = -(-len(columns) // self._across)
        self._aspects = [box.height / box.width for box in spec.regions for _ in range(rows_each)]

    def page(self) -> Page:
        spec, height = self._spec, self._image.shape[0] / self._image.shape[1]
        image_width, side = self._widths()
        margin = self._text.margin
        grid_height = sum(self._aspects) * side + (len(self._aspects) - 1) * (self._below + GAP)
        # A low image stands in the middle beside its crops.
        top = margin + max(0.0, (grid_height - image_width * height) / 2)
        whole = Rect(0, top, image_width, image_width * height)
        items = [*self._whole_image(whole), *self._crops(Rect(image_width + GAP, margin, side, 0))]
        bottom = max(margin + grid_height, whole.bottom) + self._below
        return self._text.page(items, spec.width, bottom)

    def _widths(self) -> tuple[float, float]:
        """Widths in mm of the whole image and of a crop: both parts are equally high where there is room."""
        spec, tall = self._spec, sum(self._aspects)
        fixed = (len(self._aspects) - 1) * (self._below + GAP)
        aspect = self._image.shape[1] / self._image.shape[0]
        side = (spec.width - self._across * GAP - aspect * fixed) / (self._across + aspect * tall)
        image_width = aspect * (tall * side + fixed)
        if image_width > MAX_IMAGE_WIDTH * spec.width or side <= 0:
            image_width = MAX_IMAGE_WIDTH * spec.width
            side = (spec.width - image_width - self._across * GAP) / self._across
        if side < MIN_CROP_WIDTH:
            raise ConfigError(
                f"width: {spec.width:g} mm leave {max(side, 0):.1f} mm for each crop, less than "
                f"{MIN_CROP_WIDTH:g}; choose fewer columns, fewer regions or a wider page"
            )
        return image_width, side

    def _whole_image(self, rect: Rect) -> list[Item]:
        spec = self._spec
        items: list[Item] = [Picture(self._image, rect, smooth=True)]
        mm = rect.width / self._image.shape[1]
        for box, colour in zip(spec.regions, REGION_COLOURS, strict=False):
            left, top = rect.left + box.x * mm, rect.top + box.y * mm
            items.append(Frame(Rect(left, top, box.width * mm, box.height * mm), colour))
        lines = [[Span(f"{spec.title} (×{spec.scale})")]]
        if spec.shown_metrics:
            measured = "whole image" if spec.metrics_of == "image" else "crop"
            lines.append([Span(f"{'/'.join(spec.shown_metrics)} of the {measured}")])
        return [*items, *self._text.below(rect, lines, self._text.fitted_size(lines, rect.width))]

    def _crops(self, first: Rect) -> Iterator[Item]:
        """The grid of crops; `first` has the place and width of the first one."""
        lines = [
            [self._lines(column, region) for column in self._columns]
            for region in range(len(self._spec.regions))
        ]
        size = self._text.fitted_size([line for row in lines for cell in row for line in cell], first.width)
        top = first.top
        for region, (box, colour) in enumerate(zip(self._spec.regions, REGION_COLOURS, strict=False)):
            height = first.width * box.height / box.width
            for number, column in enumerate(self._columns):
                row, place = divmod(number, self._across)
                left = first.left + place * (first.width + GAP)
                rect = Rect(left, top + row * (height + self._below + GAP), first.width, height)
                yield Picture(cut(column.sr, box), rect)
                yield Frame(rect, colour)
                yield from self._text.below(rect, lines[region][number], size)
            top = rect.bottom + self._below + GAP

    def _lines(self, column: Column, region: int) -> list[list[Span]]:
        """The name, and the scores as '28.34/0.8123' with the best in bold; under HR, their names."""
        metrics = self._spec.shown_metrics
        spans: list[Span] = []
        for metric in metrics if column.scores else ():
            text = _text(_value(column, region, metric), metric)
            rivals = [_value(rival, region, metric) for rival in self._columns if rival.scores]
            is_best = len(rivals) > 1 and text == _text(max(rivals), metric)
            spans += [Span("/")] * bool(spans) + [Span(text, is_best)]
        return [[Span(column.name)], *([spans or [Span("/".join(metrics))]] if metrics else [])]


def _value(column: Column, region: int, metric: Metric) -> float:
    """Rounded as it is printed, so that equal texts are equally bold; -inf if there is no score."""
    value = float(getattr(column.scores[region], metric.lower()))
    return -math.inf if math.isnan(value) else round(value, _DECIMALS[metric])


def _text(value: float, metric: Metric) -> str:
    if value == -math.inf:
        return "–"
    return "∞" if math.isinf(value) else f"{value:.{_DECIMALS[metric]}f}"
