"""Compare the final PSNR of students trained with a teacher cache and with a live teacher.

    .venv/bin/python benchmarks/cache_fidelity.py --data DIR --val DIR [--steps 600] [--pools 1600 160]

Trains the same small student from the bundled teacher with each seed: live, then from a pool of each size.
Prints the PSNR on all images of --val after the last step, and CPU seconds, which say more than the clock
on a busy machine: those before the first step, the cache's among them, and those of the steps.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from fakd_core.events import RunStarted, StepEnd, ValidationEnd
from fakd_core.runs.config import TrainConfig
from fakd_core.training.trainer import train

TEACHER = "rcan-g5-r5-c32-x4"
STUDENT = "rcan:n_feats=32,n_resgroups=2,n_resblocks=1"


def final(config: TrainConfig) -> tuple[float, float, float]:
    """PSNR in dB after the last step, CPU seconds until the first step, CPU seconds of all steps."""
    started = time.process_time()
    psnr = ready = seconds = 0.0
    for event in train(config):
        match event:
            case RunStarted():
                ready = time.process_time() - started
            case StepEnd():
                seconds = time.process_time() - started - ready
            case ValidationEnd():
                psnr = event.student.psnr
    return psnr, ready, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="training images")
    parser.add_argument("--val", type=Path, required=True, help="images to score on")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patch", type=int, default=24)
    parser.add_argument("--pools", type=int, nargs="+", default=[1600, 160])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    common = {
        "teacher": TEACHER,
        "student": STUDENT,
        "train_data": options.data,
        "val_data": options.val,
        "steps": options.steps,
        "batch": options.batch,
        "patch": options.patch,
        "validate_every": options.steps,
        "lr": 5e-4,
        "schedule": "cosine",
    }
    results: dict[str, list[float]] = {}
    print(f"{options.steps} steps of {options.batch} patches, {torch.get_num_threads()} threads", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            for pool in (None, *options.pools):
                name = f"pool of {pool}" if pool else "live"
                cache = {"teacher_cache": Path(folder) / "cache", "cache_patches": pool} if pool else {}
                run = Path(folder) / f"{seed}-{pool}"
                psnr, ready, seconds = final(TrainConfig.build(**common, **cache, seed=seed, run=run))
                results.setdefault(name, []).append(psnr)
                print(
                    f"{name:14} seed {seed}: {psnr:.3f} dB, {ready:.0f} s before, {seconds:.0f} s of steps",
                    flush=True,
                )
    live = results["live"]
    for name, scores in results.items():
        against = statistics.mean(scores) - statistics.mean(live)
        print(
            f"{name:14} mean {statistics.mean(scores):.3f} dB, over the seeds "
            f"{min(scores):.3f} to {max(scores):.3f}, against live {against:+.3f} dB"
        )


if __name__ == "__main__":
    main()
