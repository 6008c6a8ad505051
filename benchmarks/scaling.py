"""Measure the gain of several processes: steps of one and of all, and the all-reduce of the gradients.

    .venv/bin/python -m benchmarks.scaling [--processes 2] [--batch 4] [--steps 5]

At the paper's sizes (RCAN g10 r20 -> g10 r6, 48x48, 10*SA on layers 1, 2, 3), with the trainer's batches and
learners. Each process gets one thread, or one GPU where there are any. See docs/scaling.md for the model.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import distributed

from benchmarks.distillation_step import RATE, SEED, SIZES, networks, sampler
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.runtime.cpu_tuning import retain_freed_memory
from fakd_core.runtime.device import choose_device, choose_precision
from fakd_core.runtime.distributed import World, join_world
from fakd_core.training.batches import OnlineTeacherBatches
from fakd_core.training.learner import Learner

Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4, help="patches per step, over all processes")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        with join_world() as world, retain_freed_memory():
            figures = measured(world, options.batch, options.steps)
            if world.is_main:
                print(json.dumps(figures), flush=True)
        return
    processes, batch = options.processes, options.batch
    alone = started(1, batch, options.steps)
    share = started(1, batch // processes, options.steps)
    several = started(processes, batch, options.steps)
    step, part, reduced = alone["step"], share["step"], several["all_reduce"]
    megabytes = several["gradient_bytes"] / 1e6
    print(f"one process, batch {batch}: {step:.3f} s a step")
    print(f"one process, batch {batch // processes} (the share of one of {processes}): {part:.3f} s a step")
    print(f"all-reduce of {megabytes:.1f} MB of gradients over {processes}: {1e3 * reduced:.1f} ms")
    print(f"{processes} processes, batch {batch}: {several['step']:.3f} s a step")
    print(f"model: {max(part, reduced):.3f} to {part + reduced:.3f} s a step")
    print(f"gain: {step / several['step']:.2f}x; a share is {step / part:.2f}x as fast as the whole")


def started(processes: int, batch: int, steps: int) -> Figures:
    """Figures measured by that many fresh processes."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    worker = ["-m", "--", "benchmarks.scaling", "--worker", f"--batch={batch}", f"--steps={steps}"]
    done = subprocess.run(
        [*launch, *worker],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    figures: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def measured(world: World, batch: int, steps: int) -> Figures:
    """Seconds until the slowest process is done, in the fastest round: of a step, and of the all-reduce."""
    device = choose_device("auto", world)
    dtype = choose_precision("auto", device)
    teacher, student = (network.to(device) for network in networks(SIZES["paper"]))
    batches = OnlineTeacherBatches(
        sampler=sampler(batch), teachers=(teacher,), seed=SEED, device=device, dtype=dtype
    )
    learner = Learner(student=student, loss=DistillationLoss(), device=device, dtype=dtype, world=world)
    size = sum(parameter.numel() for parameter in student.parameters())
    gradients = torch.zeros(size, device=device)

    def step() -> None:
        learner.measure(batches.batch(0, world.rank, world.ranks))
        learner.apply(RATE)

    def all_reduce() -> None:
        if not world.is_single:
            distributed.all_reduce(gradients)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return {
        "step": fastest(world, step, steps),
        "all_reduce": fastest(world, all_reduce, 5 * steps),
        "gradient_bytes": 4 * size,
    }


def fastest(world: World, work: Callable[[], None], times: int) -> float:
    """Seconds of `work`, which all processes start at once, until the last one is done.

    Of so many times the fastest: whatever else runs on the machine only adds.
    """
    work()
    taken = []
    for _ in range(times):
        world.any(False)
        started = time.perf_counter()
        work()
        world.any(False)
        taken.append(time.perf_counter() - started)
    return min(taken)


if __name__ == "__main__":
    main()
