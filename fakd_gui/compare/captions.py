"""The texts in a pane's header: scores, difference to the teacher, costs, and the value under the cursor."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF

from fakd_core.evaluation.metrics import rgb_to_y
from fakd_core.events import Scores, format_score
from fakd_gui.compare.difference import DifferenceImage, Kind, pixel_difference
from fakd_gui.compare.panes import DIFFERENCE, HR, is_model
from fakd_gui.compare.results import PaneResult
from fakd_gui.compare.state import CompareState
from fakd_gui.session.opened_image import OpenedImage

FIGURES_TIP = (
    "PSNR / SSIM on luma, as many pixels cropped per side as the scale; Δ: difference to the teacher.\n"
    "Box: the same inside the region, without a cropped border.\n"
    "Time of the network for this image, parameters, and 10⁹ multiply-accumulates for its LR."
)
DIFFERENCE_FIGURES = {
    Kind.ABSOLUTE: "mean {0.mean:.2f}, maximum {0.maximum:.0f} of 255",
    Kind.SQUARED: "mean {0.mean:.2f}, maximum {0.maximum:.0f} of 65025",
    Kind.SIGNED: "mean {0.mean:+.2f}, from {0.minimum:+.1f} to {0.maximum:+.1f} of 219",
    Kind.SSIM: "mean {0.mean:.4f}, minimum {0.minimum:.3f}",
}
"""Figures of a `DifferenceImage` by kind."""


class Caption(NamedTuple):
    """The lines of a header: figures with the costs at their right, the region's figures, the tooltip."""

    figures: str = ""
    tip: str = FIGURES_TIP
    costs: str = ""
    region: str = ""


def result_caption(state: CompareState, key: str) -> Caption:
    """The caption of the pane `key`, which shows one result; empty while there is none."""
    result, image = state.results.get(key), state.image
    if result is None or image is None:
        return Caption()
    height, width = result.pixels.shape[:2]
    if key == HR:
        return Caption(f"ground truth · {width} × {height}", tip="The others are measured against it")
    if (height, width) != image.hr_size:
        return Caption(f"{width} × {height}", tip="Of LR size: enlarged by repeating pixels")
    teacher = "" if key == state.session.teacher else state.session.teacher
    teacher_result = state.results.get(teacher)
    figures = _figures(result.scores, teacher_result and teacher_result.scores)
    region = _figures(state.region_scores.get(key), state.region_scores.get(teacher))
    region = f"Box {region}" if region else ""
    if state.region is not None and image.hr is None:
        region = "Box: no HR to measure it against"
    return Caption(
        figures if result.final else "Measuring…",
        costs=_costs(result, image),
        region=region,
        tip="\n".join(filter(None, (FIGURES_TIP, result.note, *result.remarks))),
    )


def sheet_caption(state: CompareState, key: str) -> tuple[str, str]:
    """Name and figures of a pane for a picture of all panes: those of the region, if there is one."""
    if key == DIFFERENCE:
        drawn = state.current_difference()
        return state.title(key), "" if drawn is None else difference_figures(drawn)
    caption = result_caption(state, key)
    measured = bool(caption.region) and key in state.region_scores
    return state.title(key), caption.region.removeprefix("Box ") if measured else caption.figures


def _figures(scores: Scores | None, teacher: Scores | None) -> str:
    """PSNR and SSIM, and the difference of PSNR to the teacher's."""
    if scores is None:
        return ""
    ssim = "SSIM needs 11 × 11 px" if math.isnan(scores.ssim) else f"{scores.ssim:.4f}"
    figures = f"{format_score(scores.psnr, '.2f')} dB / {ssim}"
    if teacher is None:
        return figures
    # Both infinite: both equal the ground truth.
    delta = 0.0 if scores.psnr == teacher.psnr else scores.psnr - teacher.psnr
    shown = f"{delta:+.2f}".replace("inf", "∞")
    return _with_minus_sign(f"{figures} · Δ teacher {shown} dB")


def _costs(result: PaneResult, image: OpenedImage) -> str:
    height, width = image.lr.shape[:2]
    parts = [
        result.seconds and ("< 0.01 s" if result.seconds < 0.01 else f"{result.seconds:.2f} s"),
        result.parameters and f"{result.parameters / 1e6:.2f} M",
        result.gmacs and f"{_format_gmacs(result.gmacs)} GMACs at {width}×{height} LR",
        result.remarks and "see tooltip",
        result.note and ("smaller tiles" if is_model(result.key) else result.note.partition(" to ")[0]),
    ]
    return " · ".join(filter(None, parts))


def _format_gmacs(gmacs: float) -> str:
    """Three significant digits, never in exponent notation."""
    if gmacs < 0.001:
        return "< 0.001"
    return f"{gmacs:.3g}" if gmacs < 1000 else f"{gmacs:,.0f}"


def difference_figures(drawn: DifferenceImage) -> str:
    """Mean and extremes of a difference; empty if there is no mean."""
    if drawn.mean is None:
        return ""
    return _with_minus_sign(DIFFERENCE_FIGURES[drawn.difference.kind].format(drawn))


def difference_readout(state: CompareState, at: QPointF | None) -> tuple[str, float | None]:
    """The text of the difference at `at` (HR pixels) and its value; empty and None while there is none."""
    pair, drawn, kind = state.difference_pixels(), state.current_difference(), state.difference.kind
    if at is None or pair is None or pair[0].shape != pair[1].shape:
        return "", None
    a, b = pair
    y, x = min(a.shape[0] - 1, int(at.y())), min(a.shape[1] - 1, int(at.x()))
    if kind is Kind.SSIM:
        if drawn is None or drawn.similarity is None:
            return "", None
        value = float(drawn.similarity[y, x])
        return _with_minus_sign(f"{value:.3f}"), value
    pixel = slice(y, y + 1), slice(x, x + 1)
    value = float(pixel_difference(a[pixel], b[pixel], kind)[0, 0])
    if kind is Kind.ABSOLUTE:
        return " ".join(map(str, np.abs(a[y, x].astype(np.int16) - b[y, x]))), value
    return _with_minus_sign(f"{value:+.1f} Y" if kind is Kind.SIGNED else f"{value:.1f}"), value


def image_text(image: OpenedImage) -> str:
    """Name and sizes of the open image."""
    (height, width), (lr_height, lr_width) = image.hr_size, image.lr.shape[:2]
    origin = "downscaled to" if image.hr is not None else "from"
    sizes = f"{width} × {height} {origin} {lr_width} × {lr_height}"
    return f"{image.name} · {sizes} · ×{image.scale}{image.transparency_note}"


def pixel_text(pixel: npt.NDArray[np.uint8]) -> str:
    """'R G B · Y luma' of one pixel."""
    return f"{' '.join(map(str, pixel))} · Y {float(rgb_to_y(pixel)):.0f}"


def hex_text(pixel: npt.NDArray[np.uint8]) -> str:
    """'#rrggbb' of one pixel."""
    return f"#{pixel.tobytes().hex()}"


def _with_minus_sign(text: str) -> str:
    return text.replace("-", "−")
