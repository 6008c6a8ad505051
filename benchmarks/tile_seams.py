"""Measure how tiled outputs differ from whole ones, and whether seams are visible.

    .venv/bin/python -m benchmarks.tile_seams IMAGE... [--model NAME] [--tiles 96 192] [--overlaps 32]
                                               [--blends 0 16]

The images are taken as LR images. For each tiling: PSNR of the tiled against the whole output in 8 bit, the
largest difference in grey levels, and how large a step (RMS) the difference makes from one line to the next
on a seam, where a fade begins, ends or goes on, and everywhere else. An eye finds a seam by its length:
so steps are those of means over 32 pixels along the line, which also averages the rounding away.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch

from fakd_core import load_model
from fakd_core.data.image_files import read_image
from fakd_core.inference.tiling import Floats, Tiling, cut
from fakd_core.inference.upscale import Strip, TiledPass, tensor_from_image
from fakd_core.models.layers import SRNetwork

RUN = 32


def whole(model: SRNetwork, img: np.ndarray) -> Floats:
    """The output of one pass, (H, W, 3), clipped to 0..255."""
    with torch.inference_mode():
        output: Floats = model(tensor_from_image(img))[0].clamp(0, 255).permute(1, 2, 0).numpy()
    return output


def tiled(model: SRNetwork, img: np.ndarray, tiling: Tiling) -> np.ndarray:
    """The output in tiles, 8 bit."""
    events = TiledPass(model, img, tiling).events()
    return np.concatenate([event.pixels for event in events if isinstance(event, Strip)])


def steps(difference: Floats, size: int, scale: int, tiling: Tiling) -> tuple[Floats, Floats]:
    """The squared steps along the first axis: on seams and in fades, and elsewhere."""
    whole_runs = difference[:, : difference.shape[1] // RUN * RUN]
    means = whole_runs.reshape(len(difference), -1, RUN, 3).mean(2)
    each = np.square(np.diff(means, axis=0)).mean((1, 2))
    near = np.zeros(len(each), dtype=bool)
    for seam in (span.start * scale for span in cut(0, size, tiling) if span.start):
        reach = tiling.blend * scale // 2
        near[seam - 1 - reach : seam + reach] = True
    return each[near], each[~near]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", metavar="IMAGE", type=Path, nargs="+")
    parser.add_argument("--model", default="rcan-g5-r1-c32-x4-fakd")
    parser.add_argument("--tiles", type=int, nargs="+", default=[96, 128, 192, 256])
    parser.add_argument("--overlaps", type=int, nargs="+", default=[16, 32, 48])
    parser.add_argument("--blends", type=int, nargs="+", default=[0, 16])
    options = parser.parse_args()
    model = load_model(options.model)
    images = [read_image(path) for path in options.images]
    expected = [whole(model, img) for img in images]
    print(f"{options.model}, {', '.join('{1}x{0}'.format(*img.shape) for img in images)}")
    print("tile overlap fade  PSNR (dB)  largest  step at seams  elsewhere")
    for side in options.tiles:
        for overlap in options.overlaps:
            for blend in options.blends:
                tiling = Tiling(side, overlap, blend)
                if side < 2 * (overlap + max(blend, 16)) or side >= min(min(img.shape[:2]) for img in images):
                    continue
                squares, largest, seams, others = [], 0.0, [], []
                for img, output in zip(images, expected, strict=True):
                    # Against the rounded whole: rounding would be most of a difference this small.
                    difference = tiled(model, img, tiling).astype(np.float32) - output.round()
                    squares.append(np.square(difference).mean())
                    largest = max(largest, float(np.abs(difference).max()))
                    for view, size in ((difference, img.shape[0]), (difference.swapaxes(0, 1), img.shape[1])):
                        seam, other = steps(view, size, model.spec.scale, tiling)
                        seams.append(seam)
                        others.append(other)
                psnr = 10 * math.log10(255**2 / np.mean(squares)) if any(squares) else math.inf
                on_seams, elsewhere = (math.sqrt(np.concatenate(each).mean()) for each in (seams, others))
                sizes = f"{side:4} {overlap:7} {blend:4}"
                print(f"{sizes} {psnr:10.1f} {largest:8.0f} {on_seams:14.3f} {elsewhere:10.3f}", flush=True)


if __name__ == "__main__":
    main()
