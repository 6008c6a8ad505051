"""The results that the panes show, and the generator that computes them; without widgets."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QRectF

from fakd_core.data.image_files import read_image
from fakd_core.data.resize import bicubic_strips
from fakd_core.errors import ConfigError, DataError, FakdError
from fakd_core.events import Cancelled, CancelToken, Image8, Progress, Scores
from fakd_gui.compare.panes import BICUBIC, HR, LR, is_model
from fakd_gui.session.library_keys import picture_path
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.problem import Problem
from fakd_gui.widgets.overlays import Overlay

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork

LARGE_PIXELS = 1_000_000
"""A larger result is shown before it is measured, which takes a second or more."""


@dataclass(frozen=True)
class Region:
    """A rectangle in HR pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def rect(self) -> QRectF:
        return QRectF(self.left, self.top, self.width, self.height)

    def crop(self, image: Image8) -> Image8:
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass(frozen=True)
class PaneWaiting:
    """A pane has no result yet; `reason` says why."""

    key: str
    reason: str


@dataclass(frozen=True)
class PaneProgress:
    key: str
    progress: Progress


@dataclass(frozen=True)
class PaneTile:
    """A part of a result, shown until the whole is ready."""

    key: str
    overlay: Overlay = field(repr=False)


@dataclass(frozen=True, eq=False)
class PaneResult:
    """The pixels that a pane shows, (H, W, 3) of HR or LR size, and their scores and costs.

    Args:
        scores: None without ground truth, or if too little of the image is left to measure.
        seconds: The network's time for this image.
        gmacs: 10⁹ multiply-accumulates for this image.
        note: How the computation deviated, such as smaller tiles or a picture that was cut.
        remarks: Choices and guesses that were made when the model's file was read.
        final: False if the scores follow.
        version: Of the model's weights (`ModelCache.version`); 0 without a model.
    """

    key: str
    pixels: Image8 = field(repr=False)
    overlay: Overlay = field(repr=False)
    _: KW_ONLY
    scores: Scores | None = None
    seconds: float = 0.0
    parameters: int = 0
    gmacs: float = 0.0
    note: str = ""
    remarks: tuple[str, ...] = ()
    final: bool = True
    version: int = 0


@dataclass(frozen=True)
class PaneFailed:
    key: str
    problem: Problem


PaneEvent = PaneWaiting | PaneProgress | PaneTile | PaneResult | PaneFailed


def compute_results(
    image: OpenedImage,
    keys: Sequence[str],
    *,
    models: ModelCache,
    known: Mapping[str, PaneResult],
    token: CancelToken,
) -> Iterator[PaneEvent]:
    """Compute what the panes `keys` show of `image`, the fastest first; a failure doesn't stop the others.

    `known` results of the same image are yielded again if their model is still the same. Raises `Cancelled`.
    """
    for key in sorted(keys, key=lambda key: (key not in (HR, LR), is_model(key))):
        token.raise_if_cancelled()
        if key not in known:
            yield PaneProgress(key, Progress(0, 1))
        try:
            yield from _compute(image, key, models=models, known=known.get(key), token=token)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - the other panes can still be computed
            yield PaneFailed(key, Problem.of(error))


def measure(sr: Image8, hr: Image8, *, crop_border: int, token: CancelToken) -> Scores | None:
    """PSNR and SSIM on luma by the papers' protocol; None if too little is left. Raises `Cancelled`."""
    from fakd_core.evaluation.metrics import psnr_y, ssim_y

    try:
        return Scores(psnr_y(sr, hr, crop_border, cancel=token), ssim_y(sr, hr, crop_border, cancel=token))
    except DataError:
        return None


def measure_region(
    results: Mapping[str, PaneResult], hr: Image8, region: Region, *, token: CancelToken
) -> dict[str, Scores]:
    """The scores of every result of HR size inside `region`, without a border. Raises `Cancelled`.

    SSIM is NaN if its window doesn't fit.
    """
    from fakd_core.evaluation.metrics import psnr_y

    scores, hr_part = {}, region.crop(hr)
    for key, result in results.items():
        token.raise_if_cancelled()
        if key != HR and result.pixels.shape == hr.shape:
            sr_part = region.crop(result.pixels)
            both = measure(sr_part, hr_part, crop_border=0, token=token)
            scores[key] = both or Scores(psnr_y(sr_part, hr_part, 0, cancel=token), math.nan)
    return scores


