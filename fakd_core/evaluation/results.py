"""Scores of models on sets, and the JSON that `fakd evaluate --json` prints. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from fakd_core.errors import DataError
from fakd_core.evaluation.metrics import METRICS, PROTOCOL


@dataclass(frozen=True)
class ImageResult:
    """PSNR in dB and SSIM on Y of one image; `seconds` is the upscaling alone, the lesser of two if quick.

    `metrics` are what installed packages measure beside them, by name.
    """

    name: str
    psnr_y: float
    ssim_y: float
    seconds: float
    metrics: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class LeftOut:
    """An image of a set that no score could be had of: its file, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Result:
    """One model on one set; the scores are means over the `images` that were measured."""

    model: str
    dataset: str
    scale: int
    images: int
    psnr_y: float
    ssim_y: float
    per_image: tuple[ImageResult, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """The means of what installed packages measure, by name."""
        return mean_metrics(self.per_image)

    @property
    def coverage(self) -> str:
        """'5', or '4 of 5' where images were left out."""
        return covered(self.images, self.images + len(self.left_out))


@dataclass(frozen=True)
class Failure:
    """A model that could not be measured on a set; `dataset` and `scale` are None if it was on none."""

    model: str
    reason: str
    dataset: str | None = None
    scale: int | None = None


def mean_metrics(images: Sequence[ImageResult]) -> dict[str, float]:
    """The means of what every one of `images` was measured by beside PSNR and SSIM, by name."""
    first = images[0].metrics if images else {}
    shared = [name for name in first if all(name in image.metrics for image in images)]
    return {name: fmean(image.metrics[name] for image in images) for name in shared}


def covered(measured: int, of: int) -> str:
    """How many images an average is of: '5', or '4 of 5'."""
    return str(measured) if measured == of else f"{measured} of {of}"


def protocol(results: Iterable[Result]) -> dict[str, str]:
    """What each figure of `results` means, by name; `metrics.PROTOCOL` and the added metrics."""
    measured = {name for result in results for name in result.metrics}
    return PROTOCOL | {metric.name: metric.description for metric in METRICS if metric.name in measured}


def to_json(results: Iterable[Result], failures: Iterable[Failure] = ()) -> dict[str, Any]:
    """`{"results": [...], "protocol": {...}}`, for `json.dumps`; an infinite PSNR (SR equals HR) is None.

    A result that is not of all the set's images has `left_out`, and there is `failures` if there are some.
    Where metrics of installed packages were measured, results and images have them in `metrics`.
    """
    results = list(results)
    rows = []
    for result in results:
        row = _finite({**asdict(result), "metrics": result.metrics})
        for part in (row, *row["per_image"]):
            for name in ("left_out", "metrics"):
                if not part.get(name, True):
                    del part[name]
        rows.append(row)
    failed = [asdict(failure) for failure in failures]
    return {"results": rows, **({"failures": failed} if failed else {}), "protocol": protocol(results)}


def from_json(document: object) -> list[Result]:
    """The results in what `to_json` made; keys that others added are left alone.

    Raises `DataError` that says what is missing or wrong, and in which result.
    """
    rows = document.get("results") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise DataError(
            'expected {"results": [...]} as `fakd evaluate --json` prints it, found something else'
        )
    results = []
    for number, row in enumerate(rows, 1):
        try:
            results.append(_result(row))
        except KeyError as error:
            raise DataError(f"result {number} of {len(rows)} lacks {error}") from None
        except (OverflowError, TypeError, ValueError) as error:
            raise DataError(f"result {number} of {len(rows)} is damaged: {error}") from None
    return results


def failures_from_json(document: object) -> list[Failure]:
    """The failures in what `to_json` made; none where it lists none. Raises `DataError` as `from_json`."""
    rows = document.get("failures", []) if isinstance(document, dict) else []
    failures = []
    try:
        for row in rows:
            dataset, scale = row.get("dataset"), row.get("scale")
            failures.append(
                Failure(
                    str(row["model"]),
                    str(row["reason"]),
                    None if dataset is None else str(dataset),
                    None if scale is None else int(scale),
                )
            )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise DataError(f"failure {len(failures) + 1} is damaged: {error}") from None
    return failures


def _result(row: dict[str, Any]) -> Result:
    images = tuple(
        ImageResult(
            str(image["name"]),
            _psnr(image["psnr_y"]),
            float(image["ssim_y"]),
            float(image["seconds"]),
            {str(name): _psnr(value) for name, value in dict(image.get("metrics", {})).items()},
        )
        for image in row["per_image"]
    )
    return Result(
        str(row["model"]),
        str(row["dataset"]),
        int(row["scale"]),
        int(row["images"]),
        _psnr(row["psnr_y"]),
        float(row["ssim_y"]),
        images,
        tuple(LeftOut(str(image["file"]), str(image["reason"])) for image in row.get("left_out", ())),
    )


def _psnr(value: Any) -> float:
    return float("inf") if value is None else float(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if value == float("inf") else value
