"""Distil a small RCAN from the bundled teacher: `python examples/distil.py RUN [STEPS]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fakd_core import TrainConfig, train
from fakd_core.errors import FakdError
from fakd_core.events import RunEnd, RunStarted, ValidationEnd


def distil(run: Path, steps: int = 200) -> Path:
    """Train on the bundled images and return the student's file."""
    config = TrainConfig.build(
        teacher="rcan-g5-r5-c32-x4",
        student="rcan:n_resgroups=5,n_resblocks=1,n_feats=32",
        train_data="samples",
        run=run,
        alpha=0.5,
        distill="10*SA",
        layers=(1, 2, 3),
        init_from_teacher=True,
        steps=steps,
        batch=4,
        patch=24,
        val_images=1,
    )
    student = run / "student.safetensors"
    for event in train(config):
        match event:
            case RunStarted(bicubic=bicubic):
                print(f"bicubic {bicubic.psnr:.2f} dB")
            case ValidationEnd(step=step, student=scores):
                print(f"step {step}: {scores.psnr:.2f} dB, SSIM {scores.ssim:.4f}")
            case RunEnd():
                student = event.student_file
    return student


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the run folder to write")
    parser.add_argument("steps", type=int, nargs="?", default=200)
    options = parser.parse_args()
    try:
        print(distil(options.run, options.steps))
    except FakdError as error:
        sys.exit(str(error))
