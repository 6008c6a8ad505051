"""Compare the streamed SA loss with the textbook's, forward and backward, in paired rounds.

.venv/bin/python -m benchmarks.affinity_loss [--batch 16] [--side 48] [--rounds 7]
"""

from __future__ import annotations

import argparse
from functools import partial

import torch
from torch import Tensor

from benchmarks.measure import in_fresh_process, peak_megabytes, ratio, result, take_turns
from benchmarks.textbook import affinity_loss as textbook
from fakd_core.distillation.affinity import spatial_affinity_loss

CHANNELS = 64
LOSSES = {"textbook": textbook, "ours": spatial_affinity_loss}


def maps(batch: int, side: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    student, teacher = torch.randn(2, batch, CHANNELS, side, side)
    return student.requires_grad_(), teacher


def backward(name: str, student: Tensor, teacher: Tensor) -> None:
    student.grad = None
    LOSSES[name](student, teacher).backward()


def extra_megabytes(name: str, batch: int, side: int) -> float:
    """Memory of one forward and backward pass beyond the maps and the student's gradient."""
    student, teacher = maps(batch, side)
    # One-off set-up of the libraries doesn't count.
    backward(name, *maps(1, 8))
    student.grad = torch.zeros_like(student)
    before = peak_megabytes()
    backward(name, student, teacher)
    return peak_megabytes() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("batch", 16), ("side", 48), ("rounds", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--extra", choices=LOSSES, help="print this loss's extra megabytes and stop")
    options = parser.parse_args()
    if options.extra:
        print(extra_megabytes(options.extra, options.batch, options.side))
        return

    size = f"B{options.batch} C{CHANNELS} {options.side}x{options.side}"
    student, teacher = maps(options.batch, options.side)
    ways = {name: partial(backward, name, student, teacher) for name in LOSSES}
    times = take_turns(ways, options.rounds, as_in_training=frozenset({"ours"}))
    print(f"textbook {min(times['textbook']):.3f} s, ours {min(times['ours']):.3f} s (fastest rounds)")
    faster = ratio(times["textbook"], times["ours"])
    result(f"SA loss forward + backward, {size}", "at least 5x", f"{faster:.1f}x")

    def extra(name: str, batch: int, side: int) -> float:
        sizes = ("--batch", str(batch), "--side", str(side))
        return float(in_fresh_process("benchmarks.affinity_loss", "--extra", name, *sizes))

    plain, ours = (extra(name, options.batch, options.side) for name in ("textbook", "ours"))
    print(f"extra memory: textbook {plain:.0f} MB, ours {ours:.0f} MB")
    result(f"its extra memory, {size}", "at most 1/8", f"1/{plain / ours:.0f}")
    large = extra("ours", options.batch, 96)
    result(f"the same at B{options.batch} C{CHANNELS} 96x96", "under 1 GB extra", f"{large:.0f} MB")


if __name__ == "__main__":
    main()
