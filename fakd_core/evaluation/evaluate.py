"""Benchmark sets × models → PSNR and SSIM by the papers' protocol."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from os.path import realpath
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from fakd_core.data.datasets import ImagePair, SRDataset
from fakd_core.data.image_files import write_image
from fakd_core.data.resize import bicubic_strips
from fakd_core.errors import ConfigError, DataError, FakdError
from fakd_core.evaluation.metrics import METRICS, psnr_y, ssim_y
from fakd_core.evaluation.results import ImageResult, LeftOut, Result, to_json
from fakd_core.events import CancelToken, Image8, Progress
from fakd_core.inference.upscale import reject_non_finite, upscale

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork

__all__ = ["ImageResult", "Result", "evaluate", "to_csv", "to_json"]

WARM_UP_SIZE = (32, 32)
TIMED_TWICE_BELOW = 0.25
"""Seconds. The first pass over images of a size makes what later ones find made: in a quick one it counts."""

OnProgress = Callable[[Progress], None]
OnResult = Callable[[Result], None]
OnFailure = Callable[[str, FakdError], None]


def evaluate(
    models: Mapping[str, SRNetwork | None],
    dataset: SRDataset,
    *,
    on_progress: OnProgress | None = None,
    on_result: OnResult | None = None,
    on_failure: OnFailure | None = None,
    cancel: CancelToken | None = None,
    tile: int | None = None,
    save_dir: Path | None = None,
) -> list[Result]:
    """Score every model (None: bicubic) on every image of `dataset`, in the order given.

    An image that can't be used is left out, and its result says so. `on_progress` counts images over all
    models, `on_result` gets each model's row as soon as it is done, `on_failure` the name of a model that
    could not be measured, and why; without it, that is raised. `tile` as in `fakd_core.inference.upscale`.
    With `save_dir`, outputs are written to `save_dir/<model>/<dataset>/<image>.png`.

    Raises `ConfigError` before any work if a model's scale is not the dataset's, or an output would replace
    an image of the set; `DataError` if no image can be used, or an output can't be written;
    `CheckpointError` for a model whose output is not finite; `Cancelled` between layers, or strips of an
    image, once `cancel` is cancelled.
    """
    for name, model in models.items():
        if model is not None and model.spec.scale != dataset.scale:
            raise ConfigError(
                f"{name} is an x{model.spec.scale} network, but x{dataset.scale} was asked for; "
                f"choose scale {model.spec.scale} or another model"
            )
    folders = _folder_names(models)
    if save_dir is not None:
        _check_set_is_kept(dataset, [save_dir / folder / dataset.name for folder in folders.values()])
    results = []
    total = len(models) * len(dataset)
    for position, (name, model) in enumerate(models.items()):

        def report(done: int, image: str, before: int = position * len(dataset), name: str = name) -> None:
            if on_progress is not None:
                on_progress(Progress(before + done, total, f"{name}: {image}"))

        outputs = save_dir / folders[name] / dataset.name if save_dir else None
        try:
            with nullcontext() if model is None else reject_non_finite(model, name):
                result = _measure(name, model, dataset, report, cancel, tile, outputs)
        except FakdError as error:
            if on_failure is None:
                raise
            on_failure(name, error)
            continue
        results.append(result)
        if on_result is not None:
            on_result(result)
    return results


def to_csv(results: Iterable[Result]) -> str:
    """A heading, then one line per image and one named `mean` per result.

    A line of `mean` tells how many images it is of, out of how many; an image that was left out has its file
    and the reason instead of figures. Metrics of installed packages are the last columns.
    """
    results = list(results)
    added = list(dict.fromkeys(name for result in results for name in result.metrics))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["model", "dataset", "scale", "image", "psnr_y", "ssim_y", "seconds"]
    writer.writerow([*names, "images", "images_in_set", "left_out", *added])
    for result in results:
        head = [result.model, result.dataset, result.scale]
        seconds = fmean(image.seconds for image in result.per_image)
        for image in result.per_image:
            figures = _digits(image.psnr_y, image.ssim_y, image.seconds)
            others = [f"{image.metrics[name]:.6g}" if name in image.metrics else "" for name in added]
            writer.writerow([*head, image.name, *figures, "", "", "", *others])
        for lost in result.left_out:
            writer.writerow([*head, lost.file, "", "", "", "", "", lost.reason, *("" for _ in added)])
        figures, whole = _digits(result.psnr_y, result.ssim_y, seconds), result.images + len(result.left_out)
        others = [f"{result.metrics[name]:.6g}" if name in result.metrics else "" for name in added]
        writer.writerow([*head, "mean", *figures, result.images, whole, "", *others])
    return text.getvalue()


def _check_set_is_kept(dataset: SRDataset, folders: Iterable[Path]) -> None:
    """Raise `ConfigError` if an output would replace an image of the set itself."""
    sources = {realpath(path) for path in (*dataset.hr_files, *dataset.lr_files) if path is not None}
    for target in (folder / f"{name}.png" for folder in folders for name in dataset.names):
        if realpath(target) in sources:
            raise ConfigError(
                f"{target}: an image of the set, which the output would replace; save elsewhere"
            )


def _measure(
    name: str,
    model: SRNetwork | None,
    dataset: SRDataset,
    report: Callable[[int, str], None],
    cancel: CancelToken | None,
    tile: int | None,
    outputs: Path | None,
) -> Result:
    scores, left_out = [], list[LeftOut]()
    if model is not None:
        # The first pass in a process makes what later ones find made: over a second that no image costs.
        upscale(model, np.zeros((*WARM_UP_SIZE, 3), np.uint8), tile, cancel=cancel)
    for index, image in enumerate(dataset.names):
        if cancel is not None:
            cancel.raise_if_cancelled()
        try:
            pair = dataset.load(index)
            sr, seconds = _timed(partial(_enlarge, model, pair.lr, dataset.scale, tile, cancel))
            scores.append(_score(pair, sr, dataset.scale, seconds, cancel))
        except (DataError, OSError) as error:
            left_out.append(_left_out(dataset, index, error))
        else:
            if outputs is not None:
                write_image(outputs / f"{image}.png", sr)
        report(index + 1, image)
    if not scores:
        others = " (nor can any other image of the set be used)" if left_out[1:] else ""
        raise DataError(f"{left_out[0].file}: {left_out[0].reason}{others}")
    psnr, ssim = fmean(score.psnr_y for score in scores), fmean(score.ssim_y for score in scores)
    return Result(name, dataset.name, dataset.scale, len(scores), psnr, ssim, tuple(scores), tuple(left_out))


def _timed(enlarge: Callable[[], Image8]) -> tuple[Image8, float]:
    """The picture, and the seconds it takes: of a quick one, the lesser of two passes."""
    began = time.perf_counter()
    sr = enlarge()
    seconds = time.perf_counter() - began
    if seconds >= TIMED_TWICE_BELOW:
        return sr, seconds
    began = time.perf_counter()
    enlarge()
    return sr, min(seconds, time.perf_counter() - began)


def _enlarge(
    model: SRNetwork | None, lr: Image8, scale: int, tile: int | None, cancel: CancelToken | None
) -> Image8:
    if model is None:
        return np.concatenate(list(bicubic_strips(lr, scale, cancel)))
    return upscale(model, lr, tile, cancel=cancel)


def _score(
    pair: ImagePair, sr: Image8, scale: int, seconds: float, cancel: CancelToken | None
) -> ImageResult:
    psnr, ssim = (score(sr, pair.hr, scale, cancel) for score in (psnr_y, ssim_y))
    return ImageResult(pair.name, psnr, ssim, seconds, dict(_others(pair, sr, scale)))


def _others(pair: ImagePair, sr: Image8, scale: int) -> Iterator[tuple[str, float]]:
    """What the metrics of installed packages say."""
    for metric in METRICS:
        try:
            yield metric.name, float(metric.score(sr, pair.hr, scale))
        except Exception as error:
            raise DataError(f"the metric {metric.name} fails ({type(error).__name__}: {error})") from error


def _left_out(dataset: SRDataset, index: int, error: DataError | OSError) -> LeftOut:
    """The file that `error` names, the HR or the LR one, and the rest of what it says."""
    hr_file, lr_file = dataset.hr_files[index], dataset.lr_files[index]
    if isinstance(error, OSError):
        return LeftOut(str(hr_file), f"can't be read ({error.strerror or error}); check its permissions")
    reason = str(error)
    for file in (lr_file, hr_file):
        if file is not None and reason.startswith(f"{file}: "):
            return LeftOut(str(file), reason.removeprefix(f"{file}: "))
    return LeftOut(str(hr_file), reason)


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
