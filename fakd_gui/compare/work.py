"""One comparison: bicubic and every model on one image, each reported as soon as it is there. No Qt."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fakd_core.errors import ConfigError, DataError, FakdError
from fakd_core.events import Cancelled, CancelToken, Image8, Progress, Scores
from fakd_gui.jobs import describe
from fakd_gui.opened_image import OpenedImage
from fakd_gui.session import ModelCache

if TYPE_CHECKING:
    from fakd_core.models import SRNetwork

BICUBIC = "bicubic"
HR = "HR"
STRIP_PIXELS = 1_000_000
"""Larger images are measured in strips of about so many pixels, a fraction of a second each."""


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
class PaneStarted:
    key: str


@dataclass(frozen=True)
class PaneProgress:
    key: str
    progress: Progress


@dataclass(frozen=True)
class PaneReady:
    """One model's output. `scores` is None where there is no ground truth, or too little of it to measure."""

    key: str
    sr: Image8 = field(repr=False)
    seconds: float
    scores: Scores | None
    parameters: int = 0
    model: SRNetwork | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PaneFailed:
    key: str
    message: str


PaneEvent = PaneStarted | PaneProgress | PaneReady | PaneFailed
Report = Callable[[PaneEvent], None]


def compare(
    image: OpenedImage,
    refs: Sequence[str],
    models: ModelCache,
    held: Mapping[str, PaneReady],
    token: CancelToken,
    report: Report,
) -> None:
    """Upscale `image.lr` by bicubic and by every model of `refs`; a model that fails doesn't stop the others.

    `held` are earlier results for the same image, reported again where the model is still the same.
    Raises `Cancelled`.
    """
    if BICUBIC in held:
        report(held[BICUBIC])
    else:
        report(PaneStarted(BICUBIC))
        report(_bicubic(image, token))
    for ref in refs:
        token.raise_if_cancelled()
        report(PaneStarted(ref))
        try:
            report(_upscale(image, ref, models, held.get(ref), token, report))
        except Cancelled:
            raise
        except FakdError as error:
            report(PaneFailed(ref, str(error)))
        except Exception as error:  # noqa: BLE001 - the other models can still be compared
            report(PaneFailed(ref, describe(error)))


def measure(sr: Image8, hr: Image8 | None, crop_border: int, token: CancelToken) -> Scores | None:
    """PSNR and SSIM on luma by the papers' protocol; None without `hr` or where too little is left.

    Raises `Cancelled`.
    """
    from fakd_core.metrics import psnr_y, ssim_y

    if hr is None:
        return None
    try:
        if sr.shape[0] * sr.shape[1] <= STRIP_PIXELS:
            return Scores(psnr_y(sr, hr, crop_border), ssim_y(sr, hr, crop_border))
        inner = slice(crop_border, -crop_border or None)
        return _measure_strips(sr[inner, inner], hr[inner, inner], token)
    except DataError:
        return None


def _measure_strips(sr: Image8, hr: Image8, token: CancelToken) -> Scores:
    """The same numbers, strip by strip: a large image can be cancelled, and needs little memory.

    SSIM's windows lie wholly inside the image, so that strips overlap by all of a window but a row.
    """
    from fakd_core.metrics import PEAK, SSIM_WINDOW, psnr_y, ssim_y

    height, width = sr.shape[:2]
    overlap = SSIM_WINDOW - 1
    rows = max(SSIM_WINDOW, STRIP_PIXELS // width)
    squares = similarity = 0.0
    for top in range(0, height, rows):
        token.raise_if_cancelled()
        strip = slice(top, min(top + rows, height))
        noise = psnr_y(sr[strip], hr[strip], 0)
        squares += (strip.stop - top) * PEAK**2 / 10 ** (noise / 10)
    windows = height - overlap
    for top in range(0, windows, rows):
        token.raise_if_cancelled()
        count = min(rows, windows - top)
        strip = slice(top, top + count + overlap)
        similarity += count * ssim_y(sr[strip], hr[strip], 0)
    error = squares / height
    return Scores(10 * math.log10(PEAK**2 / error) if error else math.inf, similarity / windows)


def measure_region(
    results: Mapping[str, PaneReady], hr: Image8, region: Region, token: CancelToken
) -> dict[str, Scores | None]:
    """The scores of every result inside `region`, which is measured whole."""
    scores = {}
    for key, result in results.items():
        token.raise_if_cancelled()
        scores[key] = measure(region.cut(result.sr), region.cut(hr), 0, token)
    return scores


def _bicubic(image: OpenedImage, token: CancelToken) -> PaneReady:
    from fakd_core.inference import bicubic_upscale

    began = time.perf_counter()
    sr = bicubic_upscale(image.lr, image.scale)
    seconds = time.perf_counter() - began
    return PaneReady(BICUBIC, sr, seconds, measure(sr, image.hr, image.scale, token))


def _upscale(
    image: OpenedImage,
    ref: str,
    models: ModelCache,
    held: PaneReady | None,
    token: CancelToken,
    report: Report,
) -> PaneReady:
    from fakd_core.inference import upscale

    model = models.get(ref)
    if held is not None and held.model is model:
        return held
    if model.spec.scale != image.scale:
        raise ConfigError(
            f"{ref} enlarges by {model.spec.scale}, but the image was opened for x{image.scale}; "
            f"choose a teacher or student for x{image.scale}"
        )
    began = time.perf_counter()
    sr = upscale(
        model, image.lr, on_progress=lambda progress: report(PaneProgress(ref, progress)), cancel=token
    )
    seconds = time.perf_counter() - began
    token.raise_if_cancelled()
    parameters = sum(weight.numel() for weight in model.parameters())
    scores = measure(sr, image.hr, image.scale, token)
    return PaneReady(ref, sr, seconds, scores, parameters, model)
