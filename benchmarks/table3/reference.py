"""Make the tables that the Benchmark workspace opens with: bundled models on the papers' sets, by family.

    .venv/bin/python -m benchmarks.table3.reference --benchmarks DIR

Runs `fakd evaluate --json` and adds what else the workspace stores with a table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.table3.report import SETS
from fakd_core import load_model
from fakd_core.assets import assets_dir
from fakd_core.files import write_text
from fakd_core.models.cost import profile
from fakd_core.runs.references import bundled_models

STUDENTS = ("baseline", "fakd")
"""Suffixes of bundled students; the other model of a family is the teacher."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmarks", type=Path, required=True, help="the folder of Set5, Set14, ...")
    parser.add_argument("--only", nargs="+", help="families, such as rcan-x4")
    options = parser.parse_args()
    for folder in (options.benchmarks / name for name in SETS):
        if not folder.is_dir():
            parser.error(f"no folder {folder}")
    for family, names in groupby(sorted(bundled_models(), key=family_of), key=family_of):
        if options.only and family not in options.only:
            continue
        # The baseline, the student with FAKD, the teacher.
        ordered = sorted(names, key=lambda name: [name.endswith(end) for end in STUDENTS], reverse=True)
        document = measure(ordered, options.benchmarks)
        path = assets_dir() / "results" / f"{family}.json"
        write_text(path, json.dumps(document, separators=(",", ":")) + "\n")


def family_of(name: str) -> str:
    """'rcan-x4'."""
    spec = load_model(name).spec
    return f"{spec.architecture}-x{spec.scale}"


def measure(names: Sequence[str], benchmarks: Path) -> dict[str, Any]:
    """Evaluate one family's models and return the document."""
    networks = {name: load_model(name) for name in names}
    scale = networks[names[0]].spec.scale
    models = [word for name in ("bicubic", *names) for word in ("--model", name)]
    sets = [word for name in SETS for word in ("--data", str(benchmarks / name))]
    measured = subprocess.run(
        [sys.executable, "-m", "fakd_core.cli", "evaluate", *models, *sets, "--scale", str(scale), "--json"],
        check=True,
        stdout=subprocess.PIPE,
    )
    document: dict[str, Any] = json.loads(measured.stdout)
    for result in document["results"]:
        result.pop("lr", None)  # A folder of this machine.
    document["teacher"] = next(name for name in names if not name.endswith(STUDENTS))
    document["baseline"] = next(name for name in names if name.endswith("baseline"))
    document["measured"] = datetime.now().isoformat(timespec="seconds")
    document["models"] = {"bicubic": {"label": "Bicubic"}}
    for name, network in networks.items():
        cost = profile(network)
        document["models"][name] = {"label": name, "parameters": cost.parameters, "gmacs": cost.gmacs}
    return document


if __name__ == "__main__":
    main()
