"""Score models side by side on images of your own: `python examples/compare.py IMAGES [MODEL ...]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fakd_core import evaluate
from fakd_core.errors import FakdError
from fakd_core.evaluation.evaluate import collect_results
from fakd_core.evaluation.results import Result

BUNDLED = ("rcan-g5-r1-c32-x4-baseline", "rcan-g5-r1-c32-x4-fakd", "rcan-g5-r5-c32-x4")


def compare(images: Path, names: tuple[str, ...] = BUNDLED) -> list[Result]:
    """Bicubic and each model on every image of a folder of HR images, by the papers' protocol."""
    return collect_results(evaluate(["bicubic", *names], [images]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="a folder of HR images")
    parser.add_argument(
        "models", nargs="*", default=BUNDLED, help="bundled models, checkpoints or run folders"
    )
    options = parser.parse_args()
    try:
        results = compare(options.images, tuple(options.models))
    except FakdError as error:
        sys.exit(str(error))
    for result in results:
        print(f"{result.model:30} {result.psnr_y:7.3f} dB  SSIM {result.ssim_y:.4f}")
