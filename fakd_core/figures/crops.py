"""The papers' figure: the whole image with its regions boxed, beside it every model's crops with scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from fakd_core.errors import ConfigError
from fakd_core.evaluation.metrics import SSIM_WINDOW
from fakd_core.events import CancelToken, Image8, Progress, Scores
from fakd_core.figures.inputs import FigureInputs, OnProgress, SourceImage
from fakd_core.figures.page import MM_PER_POINT, REGION_COLOURS, Frame, Item, Page, Picture, Rect, Words
from fakd_core.figures.spec import HR, Box, CropRecipe, Metric
from fakd_core.figures.typesetting import Piece, centred, fitted_size, shortened

GAP = 1.5
"""Between pictures, in mm."""
LARGEST_IMAGE = 0.5
"""Of the page's width: a wider image is printed smaller than the crops beside it are high."""
SMALLEST_CROP = 6.0
LINE = 1.25
_DECIMALS: dict[Metric, int] = {"PSNR": 2, "SSIM": 4}


@dataclass(frozen=True)
class Column:
    """One model's image, its name and, by region, its scores."""

    name: str
    is_truth: bool
    sr: Image8 = field(repr=False)
    scores: tuple[Scores | None, ...]


def compose_crops(
    recipe: CropRecipe, materials: FigureInputs, on_progress: OnProgress | None, cancel: CancelToken | None
) -> Page:
    """Run the models and lay the page out.

    Raises `ConfigError` for a region outside the image, a model of another scale or a page too narrow,
    `DataError` for a bad image, `Cancelled`.
    """
    subject = materials.subject(recipe)
    for box in recipe.regions:
        _check_inside(box, subject)
    # All of them before any work: a wrong one is told at once.
    for shown in recipe.models:
        if shown.is_model:
            materials.model(shown.ref, subject.scale)
    columns = []
    for done, shown in enumerate(recipe.models):
        if cancel is not None:
            cancel.raise_if_cancelled()
        if on_progress is not None:
            on_progress(Progress(done, len(recipe.models), shown.name))
        sr = materials.output(subject, shown.ref, None, cancel)
        scores = _scores(recipe, subject, shown.ref, sr, materials)
        columns.append(Column(shown.name, shown.ref == HR, sr, scores))
    return _Layout(recipe, subject, columns).page()


def cut(image: Image8, box: Box) -> Image8:
    """The part of (H, W, 3) `image` inside `box`."""
    return image[box.y : box.y + box.height, box.x : box.x + box.width]


def _check_inside(box: Box, subject: SourceImage) -> None:
    height, width = subject.size
    if box.x + box.width > width or box.y + box.height > height:
        raise ConfigError(
            f"the region x {box.x}, y {box.y}, {box.width}x{box.height} lies outside the image, which is "
            f"{width}x{height} HR pixels; choose one inside"
        )


def _scores(
    recipe: CropRecipe, subject: SourceImage, ref: str, sr: Image8, materials: FigureInputs
) -> tuple[Scores | None, ...]:
    from fakd_core.evaluation.metrics import psnr_y, ssim_y

    if not recipe.scored or subject.hr is None or ref == HR:
        return (None,) * len(recipe.regions)
    if recipe.metrics_of == "image":
        return (materials.scores(subject, ref, sr),) * len(recipe.regions)
    scores: list[Scores | None] = []
    for box in recipe.regions:
        part, truth = cut(sr, box), cut(subject.hr, box)
        fits = min(box.width, box.height) >= SSIM_WINDOW
        scores.append(Scores(psnr_y(part, truth, 0), ssim_y(part, truth, 0) if fits else math.nan))
    return tuple(scores)


