"""Measure the engine on a CUDA GPU at the paper's sizes, in every precision: times and memory.

    .venv/bin/python -m benchmarks.gpu [--batch 16] [--rounds 10]

Prints Markdown tables: the SA loss (textbook, textbook compiled, ours), the distillation step with its
memory, inference. Not yet run on a GPU by the authors.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks import textbook
from benchmarks.distillation_step import RATE, SIZES, networks
from fakd_core.distillation.affinity import spatial_affinity_loss
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.models.rcan import RCAN
from fakd_core.runtime.device import autocast
from fakd_core.training.batches import DistillationBatch
from fakd_core.training.learner import Learner

GPU = torch.device("cuda")
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PATCH = SIZES["paper"].patch
WARM_UP = 3


def milliseconds(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """(median time, most memory in MB) of `work`, by the GPU's own clock."""
    for _ in range(WARM_UP):
        work()
    torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(rounds):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()  # type: ignore[no-untyped-call]
        work()
        end.record()  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))  # type: ignore[no-untyped-call]
    return statistics.median(times), torch.cuda.max_memory_allocated() / 2**20


def affinity(batch: int, rounds: int) -> None:
    print(f"\nSA loss, forward and backward, B{batch} C64\n")
    print("| side | way | ms | MB at the peak |\n|---|---|---|---|")
    ways: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "textbook": textbook.affinity_loss,
        "textbook compiled": torch.compile(textbook.affinity_loss),
        "ours": spatial_affinity_loss,
    }
    for side in (48, 96):
        student, teacher = torch.randn(2, batch, 64, side, side, device=GPU)
        student.requires_grad_()
        for name, loss in ways.items():
            torch.cuda.empty_cache()
            try:
                took, memory = milliseconds(lambda: loss(student, teacher).backward(), rounds)  # noqa: B023
            except torch.OutOfMemoryError:
                print(f"| {side} | {name} | out of memory | |")
                continue
            print(f"| {side} | {name} | {took:.2f} | {memory:.0f} |")


def distillation(batch: int, rounds: int) -> None:
    print(f"\nDistillation step, RCAN g10 r20 -> g10 r6, B{batch}\n")
    print("| way | ms | MB at the peak |\n|---|---|---|")
    lr = 255 * torch.rand(batch, 3, PATCH, PATCH, device=GPU)
    hr = 255 * torch.rand(batch, 3, 4 * PATCH, 4 * PATCH, device=GPU)
    teacher, student = networks(SIZES["paper"])
    report("textbook fp32", textbook_step(teacher, student, lr, hr), rounds)
    for name, dtype in PRECISIONS.items():
        teacher, student = (network.to(GPU) for network in networks(SIZES["paper"]))
        learner = Learner(student=student, loss=DistillationLoss(), device=GPU, dtype=dtype)
        patches = lr.contiguous(memory_format=torch.channels_last)

        def step(teacher=teacher, learner=learner, patches=patches, dtype=dtype) -> None:  # noqa: ANN001
            with torch.no_grad(), autocast(GPU, dtype):
                sr, maps = teacher.forward_features(patches)
            learner.measure(DistillationBatch(patches, hr, sr.float(), maps))
            learner.apply(RATE)

        report(f"ours {name}", step, rounds)


def textbook_step(teacher: RCAN, student: RCAN, lr: Tensor, hr: Tensor) -> Callable[[], float]:
    training = textbook.Training(teacher, student)
    training.teacher.to(GPU)
    training.student.to(GPU)
    return lambda: training.step(lr, hr)


def report(name: str, work: Callable[[], object], rounds: int) -> None:
    torch.cuda.empty_cache()
    took, memory = milliseconds(work, rounds)
    print(f"| {name} | {took:.1f} | {memory:.0f} |")


def inference(rounds: int) -> None:
    print("\nInference x4 of a 510x339 LR image\n\n| network | ms | MB at the peak |\n|---|---|---|")
    lr = 255 * torch.rand(1, 3, 339, 510, device=GPU).contiguous(memory_format=torch.channels_last)
    for title, network in zip(("teacher", "student"), networks(SIZES["paper"]), strict=True):
        network.to(GPU).eval()
        for name, dtype in PRECISIONS.items():

            def enlarge(network=network, dtype=dtype) -> None:  # noqa: ANN001
                with torch.inference_mode(), autocast(GPU, dtype):
                    network(lr)

            report(f"{title} {name}", enlarge, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA GPU here: this benchmark needs one")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}")
    affinity(options.batch, options.rounds)
    distillation(options.batch, options.rounds)
    inference(options.rounds)


if __name__ == "__main__":
    main()
