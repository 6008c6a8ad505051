"""Run every benchmark in turn and write the results into the table of docs/performance.md.

make bench          (half an hour; leave the machine alone meanwhile)
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs/performance.md"
PROGRAMS = (
    "affinity_loss",
    "student_forward",
    "distillation_step",
    "data_loading",
    "upscale_12mp",
    "inspect_query",
    "curves",
    "viewer",
    "smoothness",
)
START, END = "<!-- make bench: from here -->", "<!-- make bench: to here -->"


def results(program: str) -> list[str]:
    """Run one benchmark, print its output and return its lines for the table."""
    from benchmarks.measure import RESULT

    command = [sys.executable, "-m", f"benchmarks.{program}"]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PAGE.parent.parent) as running:
        assert running.stdout is not None
        for line in running.stdout:
            print(line, end="", flush=True)
            if line.startswith(RESULT):
                lines.append(f"| {line.removeprefix(RESULT).strip()} |")
    if running.returncode:
        raise SystemExit(f"benchmarks.{program} failed")
    return lines


def machine() -> str:
    import torch

    try:
        processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        processor = None
    name = processor[1] if processor else platform.processor()
    instructions = torch.backends.cpu.get_cpu_capability()
    threads = torch.get_num_threads()
    return f"{name} ({instructions}), {os.cpu_count()} cores, {threads} threads, torch {torch.__version__}"


def main() -> None:
    description, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(
        description=description, epilog=f"{details.strip()} The benchmarks: {', '.join(PROGRAMS)}"
    )
    parser.parse_args()
    rows = [row for program in PROGRAMS for row in results(program)]
    heading = [f"{date.today():%Y-%m-%d}, {machine()}:", "", "| What | Target | Measured |", "|---|---|---|"]
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(START)
    after = rest.split(END)[1]
    table = "\n".join([START, *heading, *rows, END])
    PAGE.write_text(f"{before}{table}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