class _Layout:
    def __init__(self, recipe: CropRecipe, subject: SourceImage, columns: Sequence[Column]) -> None:
        self._recipe = recipe
        self._columns = columns
        self._image = next((c.sr for c in columns if c.is_truth), None)
        if self._image is None:
            self._image = subject.hr if subject.hr is not None else columns[-1].sr
        self._across = recipe.column_count
        self._rows_each = -(-len(columns) // self._across)
        self._leading = LINE * recipe.font_size * MM_PER_POINT
        """From a line to the next, in mm."""
        self._below = (2 if recipe.scored else 1) * self._leading + 0.35 * self._leading
        """What the words under a picture take, in mm."""

    def page(self) -> Page:
        recipe, image = self._recipe, self._image
        assert image is not None
        tallness = [box.height / box.width for box in recipe.regions for _ in range(self._rows_each)]
        rows = len(tallness)
        fixed = (rows - 1) * (self._below + GAP)
        aspect = image.shape[1] / image.shape[0]
        side = (recipe.width - self._across * GAP - aspect * fixed) / (self._across + aspect * sum(tallness))
        image_width = aspect * (sum(tallness) * side + fixed)
        if image_width > LARGEST_IMAGE * recipe.width or side <= 0:
            image_width = LARGEST_IMAGE * recipe.width
            side = (recipe.width - image_width - self._across * GAP) / self._across
        if side < SMALLEST_CROP:
            raise ConfigError(
                f"width: {recipe.width:g} mm leave {max(side, 0):.1f} mm for each crop, less than "
                f"{SMALLEST_CROP:g}; choose fewer columns, fewer regions or a wider page"
            )
        margin = max(1.0, recipe.font_size * 0.08)
        grid_height = sum(tallness) * side + fixed
        image_height = image_width / aspect
        # A low image stands in the middle beside its crops.
        top = margin + max(0.0, (grid_height - image_height) / 2)
        whole = Rect(0, top, image_width, image_height)
        items: list[Item] = [*self._whole(whole)]
        size = fitted_size(self._all_lines(), side, recipe.font_size, recipe.font)
        at = margin
        for number, box in enumerate(recipe.regions):
            height = side * box.height / box.width
            for first in range(0, len(self._columns), self._across):
                row = self._columns[first : first + self._across]
                for place, column in enumerate(row):
                    left = image_width + GAP + place * (side + GAP)
                    rect = Rect(left, at, side, height)
                    items += self._crop(column, number, rect, size)
                at += height + self._below + GAP
        bottom = max(at - GAP, top + image_height + self._below) + margin
        return Page(recipe.width, bottom, recipe.font, tuple(self._inside(items)))

    def _inside(self, items: Sequence[Item]) -> list[Item]:
        """Frames lie half a line inside the page's left and right edge rather than being cut there."""
        inside: list[Item] = []
        for item in items:
            if isinstance(item, Frame):
                half = item.points * MM_PER_POINT / 2
                rect = item.rect
                left = max(rect.left, half)
                right = min(rect.left + rect.width, self._recipe.width - half)
                item = Frame(Rect(left, rect.top, right - left, rect.height), item.colour, item.points)
            inside.append(item)
        return inside

    def _whole(self, rect: Rect) -> list[Item]:
        recipe, image = self._recipe, self._image
        assert image is not None
        items: list[Item] = [Picture(image, rect, smooth=True)]
        per_pixel = rect.width / image.shape[1]
        for number, box in enumerate(recipe.regions):
            place = Rect(
                rect.left + box.x * per_pixel,
                rect.top + box.y * per_pixel,
                box.width * per_pixel,
                box.height * per_pixel,
            )
            items.append(Frame(place, REGION_COLOURS[number]))
        lines: list[list[Piece]] = [[(f"{recipe.title} (×{recipe.scale})", False)]]
        if recipe.scored:
            what = "whole image" if recipe.metrics_of == "image" else "crop"
            lines.append([(f"{'/'.join(recipe.scored)} of the {what}", False)])
        size = fitted_size(lines, rect.width, recipe.font_size, recipe.font)
        return items + self._under(rect, lines, size)

    def _crop(self, column: Column, region: int, rect: Rect, size: float) -> list[Item]:
        box = self._recipe.regions[region]
        lines = [[(column.name, False)]]
        if self._recipe.scored:
            lines.append(self._score_line(column, region))
        return [
            Picture(cut(column.sr, box), rect),
            Frame(rect, REGION_COLOURS[region]),
            *self._under(rect, lines, size),
        ]

    def _under(self, rect: Rect, lines: Sequence[Sequence[Piece]], size: float) -> list[Words]:
        words: list[Words] = []
        font = self._recipe.font
        baseline = rect.top + rect.height
        for pieces in lines:
            baseline += self._leading
            if len(pieces) == 1:
                pieces = [(shortened(pieces[0][0], rect.width, size, font), pieces[0][1])]
            words += centred(pieces, rect.left + rect.width / 2, baseline, size, font)
        return words

    def _all_lines(self) -> list[list[Piece]]:
        lines: list[list[Piece]] = [[(column.name, False)] for column in self._columns]
        if self._recipe.scored:
            regions = range(len(self._recipe.regions))
            lines += [self._score_line(column, region) for column in self._columns for region in regions]
        return lines

    def _score_line(self, column: Column, region: int) -> list[Piece]:
        """As '28.34/0.8123', the best of each bold; under HR, what the numbers are."""
        metrics = self._recipe.scored
        if column.is_truth:
            return [("/".join(metrics), False)]
        pieces: list[Piece] = []
        for metric in metrics:
            text = _figure(column, region, metric)
            rivals = [c for c in self._columns if not c.is_truth]
            best = max((_value(c, region, metric) for c in rivals), default=math.nan)
            is_best = len(rivals) > 1 and text == _text(best, metric)
            pieces += [("/", False)] * bool(pieces) + [(text, is_best)]
        return pieces


def _value(column: Column, region: int, metric: Metric) -> float:
    """As far as it is printed, so that equal figures are equally bold; below all where there is none."""
    scores = column.scores[region]
    value = math.nan if scores is None else scores.psnr if metric == "PSNR" else scores.ssim
    return -math.inf if math.isnan(value) else round(value, _DECIMALS[metric])


def _figure(column: Column, region: int, metric: Metric) -> str:
    return _text(_value(column, region, metric), metric)


def _text(value: float, metric: Metric) -> str:
    if value == -math.inf:
        return "–"
    return "∞" if math.isinf(value) else f"{value:.{_DECIMALS[metric]}f}"
