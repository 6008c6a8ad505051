"""Measure the peak memory of upscaling small and large images: bounded by the tile, not by the image.

    .venv/bin/python -m benchmarks.upscale_12mp [--megapixels 0.75 3 12] [--model NAME] [--tile N]

Photographs are put side by side until the LR image has that many pixels. Each is enlarged in a process of
its own, from the file to the finished PNG, by what `fakd upscale` runs. Counted is the peak beyond what the
process held with the network loaded and warm.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from skimage import data

from benchmarks.measure import in_fresh_process, peak_megabytes, result
from fakd_core import load_model
from fakd_core.data.image_files import image_size, read_image, write_image
from fakd_core.data.png_writer import open_png
from fakd_core.events import Image8
from fakd_core.inference.tiling import DEFAULT_TILE
from fakd_core.inference.upscale import Strip, upscale_events


def photographs(megapixels: float) -> Image8:
    """A 4:3 LR image of that many megapixels."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = height * 4 // 3
    pair = np.concatenate([data.astronaut()[:300, :400], data.coffee()[:300, :400]], axis=1)
    return np.tile(pair, (-(-height // 300), -(-width // 800), 1))[:height, :width]


def measure(source: Path, target: Path, model: str, tile: int) -> tuple[float, float]:
    """Peak memory beyond the image in megabytes, and seconds."""
    network = load_model(model)
    with torch.inference_mode():
        network(torch.zeros(1, 3, 48, 48))
    before, began = peak_megabytes(), time.perf_counter()
    image = read_image(source)
    height, width = (side * network.spec.scale for side in image.shape[:2])
    with open_png(target, height, width) as write:
        for event in upscale_events(network, image, tile=tile):
            if isinstance(event, Strip):
                write(event.pixels)
    return peak_megabytes() - before, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.75, 3, 12])
    parser.add_argument("--model", default="rcan-g5-r1-c32-x4-fakd")
    parser.add_argument("--tile", type=int, default=DEFAULT_TILE)
    parser.add_argument("--measure", type=Path, nargs=2, help="enlarge this file to that one and stop")
    options = parser.parse_args()
    if options.measure:
        print(*measure(*options.measure, options.model, options.tile))
        return
    beyond = []
    for megapixels in options.megapixels:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "lr.png"), Path(folder, "sr.png")
            img = photographs(megapixels)
            write_image(source, img)
            sizes = ("--model", options.model, "--tile", str(options.tile))
            line = in_fresh_process("benchmarks.upscale_12mp", *sizes, "--measure", str(source), str(target))
            extra, seconds = map(float, line.split())
            held = img.nbytes / 2**20
            beyond.append(extra - held)
            width, height = image_size(target)
            print(
                f"{megapixels:g} MP, {img.shape[1]}x{img.shape[0]} to {width}x{height}: "
                f"{extra:.0f} MB at the peak, of it {held:.0f} the image, in {seconds:.0f} s",
                flush=True,
            )
    sizes = ", ".join(f"{size:g}" for size in options.megapixels)
    result(
        f"upscale {sizes} megapixels: memory beyond the image",
        "bounded by the tile",
        f"{', '.join(f'{megabytes:.0f}' for megabytes in beyond)} MB",
    )


if __name__ == "__main__":
    main()
