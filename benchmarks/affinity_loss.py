"""The streamed SA loss against the textbook formula, forward and backward, alternately in one run.

    .venv/bin/python benchmarks/affinity_loss.py [--batch 16] [--channels 64] [--side 48] [--rounds 5]

Prints the median of the ratios of paired rounds; times of single rounds mean little on a shared machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from fakd_core.affinity import spatial_affinity, spatial_affinity_loss

Loss = Callable[[Tensor, Tensor], Tensor]


def textbook(student: Tensor, teacher: Tensor) -> Tensor:
    """As the method is written down: both (B, N, N) matrices materialised."""
    return F.l1_loss(spatial_affinity(student), spatial_affinity(teacher))


def seconds(loss: Loss, student: Tensor, teacher: Tensor) -> float:
    """Time of one forward and backward pass."""
    student.grad = None
    begun = time.perf_counter()
    loss(student, teacher).backward()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("batch", 16), ("channels", 64), ("side", 48), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    shape = (options.batch, options.channels, options.side, options.side)
    torch.manual_seed(0)
    student, teacher = torch.randn(shape, requires_grad=True), torch.randn(shape)
    pairs = []
    for _ in range(options.rounds + 1):
        pairs.append((seconds(textbook, student, teacher), seconds(spatial_affinity_loss, student, teacher)))
    pairs = pairs[1:]
    ratio = statistics.median(slow / fast for slow, fast in pairs)
    slow, fast = (statistics.median(column) for column in zip(*pairs, strict=True))
    size = f"B{options.batch} C{options.channels} {options.side}x{options.side}"
    print(f"{size}, {torch.get_num_threads()} threads")
    print(f"textbook {slow:.3f} s, streamed {fast:.3f} s, textbook / streamed {ratio:.1f}")


if __name__ == "__main__":
    main()
