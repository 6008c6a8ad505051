"""Validated settings of a figure, complete enough to draw it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, NonNegativeInt, PositiveInt, model_validator

from fakd_core.models.spec import TAP_COUNT, Scale
from fakd_core.runs.references import model_label
from fakd_core.settings import Settings

BICUBIC = "bicubic"
HR = "HR"
Metric = Literal["PSNR", "SSIM"]
_MM_PER = {"mm": 1.0, "cm": 10.0, "in": 25.4}


class Box(NamedTuple):
    """A rectangle in HR pixels."""

    x: NonNegativeInt
    y: NonNegativeInt
    width: PositiveInt
    height: PositiveInt


class Query(NamedTuple):
    """A position in LR pixels."""

    y: NonNegativeInt
    x: NonNegativeInt


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of text, without line breaks or control characters")
    return text


def _printable(name: str) -> str:
    """`name` with a question mark for every character that no font has."""
    return "".join(character if character.isprintable() else "?" for character in name)


Label = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]


class FigureModel(Settings):
    """A model reference, `bicubic` or `HR`, and the label below it; without one, its short name."""

    ref: str = Field(min_length=1)
    label: Label = ""

    @property
    def name(self) -> str:
        return self.label or _printable(
            "Bicubic" if self.ref == BICUBIC else model_label(self.ref) or self.ref
        )

    @property
    def is_network(self) -> bool:
        return self.ref not in (BICUBIC, HR)


def _with_label(value: Any) -> Any:
    """Take a bare reference for a model without a label; spell `bicubic` and `HR` as they are known."""
    if isinstance(value, str):
        value = {"ref": value}
    if isinstance(value, dict) and isinstance(ref := value.get("ref"), str):
        return {**value, "ref": {BICUBIC: BICUBIC, "hr": HR}.get(ref.lower(), ref)}
    return value


def _millimetres(value: Any) -> Any:
    """170, '170 mm', '17 cm' or '6.7 in' in mm; anything but text is left to the validator."""
    if isinstance(value, str):
        for unit, factor in _MM_PER.items():
            if value.endswith(unit):
                try:
                    return round(float(value.removesuffix(unit)) * factor, 4)
                except ValueError:
                    break
        raise ValueError("must be a width such as 170, '170 mm', '8.5 cm' or '3.5 in'")
    return value


Model = Annotated[FigureModel, BeforeValidator(_with_label)]


class FigureSettings(Settings):
    """The settings of every figure: the image, and the size in print."""

    image: Path
    image_is: Literal["hr", "lr"] = "hr"
    """An HR image is downscaled by MATLAB's bicubic; an LR image has no ground truth."""
    scale: Scale = 4
    caption: Label = ""
    """Below the image; empty: the file's name."""
    width: Annotated[float, BeforeValidator(_millimetres)] = Field(170.0, ge=20, le=1000)
    """Width of the page in mm."""
    dpi: int = Field(300, ge=50, le=1200)
    """Resolution of a PNG; a PDF holds the images at their own."""
    font: Literal["sans", "serif"] = "sans"
    font_size: float = Field(7.0, ge=3, le=30)
    """In points."""

    @property
    def title(self) -> str:
        return self.caption or _printable(self.image.stem)


class CropFigure(FigureSettings):
    """The whole image with regions boxed, beside it the same regions by every model."""

    kind: Literal["crops"] = "crops"
    regions: tuple[Box, ...] = Field(min_length=1, max_length=6)
    models: tuple[Model, ...] = Field(min_length=1, max_length=24)
    metrics: tuple[Metric, ...] | None = None
    """Below the crops; None: both, if there is a ground truth."""
    metrics_of: Literal["image", "crop"] = "image"
    columns: int | None = Field(None, ge=1, le=24)
    """None: two rows for a single region, else one row for each region."""

    @model_validator(mode="after")
    def _check_truth(self) -> Self:
        if self.image_is == "lr":
            if any(model.ref == HR for model in self.models):
                raise ValueError(
                    "models: an LR image has no HR; take HR off the models, or give the HR image"
                )
            if self.metrics:
                raise ValueError(
                    "metrics: an LR image has no HR to measure against; give metrics = [], or the HR image"
                )
        return self

    @property
    def shown_metrics(self) -> tuple[Metric, ...]:
        """The metrics below the crops."""
        if self.metrics is None:
            return () if self.image_is == "lr" else ("PSNR", "SSIM")
        return tuple(dict.fromkeys(self.metrics))

    @property
    def column_count(self) -> int:
        count = len(self.models)
        if self.columns is not None:
            return min(self.columns, count)
        return count if len(self.regions) > 1 or count < 4 else -(-count // 2)


class AffinityFigure(FigureSettings):
    """One position's affinity to every other, by teacher and students, and their differences."""

    kind: Literal["affinity"] = "affinity"
    teacher: Model
    students: tuple[Model, ...] = Field(min_length=1, max_length=6)
    layer: int = Field(ge=0, lt=TAP_COUNT)
    query: Query
    differences: bool = True
    range: tuple[float, float] = (0.0, 1.0)
    """Range of the affinities' colours: fixed, so that figures can be compared."""
    difference_range: float = Field(1.0, gt=0, le=2)
    """The differences' colours go from minus this to this."""
    opacity: float = Field(1.0, ge=0, le=1)
    """Opacity of the maps over the image."""

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        low, high = self.range
        if not -1 <= low < high <= 1:
            raise ValueError(
                f"range: must go from a lower to a higher value within -1..1 (found {list(self.range)})"
            )
        if not all(model.is_network for model in (self.teacher, *self.students)):
            raise ValueError("teacher and students must be models: bicubic and HR have no features")
        return self


FigureSpec = CropFigure | AffinityFigure
