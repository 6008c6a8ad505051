"""Scores of models on sets, and the JSON that `fakd evaluate --json` prints. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from fakd_core.errors import DataError
from fakd_core.metrics import PROTOCOL


@dataclass(frozen=True)
class ImageResult:
    """PSNR in dB and SSIM on Y of one image; `seconds` is the upscaling alone."""

    name: str
    psnr_y: float
    ssim_y: float
    seconds: float


@dataclass(frozen=True)
class Result:
    """One model on one set; the scores are means over its images."""

    model: str
    dataset: str
    scale: int
    images: int
    psnr_y: float
    ssim_y: float
    per_image: tuple[ImageResult, ...]


def to_json(results: Iterable[Result]) -> dict[str, Any]:
    """`{"results": [...], "protocol": {...}}`, for `json.dumps`; an infinite PSNR (SR equals HR) is None."""
    return {"results": [_finite(asdict(result)) for result in results], "protocol": dict(PROTOCOL)}


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
        except (TypeError, ValueError) as error:
            raise DataError(f"result {number} of {len(rows)} is damaged: {error}") from None
    return results


def _result(row: dict[str, Any]) -> Result:
    images = tuple(
        ImageResult(
            str(image["name"]), _psnr(image["psnr_y"]), float(image["ssim_y"]), float(image["seconds"])
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
    )


def _psnr(value: Any) -> float:
    return float("inf") if value is None else float(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if value == float("inf") else value
