"""What stands above a pane: scores, distance to the teacher, cost, and what the mouse is on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakd_core.evaluation.metrics import rgb_to_y
from fakd_core.events import Image8
from fakd_gui.compare.difference import Difference, Drawn, Kind, values
from fakd_gui.compare.work import PaneReady, Region, RegionScores

FIGURES_TIP = (
    "PSNR / SSIM on luma, as many pixels cut per side as the scale; Δ: distance to the teacher.\n"
    "Box: the same inside the region, which is measured whole.\n"
    "Time of the network for this image, parameters, and 10⁹ multiply-accumulates for its LR."
)


@dataclass(frozen=True)
class Caption:
    figures: str = ""
    costs: str = ""
    region: str = ""
    tip: str = FIGURES_TIP


def caption(
    result: PaneReady,
    teacher: PaneReady | None,
    region: Region | None,
    inside: RegionScores | None,
    inside_teacher: RegionScores | None,
    lr_size: tuple[int, int],
) -> Caption:
    """Of one result for an LR image of `lr_size` (height, width).

    `teacher` and `inside_teacher` are None where there is no other one to compare with.
    """
    parts = []
    if result.scores is not None:
        parts.append(f"{result.scores.psnr:.2f} dB / {result.scores.ssim:.4f}")
        if teacher is not None and teacher.scores is not None:
            parts.append(_delta(result.scores.psnr, teacher.scores.psnr))
    elif not result.final:
        parts.append("Measuring…")
    tip = f"{FIGURES_TIP}\n{result.note}" if result.note else FIGURES_TIP
    costs = _costs(result, lr_size)
    return Caption(" · ".join(parts), costs, _region(region, inside, inside_teacher), tip)


def _costs(result: PaneReady, lr_size: tuple[int, int]) -> str:
    parts = []
    if result.seconds:
        parts.append(f"{result.seconds:.2f} s" if result.seconds >= 0.01 else "< 0.01 s")
    if result.parameters:
        parts.append(f"{result.parameters / 1e6:.2f} M")
    if result.gmacs:
        parts.append(f"{_gmacs(result.gmacs)} GMACs at {lr_size[1]}×{lr_size[0]} LR")
    if result.note:
        parts.append("smaller tiles")
    return " · ".join(parts)


def _gmacs(gmacs: float) -> str:
    """Three digits, never as a power of ten."""
    if gmacs < 0.001:
        return "< 0.001"
    return f"{gmacs:.3g}" if gmacs < 1000 else f"{gmacs:,.0f}"


def _region(region: Region | None, inside: RegionScores | None, teacher: RegionScores | None) -> str:
    if region is None or inside is None:
        return ""
    scores = f"Box {inside.psnr:.2f} dB / "
    scores += "SSIM needs 11 × 11 px" if inside.ssim is None else f"{inside.ssim:.4f}"
    return scores if teacher is None else f"{scores} · {_delta(inside.psnr, teacher.psnr)}"


def _delta(psnr: float, teacher: float) -> str:
    if np.isinf(psnr) or np.isinf(teacher):
        return "Δ ∞ dB"
    return f"Δ {psnr - teacher:+.2f} dB".replace("-", "−")


def difference_figures(drawn: Drawn) -> str:
    if drawn.mean is None:
        return ""
    if drawn.difference.kind is Kind.SSIM:
        return f"mean {drawn.mean:.4f}, smallest {drawn.smallest:.3f}".replace("-", "−")
    if drawn.difference.kind is Kind.SIGNED:
        text = f"mean {drawn.mean:+.2f}, from {drawn.smallest:+.1f} to {drawn.largest:+.1f} of 219"
        return text.replace("-", "−")
    if drawn.difference.kind is Kind.SQUARED:
        return f"mean {drawn.mean:.2f}, largest {drawn.largest:.0f} of 65025"
    return f"mean {drawn.mean:.2f}, largest {drawn.largest:.0f} of 255"


def difference_title(difference: Difference, first: str, second: str) -> str:
    between = f"{first} − {second}"
    if difference.kind is Kind.SSIM:
        return f"SSIM {first}, {second}"
    return {Kind.ABSOLUTE: f"|{between}|", Kind.SQUARED: f"({between})²"}.get(difference.kind, between)


def difference_at(
    a: Image8, b: Image8, difference: Difference, drawn: Drawn | None, y: int, x: int
) -> tuple[str, float | None]:
    """What is read at (y, x), and where that lies on the colours' scale."""
    if difference.kind is Kind.SSIM:
        if drawn is None or drawn.similarity is None:
            return "", None
        value = float(drawn.similarity[y, x])
        return f"{value:.3f}".replace("-", "−"), value
    pixels = slice(y, y + 1), slice(x, x + 1)
    value = float(values(a[pixels], b[pixels], difference.kind)[0, 0])
    if difference.kind is Kind.ABSOLUTE:
        apart = np.abs(a[y, x].astype(np.int16) - b[y, x])
        return " ".join(f"{int(channel)}" for channel in apart), value
    text = f"{value:+.1f} Y" if difference.kind is Kind.SIGNED else f"{value:.1f}"
    return text.replace("-", "−"), value


def pixel_text(pixel: npt.NDArray[np.uint8]) -> str:
    """'R G B · Y luma' of one pixel."""
    rgb = " ".join(f"{int(channel)}" for channel in pixel)
    return f"{rgb} · Y {float(rgb_to_y(pixel)):.0f}"


def hex_text(pixel: npt.NDArray[np.uint8]) -> str:
    return "#" + "".join(f"{int(channel):02x}" for channel in pixel)
