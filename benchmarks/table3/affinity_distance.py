"""Measure the mean SA distance between students and teacher, per layer and test set.

    .venv/bin/python -m benchmarks.table3.affinity_distance --benchmarks DIR --teacher M --student M [M ...]

The distance is the SA loss, the mean absolute difference of two networks' affinities (0..2), over the central
96x96 LR pixels of each image, or fewer. Standard errors are those of the mean over the images.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.table3.report import SETS
from fakd_core import load_model
from fakd_core.data.datasets import open_dataset
from fakd_core.distillation.affinity import spatial_affinity_loss
from fakd_core.errors import FakdError

SIDE = 96
LAYERS = (1, 2, 3)


def crop_centre(lr: Tensor) -> Tensor:
    """Crop (1, 3, H, W) to at most SIDE x SIDE around its centre."""
    for axis in (2, 3):
        side = min(SIDE, lr.shape[axis])
        lr = lr.narrow(axis, (lr.shape[axis] - side) // 2, side)
    return lr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmarks", type=Path, required=True, help="the folder of Set5, Set14, ...")
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--student", nargs="+", required=True)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--out", type=Path, help="write the distances of every image as JSON")
    options = parser.parse_args()
    teacher = load_model(options.teacher)
    students = {name: load_model(name) for name in options.student}
    distances: dict[str, dict[str, list[list[float]]]] = {name: {} for name in students}
    with torch.inference_mode():
        for name in SETS:
            dataset = open_dataset(options.benchmarks / name, options.scale)
            for index in range(len(dataset)):
                pixels = torch.from_numpy(dataset.load(index).lr).permute(2, 0, 1)[None].float()
                lr = crop_centre(pixels)
                _, teacher_maps = teacher.forward_features(lr)
                for student, network in students.items():
                    _, maps = network.forward_features(lr)
                    row = [spatial_affinity_loss(maps[layer], teacher_maps[layer]).item() for layer in LAYERS]
                    distances[student].setdefault(name, []).append(row)
    print("| set | layer |", " | ".join(Path(name).name for name in students), "|")
    print("|---|---|" + "---|" * len(students))
    for name in SETS:
        for position, layer in enumerate(LAYERS):
            cells = []
            for student in students:
                values = [row[position] for row in distances[student][name]]
                error = statistics.stdev(values) / len(values) ** 0.5
                cells.append(f"{statistics.mean(values):.4f} ± {error:.4f}")
            print(f"| {name} | {layer} |", " | ".join(cells), "|")
    if options.out:
        options.out.write_text(json.dumps(distances) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except FakdError as error:
        sys.exit(f"error: {error}")
