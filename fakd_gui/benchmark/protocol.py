"""How the figures are measured, in one line; it goes with the table wherever it goes."""

from __future__ import annotations

from fakd_core.evaluation.published import SOURCE

PROTOCOL = (
    "PSNR (dB) and SSIM on BT.601 luma, output rounded to 8 bits, scale px cut from every side; LR images: "
    "the set's own, else MATLAB's bicubic; GMACs for 64×36 px LR (256×144 px output at ×4)"
)
"""One line. `fakd_core.evaluation.metrics.PROTOCOL` says it at length."""

MORE = (
    "Best in bold, second best underlined, the teacher apart; Δ is PSNR minus the teacher's; gap closed is "
    "(PSNR − baseline)/(teacher − baseline). Time is that of upscaling alone on this machine, per image. "
    "A set that a student was trained on flatters it: the Quick preset trains on five of the seven samples."
)
PUBLISHED_NOTE = f"published: {SOURCE}"


def lines(published: bool) -> list[str]:
    """What stands under a copy: the protocol, and the source of published figures if there are any."""
    return [PROTOCOL, PUBLISHED_NOTE] if published else [PROTOCOL]
