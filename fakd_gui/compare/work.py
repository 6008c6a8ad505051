"""One comparison: what every pane shows, each reported as soon as it is there. No widgets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF

from fakd_core.data.image_files import read_image
from fakd_core.errors import ConfigError, DataError, FakdError
from fakd_core.events import Cancelled, CancelToken, Image8, Progress, Scores
from fakd_core.models.spec import ModelSpec
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.problem import Problem
from fakd_gui.widgets.overlays import Overlay

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork

BICUBIC = "bicubic"
HR = "HR"
LR = "LR"
PICTURE = "picture:"
"""Begins the key of a pane that shows an image file as it is."""
LARGE_PIXELS = 1_000_000
"""A larger result is shown before it is measured, which takes a second or more."""


@dataclass(frozen=True)
class Region:
    """A rectangle in HR pixels."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, image: Image8) -> Image8:
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass(frozen=True)
class RegionScores:
    """PSNR in dB and SSIM on luma inside a region; SSIM is None where its window doesn't fit."""

    psnr: float
    ssim: float | None


@dataclass(frozen=True)
class PaneStarted:
    key: str


@dataclass(frozen=True)
class PaneProgress:
    key: str
    progress: Progress


@dataclass(frozen=True)
class PaneTile:
    """A part of a result, to be looked at until the whole is there."""

    key: str
    overlay: Overlay = field(repr=False)


@dataclass(frozen=True)
class PaneReady:
    """What a pane shows. `scores` is None where there is no ground truth, or too little of it to measure.

    `seconds` are the network's; `gmacs` are for this image. `note` is what had to be done otherwise than
    asked. Not `final`: the scores follow.
    """

    key: str
    sr: Image8 = field(repr=False)
    seconds: float
    scores: Scores | None
    parameters: int = 0
    model: SRNetwork | None = field(default=None, repr=False)
    gmacs: float = 0.0
    note: str = ""
    overlay: Overlay | None = field(default=None, repr=False)
    final: bool = True


@dataclass(frozen=True)
class PaneFailed:
    key: str
    problem: Problem


PaneEvent = PaneStarted | PaneProgress | PaneTile | PaneReady | PaneFailed
Report = Callable[[PaneEvent], None]


def picture_key(path: Path) -> str:
    """The key of a pane that shows the image file `path`."""
    return f"{PICTURE}{path}"


def picture_path(key: str) -> Path | None:
    """The file that a pane shows; None for what isn't a picture's pane."""
    return Path(key.removeprefix(PICTURE)) if key.startswith(PICTURE) else None


def is_model(key: str) -> bool:
    """Whether `key` names a model, rather than what needs none."""
    return key not in (BICUBIC, HR, LR) and not key.startswith(PICTURE)


def compare(
    image: OpenedImage,
    keys: Sequence[str],
    models: ModelCache,
    held: Mapping[str, PaneReady],
    token: CancelToken,
    report: Report,
) -> None:
    """Make what each of `keys` shows of `image`; one that fails doesn't stop the others.

    What takes no time comes first. `held` are earlier results for the same image, reported again where
    the model is still the same. Raises `Cancelled`.
    """
    for key in sorted(keys, key=_effort):
        token.raise_if_cancelled()
        report(PaneStarted(key))
        try:
            _make(image, key, models, held.get(key), token, report)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - the other panes can still be made
            report(PaneFailed(key, Problem.of(error)))


def _effort(key: str) -> int:
    return 0 if key in (HR, LR) else 2 if is_model(key) else 1


def measure(sr: Image8, hr: Image8 | None, crop_border: int, token: CancelToken) -> Scores | None:
    """PSNR and SSIM on luma by the papers' protocol; None without `hr` or where too little is left.

    Raises `Cancelled`.
    """
    from fakd_core.evaluation.metrics import psnr_y, ssim_y

    if hr is None:
        return None
    try:
        return Scores(psnr_y(sr, hr, crop_border, token), ssim_y(sr, hr, crop_border, token))
    except DataError:
        return None


def measure_region(
    results: Mapping[str, PaneReady], hr: Image8, region: Region, token: CancelToken
) -> dict[str, RegionScores]:
    """The scores of every result of HR size inside `region`, which is measured whole. Raises `Cancelled`."""
    from fakd_core.evaluation.metrics import psnr_y

    scores = {}
    for key, result in results.items():
        token.raise_if_cancelled()
        if key == HR or result.sr.shape != hr.shape:
            continue
        sr_part, hr_part = region.cut(result.sr), region.cut(hr)
        whole = measure(sr_part, hr_part, 0, token)
        if whole is None:
            scores[key] = RegionScores(psnr_y(sr_part, hr_part, 0, token), None)
        else:
            scores[key] = RegionScores(whole.psnr, whole.ssim)
    return scores


