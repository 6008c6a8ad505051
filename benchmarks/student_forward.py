"""Time the paper's RCAN student (5.17 M parameters) forward against the machine's convolution peak.

.venv/bin/python -m benchmarks.student_forward [--side 128] [--rounds 9]
"""

from __future__ import annotations

import argparse

import torch

from benchmarks.measure import convolution, ratio, result, take_turns
from fakd_core.models.cost import profile
from fakd_core.models.factory import create_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=128, help="LR pixels")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.manual_seed(0)
    student = create_model("rcan", n_resgroups=10, n_resblocks=6).eval().to(memory_format=torch.channels_last)
    lr = 255 * torch.rand(1, 3, options.side, options.side).contiguous(memory_format=torch.channels_last)
    gflops = 2 * profile(student, (options.side, options.side)).gmacs
    conv, conv_gflops = convolution(1, options.side)

    def forward() -> None:
        with torch.inference_mode():
            student(lr)

    times = take_turns(
        {"student": forward, "convolution": conv},
        options.rounds,
        as_in_training=frozenset({"student", "convolution"}),
    )
    at_peak = [gflops / conv_gflops * took for took in times["convolution"]]
    share = ratio(at_peak, times["student"])
    rates = {
        "student": gflops / min(times["student"]),
        "convolution": conv_gflops / min(times["convolution"]),
    }
    print({name: f"{rate:.0f} GFLOP/s" for name, rate in rates.items()}, "(fastest rounds)")
    size = f"{options.side}x{options.side}"
    result(
        f"student forward, RCAN g10 r6, LR {size}: share of the convolution peak",
        "at least 85 %",
        f"{100 * share:.0f} %",
    )


if __name__ == "__main__":
    main()
