"""One model on the images of one set: upscale, time, score, save."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from functools import partial
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

import numpy as np

from fakd_core.data.datasets import ImagePair, SRDataset, fingerprints_at
from fakd_core.data.image_files import write_image
from fakd_core.data.resize import bicubic_strips
from fakd_core.errors import ConfigError, DataError
from fakd_core.evaluation.metrics import METRICS, psnr_y, ssim_y
from fakd_core.evaluation.results import ImageResult, LeftOut, Result, finite_mean
from fakd_core.events import CancelToken, Image8
from fakd_core.files import check_writable, refuse_existing
from fakd_core.inference.upscale import fitting_side, reject_non_finite, upscale
from fakd_core.models.spec import Scale

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork

WARM_UP_SIZE = (32, 32)
MIN_TIMED_SECONDS = 0.25
"""With `timing`, a quicker pass is repeated: the first one at a size pays one-off set-up costs."""

T = TypeVar("T")
Upscaler = Callable[[Image8], Image8]


def score_images(
    ref: str,
    model: SRNetwork | None,
    dataset: SRDataset,
    *,
    tile: int | None,
    outputs: Path | None,
    timing: bool,
    cancel: CancelToken,
    started: Callable[[int], T],
) -> Generator[T, None, Result]:
    """Score `model` (None: bicubic) on every image of `dataset`; an image that can't be used is left out.

    Upscaled images are written to the folder `outputs`, if given; `timing` repeats quick passes. Yields
    `started(index)` before each image.

    Raises:
        DataError: No image can be used, or an output can't be written.
        CheckpointError: An output is not finite; the message names `ref`.
        Cancelled: `cancel` was cancelled.
    """
    scores, left_out = list[ImageResult](), list[LeftOut]()
    seen = model.seen_images if model is not None else {}
    enlarge = _upscaler(ref, model, scale=dataset.scale, tile=tile, cancel=cancel)
    if model is not None:
        # Warm-up: the first pass in a process initialises kernels (> 1 s).
        enlarge(np.zeros((*WARM_UP_SIZE, 3), np.uint8))
    for index, name in enumerate(dataset.names):
        yield started(index)
        cancel.raise_if_cancelled()
        try:
            pair = dataset.load(index)
            if model is not None and tile is None:
                # Memory is estimated before the clock starts; an image that fits is not estimated again.
                fitting_side(model, *pair.lr.shape[:2])
            sr, seconds = _timed(partial(enlarge, pair.lr), repeat=timing)
            score = _score(pair, sr, dataset.scale, seconds=seconds, cancel=cancel)
            known = fingerprints_at(get_args(Scale), pair) if seen else ()
            # The first: training counts more than validation.
            uses = sorted(seen[image] for image in known if image in seen)
            scores.append(replace(score, seen=uses[0] if uses else ""))
        except (DataError, OSError) as error:
            left_out.append(_left_out(dataset, index, error))
        else:
            if outputs is not None:
                write_image(outputs / f"{name}.png", sr)
    if not scores:
        others = " (nor can any other image of the set be used)" if left_out[1:] else ""
        raise DataError(f"{left_out[0].file}: {left_out[0].reason}{others}")
    return Result(
        ref,
        dataset.name,
        dataset.scale,
        len(scores),
        finite_mean(score.psnr_y for score in scores),
        finite_mean(score.ssim_y for score in scores),
        tuple(scores),
        tuple(left_out),
        dataset.lr_origin,
    )


def output_folders(
    pairs: Iterable[tuple[str, SRDataset]], save_dir: Path, *, replace: bool
) -> dict[tuple[str, SRDataset], Path]:
    """A folder `save_dir/<model>/<dataset>` for every model and dataset.

    Raises `ConfigError` if two sets would share a folder, or an output would replace an image of its set or,
    without `replace`, any other file, and `OSError` if an output can't be written.
    """
    pairs = list(pairs)
    names = _folder_names(dict.fromkeys(ref for ref, _ in pairs))
    folders = {(ref, dataset): save_dir / names[ref] / dataset.name for ref, dataset in pairs}
    shared = Counter(folders.values())
    if twice := sorted({folder.name for folder in folders.values() if shared[folder] > 1}):
        raise ConfigError(
            f"outputs are saved to a folder for each set, and two sets are named {', '.join(twice)}; "
            "evaluate them separately"
        )
    for (_, dataset), folder in folders.items():
        sources = {realpath(path) for path in (*dataset.hr_files, *dataset.lr_files) if path is not None}
        for target in (folder / f"{name}.png" for name in dataset.names):
            if realpath(target) in sources:
                raise ConfigError(
                    f"{target}: an image of the set, which the output would replace; save elsewhere"
                )
            check_writable(target)
    if not replace:
        refuse_existing(folders[pair] / f"{name}.png" for pair in pairs for name in pair[1].names)
    return folders


def _upscaler(
    ref: str, model: SRNetwork | None, *, scale: int, tile: int | None, cancel: CancelToken
) -> Upscaler:
    if model is None:
        return lambda lr: np.concatenate(list(bicubic_strips(lr, scale, cancel)))

    def upscaled(lr: Image8) -> Image8:
        with reject_non_finite(model, ref):
            return upscale(model, lr, tile=tile, cancel=cancel)

    return upscaled


def _timed(enlarge: Callable[[], Image8], *, repeat: bool) -> tuple[Image8, float]:
    """The image, and its time in seconds; with `repeat` the shorter of two passes if the first is quick."""
    started = time.perf_counter()
    sr = enlarge()
    seconds = time.perf_counter() - started
    if repeat and seconds < MIN_TIMED_SECONDS:
        started = time.perf_counter()
        enlarge()
        seconds = min(seconds, time.perf_counter() - started)
    return sr, seconds


def _score(pair: ImagePair, sr: Image8, scale: int, *, seconds: float, cancel: CancelToken) -> ImageResult:
    psnr, ssim = (score(sr, pair.hr, scale, cancel=cancel) for score in (psnr_y, ssim_y))
    added = {}
    for metric in METRICS:
        try:
            value = added[metric.name] = float(metric.score(sr, pair.hr, scale))
        except Exception as error:
            raise DataError(f"the metric {metric.name} fails ({type(error).__name__}: {error})") from error
        if np.isnan(value) or value == -np.inf:
            raise DataError(f"the metric {metric.name} fails (it gives {value})")
    return ImageResult(pair.name, psnr, ssim, seconds, added, transparent=pair.transparent)


def _left_out(dataset: SRDataset, index: int, error: DataError | OSError) -> LeftOut:
    """The file that `error` names, HR or LR, and the rest of its message."""
    hr_file, lr_file = dataset.hr_files[index], dataset.lr_files[index]
    if isinstance(error, OSError):
        return LeftOut(str(hr_file), f"can't be read ({error.strerror or error}); check its permissions")
    reason = str(error)
    for file in (lr_file, hr_file):
        if file is not None and reason.startswith(f"{file}: "):
            return LeftOut(str(file), reason.removeprefix(f"{file}: "))
    return LeftOut(str(hr_file), reason)


def _folder_names(refs: Iterable[str]) -> dict[str, str]:
    """The last part of each model's path, with as many parts before it as make it unique."""
    paths = {ref: Path(ref).resolve() for ref in refs}

    def endings(path: Path) -> list[str]:
        return ["_".join(path.parts[start:]) for start in range(len(path.parts) - 1, 0, -1)]

    uses = Counter(ending for path in set(paths.values()) for ending in endings(path))
    return {
        ref: next((ending for ending in endings(path) if uses[ending] == 1), path.name)
        for ref, path in paths.items()
    }
