"""Scores of models on sets of images, and their forms as JSON and CSV. Loads no torch."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import inf, isfinite, isinf
from statistics import fmean
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from fakd_core.errors import DataError
from fakd_core.evaluation.metrics import METRICS, PROTOCOL
from fakd_core.settings import format_validation_error

T = TypeVar("T")
Score = Annotated[float, BeforeValidator(lambda value: inf if value is None else value)]
"""An infinite PSNR (SR equals HR) is null in JSON."""


@dataclass(frozen=True)
class EvalSet:
    """A set of images at a scale; `data` is its folder, or its name if the folder is unknown."""

    data: str
    scale: int


@dataclass(frozen=True)
class Cell:
    """One model, by its reference, on one set."""

    ref: str
    eval_set: EvalSet


@dataclass(frozen=True)
class ImageResult:
    """Scores of one image: PSNR in dB and SSIM on luma, and those of the metrics of installed packages.

    `seconds` is the upscaling time alone. `seen` is how the model learned from the image; empty if it
    did not, as far as its file knows. `transparent` images are scored as they look on white.
    """

    name: str
    psnr_y: Score
    ssim_y: float
    seconds: float
    metrics: Mapping[str, Score] = field(default_factory=dict, hash=False)
    seen: Literal["", "training", "validation"] = ""
    transparent: bool = False


@dataclass(frozen=True)
class Unseen:
    """Means over the images of a set that a model did not learn from."""

    images: int
    psnr_y: float
    ssim_y: float


@dataclass(frozen=True)
class LeftOut:
    """An image of a set that could not be scored: its file, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Result:
    """One model on one set; the scores are means over the `images` that were scored.

    An infinite PSNR (SR equals HR) counts in no mean; `infinite_psnr` names these images. `lr` is where the
    LR images came from; empty if unknown.
    """

    model: str
    dataset: str
    scale: int
    images: int
    psnr_y: Score
    ssim_y: float
    per_image: tuple[ImageResult, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    lr: str = ""

    @property
    def infinite_psnr(self) -> tuple[str, ...]:
        return tuple(image.name for image in self.per_image if isinf(image.psnr_y))

    @property
    def transparent(self) -> int:
        """The number of images with transparent pixels."""
        return sum(image.transparent for image in self.per_image)

    @property
    def images_in_set(self) -> int:
        return self.images + len(self.left_out)

    @property
    def seconds(self) -> float | None:
        """Mean upscaling time per image; None if the images are not known one by one."""
        return fmean(image.seconds for image in self.per_image) if self.per_image else None

    @property
    def metrics(self) -> dict[str, float]:
        """Means of the metrics of installed packages that every image has, by name."""
        first = self.per_image[0].metrics if self.per_image else {}
        shared = [name for name in first if all(name in image.metrics for image in self.per_image)]
        return {name: finite_mean(image.metrics[name] for image in self.per_image) for name in shared}

    @property
    def seen(self) -> dict[str, int]:
        """The numbers of images that the model was trained on ("training") or chosen by ("validation")."""
        return dict(Counter(image.seen for image in self.per_image if image.seen))

    @property
    def unseen(self) -> Unseen | None:
        """The means over the other images; None without them."""
        images = [image for image in self.per_image if not image.seen]
        if not images:
            return None
        psnr, ssim = (finite_mean(getattr(image, name) for image in images) for name in ("psnr_y", "ssim_y"))
        return Unseen(len(images), psnr, ssim)

    @property
    def coverage(self) -> str:
        """'5', or '4 of 5' if images were left out."""
        return coverage(self.images, self.images_in_set)

    def compares_with(self, other: Result) -> bool:
        """True if both are means over the same images, as far as is known."""
        if not self.per_image or not other.per_image:
            return True
        mine, theirs = (
            {image.name for image in result.per_image} - set(result.infinite_psnr) for result in (self, other)
        )
        return mine == theirs


@dataclass(frozen=True)
class Failure:
    """A model that could not be evaluated on a set; `dataset` and `scale` are None if on none.

    `details` is the traceback of an unexpected error; it is not written to JSON.
    """

    model: str
    reason: str
    dataset: str | None = None
    scale: int | None = None
    details: str = field(default="", repr=False, compare=False)


def finite_mean(values: Iterable[float]) -> float:
    """The mean of the finite `values`; infinity if there are none."""
    finite = [value for value in values if isfinite(value)]
    return fmean(finite) if finite else inf


def coverage(scored: int, images: int) -> str:
    """The number of images in a mean: '5', or '4 of 5'."""
    return str(scored) if scored == images else f"{scored} of {images}"


def seen_sentence(result: Result, model: str) -> str:
    """Say that `model` learned from images it was scored on, and its scores on the others; else empty."""
    verbs = {"training": "trained on", "validation": "chosen by its scores on"}
    uses = [f"{verbs[use]} {result.seen[use]}" for use in verbs if use in result.seen]
    if not uses:
        return ""
    what = f"{model} was {' and '.join(uses)} of the {result.images} images of {result.dataset}"
    if result.unseen is None:
        return f"{what}: no score on unseen images"
    images, psnr, ssim = result.unseen.images, result.unseen.psnr_y, result.unseen.ssim_y
    others = "the other one" if images == 1 else f"the other {images}"
    return f"{what}; on {others} PSNR {psnr:.3f} dB, SSIM {ssim:.4f}"


def infinity_sentence(result: Result, model: str) -> str:
    """Name the images on which the PSNR of `model` is infinite; empty if there are none."""
    names = result.infinite_psnr
    if not names:
        return ""
    shown = ", ".join(names[:3]) + ", ..." * (len(names) > 3)
    return (
        f"{model} equals HR on {len(names)} of the {result.images} images of {result.dataset} ({shown}): "
        "PSNR is infinite there and counts in no mean"
    )


def set_sentences(results: Iterable[Result]) -> dict[str, None]:
    """Say of each set where its LR images came from and how many images are transparent, each once."""
    said: dict[str, None] = {}
    for result in results:
        name = f"{result.dataset} x{result.scale}"
        if result.lr:
            said[f"{name}: LR images {result.lr}"] = None
        if result.transparent:
            said[f"{name}: {result.transparent} of {result.images} images have transparent pixels"] = None
    return said


def added_metrics(results: Iterable[Result]) -> list[str]:
    """Names of the metrics of installed packages in `results`, in the order of first appearance."""
    return list(dict.fromkeys(name for result in results for name in result.metrics))


def protocol(results: Iterable[Result]) -> dict[str, str]:
    """The meaning of each value in `results`, by name: `metrics.PROTOCOL` and the added metrics."""
    added = added_metrics(results)
    return PROTOCOL | {metric.name: metric.description for metric in METRICS if metric.name in added}


def to_json(results: Iterable[Result], failures: Iterable[Failure] = ()) -> dict[str, Any]:
    """`{"results": [...], "protocol": {...}}`, for `json.dumps`; an infinite PSNR (SR equals HR) is None.

    A result over a part of its set has `left_out`, and `failures` is there if there are some. Metrics of
    installed packages stand in `metrics` of results and images. If the model learned from some of the images,
    these have `seen` ("training" or "validation"), and the result has their numbers in `seen` and the means
    over the others in `unseen`, None without others. `lr` says where the LR images came from, `infinite_psnr`
    names the images whose PSNR is in no mean, and `transparent` counts those with transparent pixels.
    """
    results = list(results)
    rows = []
    for result in results:
        values = {name: getattr(result, name) for name in ("metrics", "seen", "infinite_psnr", "transparent")}
        row = _finite({**asdict(result), **values})
        if result.seen:
            row["unseen"] = _finite(asdict(result.unseen)) if result.unseen else None
        for part in (row, *row["per_image"]):
            for name in ("left_out", "metrics", "seen", "lr", "infinite_psnr", "transparent"):
                if not part.get(name, True):
                    del part[name]
        rows.append(row)
    failed = [
        {name: value for name, value in asdict(failure).items() if name != "details"} for failure in failures
    ]
    return {"results": rows, **({"failures": failed} if failed else {}), "protocol": protocol(results)}


def from_json(document: object) -> list[Result]:
    """Read the results that `to_json` wrote; unknown keys are ignored.

    Raises `DataError` that names the result if something is missing or wrong.
    """
    rows = document.get("results") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise DataError(
            'expected {"results": [...]} as `fakd evaluate --json` prints it, found something else'
        )
    for number, row in enumerate(rows, 1):
        if isinstance(row, dict) and "per_image" not in row:
            raise DataError(f"result {number} of {len(rows)} is damaged: per_image: must be given")
    return _validated(Result, rows)


def failures_from_json(document: object) -> list[Failure]:
    """Read the failures that `to_json` wrote, if any; raises `DataError` as `from_json`."""
    rows = document.get("failures", []) if isinstance(document, dict) else []
    return _validated(Failure, rows if isinstance(rows, list) else [rows])


def _validated(kind: type[T], rows: list[object]) -> list[T]:
    adapter, items = TypeAdapter(kind), list[T]()
    for number, row in enumerate(rows, 1):
        try:
            items.append(adapter.validate_python(row))
        except ValidationError as error:
            reason = format_validation_error(error)
            raise DataError(f"{kind.__name__.lower()} {number} of {len(rows)} is damaged: {reason}") from None
    return items


def to_csv(results: Iterable[Result]) -> str:
    """A header, then one line per image and one named `mean` per result.

    A line of `mean` has the number of images scored and in the set; an image that was left out has its file
    and the reason instead of scores, and a mean without infinite values says so there. `seen` is how the
    model learned from an image. Metrics of installed packages are the last columns.
    """
    results = list(results)
    added = added_metrics(results)
    names = ["model", "dataset", "scale", "image", "psnr_y", "ssim_y", "seconds"]
    table: list[Sequence[object]] = [[*names, "images", "images_in_set", "left_out", "seen", *added]]
    for result in results:
        head = [result.model, result.dataset, result.scale]
        for image in result.per_image:
            scores = _digits(image.psnr_y, image.ssim_y, image.seconds)
            table.append([*head, image.name, *scores, "", "", "", image.seen, *_added(image.metrics, added)])
        for lost in result.left_out:
            table.append([*head, lost.file, "", "", "", "", "", lost.reason, "", *_added({}, added)])
        scores = _digits(result.psnr_y, result.ssim_y, result.seconds)
        counts = [result.images, result.images_in_set]
        infinite = infinity_sentence(result, "SR")
        table.append([*head, "mean", *scores, *counts, infinite, "", *_added(result.metrics, added)])
    return csv_text(table)


def csv_text(table: Iterable[Sequence[object]]) -> str:
    """`table` as CSV, one line per row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    # Names of files may hold bytes that are no UTF-8.
    return text.getvalue().encode(errors="backslashreplace").decode()


def _digits(psnr: float, ssim: float, seconds: float | None) -> list[str]:
    return [f"{psnr:.4f}", f"{ssim:.6f}", "" if seconds is None else f"{seconds:.4f}"]


def _added(metrics: Mapping[str, float], names: Iterable[str]) -> list[str]:
    return [f"{metrics[name]:.6g}" if name in metrics else "" for name in names]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