def _compute(
    image: OpenedImage, key: str, *, models: ModelCache, known: PaneResult | None, token: CancelToken
) -> Iterator[PaneEvent]:
    # Not the model itself: the cache may have dropped it since it computed a result.
    version = models.version(key) if is_model(key) else 0
    if known is not None and picture_path(key) is None and known.version == version:
        yield known
        return
    costs: dict[str, Any] = {}
    if key in (HR, LR):
        pixels = image.hr if key == HR else image.lr
    elif key == BICUBIC:
        pixels, costs = yield from _enlarge(image, token)
    elif (path := picture_path(key)) is not None:
        pixels, costs["note"] = _read_picture(image, path)
    else:
        pixels, costs = yield from _upscale(image, key, models.get(key), token=token)
        costs["version"] = version
    height, width = image.hr_size
    result = PaneResult(key, pixels, Overlay.from_pixels(pixels, QRectF(0, 0, width, height)), **costs)
    if key == HR or image.hr is None or pixels.shape != image.hr.shape:
        yield result
        return
    if math.prod(image.hr_size) > LARGE_PIXELS:
        yield replace(result, final=False)
    yield replace(result, scores=measure(pixels, image.hr, crop_border=image.scale, token=token))


def _enlarge(
    image: OpenedImage, token: CancelToken
) -> Generator[PaneEvent, None, tuple[Image8, dict[str, Any]]]:
    """Enlarge by bicubic, strip by strip; return the result and what it took."""
    started = time.perf_counter()
    height, width = image.hr_size
    pixels, top = np.empty((height, width, 3), dtype=np.uint8), 0
    for strip in bicubic_strips(image.lr, image.scale, token):
        pixels[top : top + len(strip)] = strip
        top += len(strip)
        yield PaneProgress(BICUBIC, Progress(top, height))
    return pixels, {"seconds": time.perf_counter() - started}


def _read_picture(image: OpenedImage, path: Path) -> tuple[Image8, str]:
    """The picture, of HR or LR size, and a note if it was cut to HR size."""
    pixels = read_image(path)
    (height, width), (lr_height, lr_width) = image.hr_size, image.lr.shape[:2]
    found = f"{pixels.shape[1]} × {pixels.shape[0]}"
    if pixels.shape[:2] in (image.hr_size, image.lr.shape[:2]):
        return pixels, ""
    if image.has_result_size(*pixels.shape[:2]):
        return pixels[:height, :width].copy(), f"cut from {found} to the {width} × {height} that are compared"
    raise DataError(
        f"{path.name}: expected {width} × {height} pixels, or the LR image's {lr_width} × {lr_height}, "
        f"found {found}; add a picture of the same image"
    )


def _upscale(
    image: OpenedImage, ref: str, model: SRNetwork, *, token: CancelToken
) -> Generator[PaneEvent, None, tuple[Image8, dict[str, Any]]]:
    """Yield tiles and progress; return the result and what it took, as arguments of `PaneResult`."""
    from fakd_core.inference.upscale import (
        Strip,
        Tile,
        allocate_result,
        fitting_side,
        upscale_events,
    )

    if model.spec.scale != image.scale:
        raise ConfigError(
            f"{ref} enlarges by {model.spec.scale}, but the image was opened for x{image.scale}; "
            f"choose a teacher or student for x{image.scale}"
        )
    # Memory is estimated before the clock starts.
    fitting_side(model, *image.lr.shape[:2])
    started = time.perf_counter()
    note, sr, top = "", allocate_result(model, image.lr), 0
    for event in upscale_events(model, image.lr, cancel=token, show_tiles=True):
        match event:
            case Progress():
                note = event.note or note
                yield PaneProgress(ref, event)
            case Tile(y, x, pixels) if pixels.shape[:2] != image.hr_size:
                height, width = pixels.shape[:2]
                yield PaneTile(ref, Overlay.from_pixels(pixels, QRectF(x, y, width, height)))
            case Strip(pixels):
                sr[top : top + len(pixels)] = pixels
                top += len(pixels)
    seconds = time.perf_counter() - started
    token.raise_if_cancelled()
    parameters = sum(weight.numel() for weight in model.parameters())
    gmacs = _gmacs(model, *image.lr.shape[:2])
    costs = {"seconds": seconds, "parameters": parameters, "gmacs": gmacs}
    return sr, {**costs, "note": note, "remarks": model.origin.remarks}


def _gmacs(model: SRNetwork, height: int, width: int) -> float:
    """10⁹ multiply-accumulates for one LR image; 0 if they can't be counted."""
    from fakd_core.models.cost import profile

    try:
        return profile(model, (height, width)).gmacs
    except FakdError:
        return 0.0
