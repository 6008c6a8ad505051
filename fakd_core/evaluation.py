"""Benchmark sets × models → PSNR and SSIM by the papers' protocol."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from fakd_core.datasets import SRDataset
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken, Image8, Progress
from fakd_core.images import write_png
from fakd_core.inference import bicubic_upscale, upscale
from fakd_core.metrics import psnr_y, ssim_y
from fakd_core.results import ImageResult, Result, to_json

if TYPE_CHECKING:
    from fakd_core.models import SRNetwork

__all__ = ["ImageResult", "Result", "evaluate", "to_csv", "to_json"]

OnProgress = Callable[[Progress], None]
OnResult = Callable[["Result"], None]


def evaluate(
    models: Mapping[str, SRNetwork | None],
    dataset: SRDataset,
    *,
    on_progress: OnProgress | None = None,
    on_result: OnResult | None = None,
    cancel: CancelToken | None = None,
    tile: int | None = None,
    save_dir: Path | None = None,
) -> list[Result]:
    """Score every model (None: bicubic) on every image of `dataset`, in the order given.

    `on_progress` counts images over all models, `on_result` gets each model's row as soon as it is done.
    `tile` as in `fakd_core.inference.upscale`. With `save_dir`, outputs are written to
    `save_dir/<model>/<dataset>/<image>.png`.

    Raises `ConfigError` before any work if a model's scale is not the dataset's, `DataError` for an
    image that can't be used, `Cancelled` between layers once `cancel` is cancelled.
    """
    for name, model in models.items():
        if model is not None and model.spec.scale != dataset.scale:
            raise ConfigError(
                f"{name} is an x{model.spec.scale} network, but x{dataset.scale} was asked for; "
                f"choose scale {model.spec.scale} or another model"
            )
    folders = _folder_names(models)
    results = []
    total = len(models) * len(dataset)
    for position, (name, model) in enumerate(models.items()):
        scores = []
        for index in range(len(dataset)):
            if cancel is not None:
                cancel.raise_if_cancelled()
            pair = dataset.load(index)
            began = time.perf_counter()
            sr = (
                bicubic_upscale(pair.lr, dataset.scale)
                if model is None
                else upscale(model, pair.lr, tile, cancel=cancel)
            )
            seconds = time.perf_counter() - began
            scores.append(_score(pair.name, sr, pair.hr, dataset.scale, seconds))
            if save_dir is not None:
                write_png(save_dir / folders[name] / dataset.name / f"{pair.name}.png", sr)
            if on_progress is not None:
                on_progress(Progress(position * len(dataset) + index + 1, total, f"{name}: {pair.name}"))
        result = _summary(name, dataset, scores)
        results.append(result)
        if on_result is not None:
            on_result(result)
    return results


def to_csv(results: Iterable[Result]) -> str:
    """A heading, then one line per image and one named `mean` per result."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "dataset", "scale", "image", "psnr_y", "ssim_y", "seconds"])
    for result in results:
        head = [result.model, result.dataset, result.scale]
        seconds = fmean(image.seconds for image in result.per_image)
        for image in result.per_image:
            writer.writerow([*head, image.name, *_digits(image.psnr_y, image.ssim_y, image.seconds)])
        writer.writerow([*head, "mean", *_digits(result.psnr_y, result.ssim_y, seconds)])
    return text.getvalue()


def _score(name: str, sr: Image8, hr: Image8, scale: int, seconds: float) -> ImageResult:
    try:
        return ImageResult(name, psnr_y(sr, hr, scale), ssim_y(sr, hr, scale), seconds)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None


def _summary(model: str, dataset: SRDataset, scores: Sequence[ImageResult]) -> Result:
    psnr, ssim = fmean(score.psnr_y for score in scores), fmean(score.ssim_y for score in scores)
    return Result(model, dataset.name, dataset.scale, len(scores), psnr, ssim, tuple(scores))


def _folder_names(models: Iterable[str]) -> dict[str, str]:
    """A folder name for each model: the last part of its path, with as many before it as tell it apart."""
    paths = {name: Path(name).resolve() for name in models}

    def endings(path: Path) -> list[str]:
        return ["_".join(path.parts[start:]) for start in range(len(path.parts) - 1, 0, -1)]

    uses = Counter(ending for path in set(paths.values()) for ending in endings(path))
    return {
        name: next((ending for ending in endings(path) if uses[ending] == 1), path.name)
        for name, path in paths.items()
    }


def _digits(psnr: float, ssim: float, seconds: float) -> list[str]:
    return [f"{psnr:.4f}", f"{ssim:.6f}", f"{seconds:.4f}"]
