"""Affinity maps of one position, by teacher and students: `python examples/affinity.py IMAGE OUT.png`."""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
import torch

from fakd_core import affinity_row, imresize_bicubic, load_model, read_image, write_image

MODELS = ("rcan-g5-r5-c32-x4", "rcan-g5-r1-c32-x4-fakd", "rcan-g5-r1-c32-x4-baseline")


def affinities(image: npt.NDArray[np.uint8], y: int, x: int, tap: int = 2) -> list[npt.NDArray[np.float32]]:
    """Cosine similarities of (y, x) to every position of an (H, W, 3) LR image: an (H, W) map per model."""
    lr = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    rows = []
    for name in MODELS:
        with torch.inference_mode():
            _, maps = load_model(name).forward_features(lr)
        rows.append(affinity_row(maps[tap][0], y, x).numpy())
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", help="an HR image")
    parser.add_argument("out", help="the maps side by side, as PNG")
    options = parser.parse_args()
    lr = imresize_bicubic(read_image(options.image), 1 / 4)
    rows = affinities(lr, y=40, x=60)
    grey = np.rint(255 * np.clip(np.concatenate(rows, axis=1), 0, 1)).astype(np.uint8)
    write_image(options.out, np.repeat(grey[..., None], 3, axis=2))
    for name, row in zip(MODELS, rows, strict=True):
        print(f"{name:28} mean distance to the teacher {np.abs(row - rows[0]).mean():.4f}")
