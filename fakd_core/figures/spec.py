"""What a figure shows: validated, and complete enough to make the figure again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, NonNegativeInt, PositiveInt, model_validator

from fakd_core.models.references import split_taps
from fakd_core.models.spec import TAP_COUNT, WEIGHT_SUFFIXES, Scale
from fakd_core.settings import Settings

BICUBIC = "bicubic"
HR = "HR"
Metric = Literal["PSNR", "SSIM"]
_MM_PER = {"mm": 1.0, "cm": 10.0, "in": 25.4}
_FILES_OF_A_RUN = frozenset({"student", "best", "last"})


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
        raise ValueError("must be one line of letters, without line ends or control characters")
    return text


def _printable(name: str) -> str:
    """A file's name with what no font has replaced."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


Line = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]


class Shown(Settings):
    """A model, or `bicubic` or `HR`, and the name that stands under it; empty: its short name."""

    ref: str = Field(min_length=1)
    label: Line = ""

    @property
    def name(self) -> str:
        return self.label or _printable(short_name(self.ref))

    @property
    def is_model(self) -> bool:
        return self.ref not in (BICUBIC, HR)


def short_name(ref: str) -> str:
    """A bundled name as it is, a run's name, or the stem of a checkpoint's file."""
    if ref == BICUBIC:
        return "Bicubic"
    path = Path(split_taps(ref)[0])
    if path.suffix.lower() not in WEIGHT_SUFFIXES:
        return path.name or ref
    if path.stem in _FILES_OF_A_RUN and path.parent.name:
        return path.parent.parent.name if path.parent.name == "checkpoints" else path.parent.name
    return path.stem


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        value = {"ref": value}
    if isinstance(value, dict) and isinstance(ref := value.get("ref"), str):
        special = {BICUBIC: BICUBIC, "hr": HR}.get(ref.lower(), ref)
        return {**value, "ref": special}
    return value


def _millimetres(value: Any) -> Any:
    """170, '170 mm', '17 cm' or '6.7 in' in mm; what is none of them is left for the validator to refuse."""
    if isinstance(value, str):
        for unit, factor in _MM_PER.items():
            if value.endswith(unit):
                try:
                    return round(float(value.removesuffix(unit)) * factor, 4)
                except ValueError:
                    break
        raise ValueError("must be a width such as 170, '170 mm', '8.5 cm' or '3.5 in'")
    return value


Named = Annotated[Shown, BeforeValidator(_shown)]


class Figure(Settings):
    """What every figure has: the image, and how large it is printed."""

    image: Path
    image_is: Literal["hr", "lr"] = "hr"
    """An HR image is reduced by MATLAB's bicubic; of an LR image there is no ground truth."""
    scale: Scale = 4
    caption: Line = ""
    """Under the image; empty: the file's name."""
    width: Annotated[float, BeforeValidator(_millimetres)] = Field(170.0, ge=20, le=1000)
    """Of the page, in mm."""
    dpi: int = Field(300, ge=50, le=1200)
    """Of a PNG; a PDF holds the images at their own resolution."""
    font: Literal["sans", "serif"] = "sans"
    font_size: float = Field(7.0, ge=3, le=30)
    """In points."""

    @property
    def title(self) -> str:
        return self.caption or _printable(self.image.stem)


class CropRecipe(Figure):
    """The whole image with regions boxed, beside it the same regions by every model."""

    kind: Literal["crops"] = "crops"
    regions: tuple[Box, ...] = Field(min_length=1, max_length=6)
    models: tuple[Named, ...] = Field(min_length=1, max_length=24)
    metrics: tuple[Metric, ...] | None = None
    """What stands under the crops; not given: both, where there is a ground truth."""
    metrics_of: Literal["image", "crop"] = "image"
    columns: int | None = Field(None, ge=1, le=24)
    """Not given: two rows for one region, one row for each of several."""

    @model_validator(mode="after")
    def _check_truth(self) -> Self:
        if self.image_is == "lr":
            if any(shown.ref == HR for shown in self.models):
                raise ValueError(
                    "models: an LR image has no HR; take HR off the models, or give the HR image"
                )
            if self.metrics:
                raise ValueError(
                    "metrics: an LR image has no HR to measure against; give metrics = [], or the HR image"
                )
        return self

    @property
    def scored(self) -> tuple[Metric, ...]:
        """The metrics that stand under the crops."""
        if self.metrics is None:
            return () if self.image_is == "lr" else ("PSNR", "SSIM")
        return tuple(dict.fromkeys(self.metrics))

    @property
    def column_count(self) -> int:
        count = len(self.models)
        if self.columns is not None:
            return min(self.columns, count)
        return count if len(self.regions) > 1 or count < 4 else -(-count // 2)


class AffinityRecipe(Figure):
    """One position's affinity to every other, by teacher and students, and their differences."""

    kind: Literal["affinity"] = "affinity"
    teacher: Named
    students: tuple[Named, ...] = Field(min_length=1, max_length=6)
    layer: int = Field(ge=0, lt=TAP_COUNT)
    query: Query
    differences: bool = True
    range: tuple[float, float] = (0.0, 1.0)
    """Of the affinities' colours: fixed, so that figures can be compared."""
    difference_range: float = Field(1.0, gt=0, le=2)
    """The differences' colours go from minus this to this."""
    opacity: float = Field(1.0, ge=0, le=1)
    """Of the maps over the image."""

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        low, high = self.range
        if not -1 <= low < high <= 1:
            raise ValueError(
                f"range: must go from a lower to a higher value within -1..1 (found {list(self.range)})"
            )
        if any(not shown.is_model for shown in (self.teacher, *self.students)):
            raise ValueError("teacher and students must be models: bicubic and HR have no features")
        return self


Recipe = CropRecipe | AffinityRecipe