def _make(
    image: OpenedImage,
    key: str,
    models: ModelCache,
    held: PaneReady | None,
    token: CancelToken,
    report: Report,
) -> None:
    path = picture_path(key)
    if key in (HR, LR):
        pixels = image.hr if key == HR else image.lr
        assert pixels is not None
        if held is None or held.sr is not pixels:
            held = PaneReady(key, pixels, 0, None, overlay=_overlay(image, pixels))
        report(held)
    elif key == BICUBIC:
        if held is not None:
            report(held)
        else:
            _finish(_bicubic(image), image, token, report)
    elif path is not None:
        _finish(_picture(image, key, path), image, token, report)
    else:
        model = models.get(key)
        if held is not None and held.model is model:
            report(held)
        else:
            _finish(_upscale(image, key, model, token, report), image, token, report)


def _finish(result: PaneReady, image: OpenedImage, token: CancelToken, report: Report) -> None:
    """Report `result`, where measuring it takes long at once; and with its scores."""
    if image.hr is None or result.sr.shape != image.hr.shape:
        report(result)
        return
    if result.sr.shape[0] * result.sr.shape[1] > LARGE_PIXELS:
        report(replace(result, final=False))
    report(replace(result, scores=measure(result.sr, image.hr, image.scale, token)))


def _bicubic(image: OpenedImage) -> PaneReady:
    from fakd_core.inference.upscale import bicubic_upscale

    began = time.perf_counter()
    sr = bicubic_upscale(image.lr, image.scale)
    return PaneReady(BICUBIC, sr, time.perf_counter() - began, None, overlay=_overlay(image, sr))


def _picture(image: OpenedImage, key: str, path: Path) -> PaneReady:
    pixels = read_image(path)
    (height, width), (lr_height, lr_width) = image.hr_size, image.lr.shape[:2]
    if pixels.shape[:2] not in (image.hr_size, image.lr.shape[:2]):
        raise DataError(
            f"{path.name}: expected {width} × {height} pixels, or the LR image's {lr_width} × {lr_height}, "
            f"found {pixels.shape[1]} × {pixels.shape[0]}; add a picture of the same image"
        )
    return PaneReady(key, pixels, 0, None, overlay=_overlay(image, pixels))


def _upscale(image: OpenedImage, ref: str, model: SRNetwork, token: CancelToken, report: Report) -> PaneReady:
    from fakd_core.inference.upscale import Strip, Tile, allocate_result, upscale_events

    if model.spec.scale != image.scale:
        raise ConfigError(
            f"{ref} enlarges by {model.spec.scale}, but the image was opened for x{image.scale}; "
            f"choose a teacher or student for x{image.scale}"
        )
    began = time.perf_counter()
    note, sr, top = "", allocate_result(model, image.lr), 0
    for event in upscale_events(model, image.lr, cancel=token, show_tiles=True):
        match event:
            case Progress():
                note = event.note or note
                report(PaneProgress(ref, event))
            case Tile(y, x, pixels) if pixels.shape[:2] != image.hr_size:
                height, width = pixels.shape[:2]
                report(PaneTile(ref, Overlay.from_pixels(pixels, QRectF(x, y, width, height))))
            case Strip(pixels):
                sr[top : top + len(pixels)] = pixels
                top += len(pixels)
    seconds = time.perf_counter() - began
    token.raise_if_cancelled()
    parameters = sum(weight.numel() for weight in model.parameters())
    height, width = image.lr.shape[:2]
    cost = _gmacs(model.spec, height, width)
    return PaneReady(ref, sr, seconds, None, parameters, model, cost, note, _overlay(image, sr))


@lru_cache(maxsize=64)
def _gmacs(spec: ModelSpec, height: int, width: int) -> float:
    """10⁹ multiply-accumulates for one LR image; 0 where they can't be counted."""
    from fakd_core.models.cost import profile

    try:
        return profile(spec, (height, width)).gmacs
    except FakdError:
        return 0.0


def _overlay(image: OpenedImage, pixels: Image8) -> Overlay:
    height, width = image.hr_size
    return Overlay.from_pixels(pixels, QRectF(0, 0, width, height))
