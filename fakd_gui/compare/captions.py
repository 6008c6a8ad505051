"""The texts in a pane's header: scores, difference to the teacher, costs, and the value under the cursor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakd_core.evaluation.metrics import rgb_to_y
from fakd_core.events import Image8
from fakd_gui.compare.difference import Difference, DifferenceImage, Kind, pixel_difference
from fakd_gui.compare.results import PaneResult, RegionScores
from fakd_gui.session.opened_image import OpenedImage

FIGURES_TIP = (
    "PSNR / SSIM on luma, as many pixels cropped per side as the scale; Δ: difference to the teacher.\n"
    "Box: the same inside the region, without a cropped border.\n"
    "Time of the network for this image, parameters, and 10⁹ multiply-accumulates for its LR."
)


@dataclass(frozen=True)
class Caption:
    """The lines of a header: figures with the costs at their right, the region's figures, the tooltip."""

    figures: str = ""
    costs: str = ""
    region: str = ""
    tip: str = FIGURES_TIP


def caption_of(
    result: PaneResult,
    lr_size: tuple[int, int],
    *,
    teacher: PaneResult | None,
    region: RegionScores | None,
    teacher_region: RegionScores | None,
) -> Caption:
    """The caption of a result for an LR image of `lr_size` (height, width).

    `teacher` and `teacher_region` are None if there is no teacher to compare with.
    """
    parts = []
    if result.scores is not None:
        parts.append(f"{result.scores.psnr:.2f} dB / {result.scores.ssim:.4f}")
        if teacher is not None and teacher.scores is not None:
            parts.append(_psnr_delta(result.scores.psnr, teacher.scores.psnr))
    elif not result.final:
        parts.append("Measuring…")
    tip = f"{FIGURES_TIP}\n{result.note}" if result.note else FIGURES_TIP
    return Caption(" · ".join(parts), _costs(result, lr_size), _region_figures(region, teacher_region), tip)


def _costs(result: PaneResult, lr_size: tuple[int, int]) -> str:
    parts = []
    if result.seconds:
        parts.append(f"{result.seconds:.2f} s" if result.seconds >= 0.01 else "< 0.01 s")
    if result.parameters:
        parts.append(f"{result.parameters / 1e6:.2f} M")
    if result.gmacs:
        parts.append(f"{_format_gmacs(result.gmacs)} GMACs at {lr_size[1]}×{lr_size[0]} LR")
    if result.note:
        parts.append("smaller tiles")
    return " · ".join(parts)


def _format_gmacs(gmacs: float) -> str:
    """Three significant digits, never in exponent notation."""
    if gmacs < 0.001:
        return "< 0.001"
    return f"{gmacs:.3g}" if gmacs < 1000 else f"{gmacs:,.0f}"


def _region_figures(scores: RegionScores | None, teacher: RegionScores | None) -> str:
    if scores is None:
        return ""
    ssim = "SSIM needs 11 × 11 px" if scores.ssim is None else f"{scores.ssim:.4f}"
    figures = f"Box {scores.psnr:.2f} dB / {ssim}"
    return figures if teacher is None else f"{figures} · {_psnr_delta(scores.psnr, teacher.psnr)}"


def _psnr_delta(psnr: float, teacher: float) -> str:
    if np.isinf(psnr) or np.isinf(teacher):
        return "Δ ∞ dB"
    return _with_minus_sign(f"Δ {psnr - teacher:+.2f} dB")


def difference_figures(drawn: DifferenceImage) -> str:
    """Mean and extremes of a difference; empty if there is no mean."""
    if drawn.mean is None:
        return ""
    match drawn.difference.kind:
        case Kind.SSIM:
            return _with_minus_sign(f"mean {drawn.mean:.4f}, minimum {drawn.minimum:.3f}")
        case Kind.SIGNED:
            extremes = f"from {drawn.minimum:+.1f} to {drawn.maximum:+.1f} of 219"
            return _with_minus_sign(f"mean {drawn.mean:+.2f}, {extremes}")
        case Kind.SQUARED:
            return f"mean {drawn.mean:.2f}, maximum {drawn.maximum:.0f} of 65025"
        case Kind.ABSOLUTE:
            return f"mean {drawn.mean:.2f}, maximum {drawn.maximum:.0f} of 255"


def difference_title(kind: Kind, first: str, second: str) -> str:
    """A formula, such as |teacher − HR|."""
    if kind is Kind.SSIM:
        return f"SSIM {first}, {second}"
    minus = f"{first} − {second}"
    return {Kind.ABSOLUTE: f"|{minus}|", Kind.SQUARED: f"({minus})²"}.get(kind, minus)


def difference_readout(
    a: Image8, b: Image8, difference: Difference, *, drawn: DifferenceImage | None, y: int, x: int
) -> tuple[str, float | None]:
    """The text of the difference at (y, x) and its value; empty and None while SSIM isn't drawn."""
    if difference.kind is Kind.SSIM:
        if drawn is None or drawn.similarity is None:
            return "", None
        value = float(drawn.similarity[y, x])
        return _with_minus_sign(f"{value:.3f}"), value
    pixel = slice(y, y + 1), slice(x, x + 1)
    value = float(pixel_difference(a[pixel], b[pixel], difference.kind)[0, 0])
    if difference.kind is Kind.ABSOLUTE:
        channels = np.abs(a[y, x].astype(np.int16) - b[y, x])
        return " ".join(f"{int(channel)}" for channel in channels), value
    return _with_minus_sign(f"{value:+.1f} Y" if difference.kind is Kind.SIGNED else f"{value:.1f}"), value


def image_text(image: OpenedImage) -> str:
    """Name and sizes of the open image."""
    (height, width), (lr_height, lr_width) = image.hr_size, image.lr.shape[:2]
    origin = "downscaled to" if image.hr is not None else "from"
    return f"{image.name} · {width} × {height} {origin} {lr_width} × {lr_height} · ×{image.scale}"


def pixel_text(pixel: npt.NDArray[np.uint8]) -> str:
    """'R G B · Y luma' of one pixel."""
    rgb = " ".join(f"{int(channel)}" for channel in pixel)
    return f"{rgb} · Y {float(rgb_to_y(pixel)):.0f}"


def hex_text(pixel: npt.NDArray[np.uint8]) -> str:
    """'#rrggbb' of one pixel."""
    return "#" + "".join(f"{int(channel):02x}" for channel in pixel)


def _with_minus_sign(text: str) -> str:
    return text.replace("-", "−")
