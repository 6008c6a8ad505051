"""The table that the Benchmark workspace opens with: the bundled models on the papers' sets.

    .venv/bin/python -m benchmarks.table3.reference --benchmarks DIR

Measures with `fakd evaluate --json` and adds what the workspace keeps beside a table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from benchmarks.table3.report import SETS
from fakd_core import load_model
from fakd_core.assets import REFERENCE_RESULTS, assets_dir
from fakd_core.catalogue import bundled_models
from fakd_core.files import write_text
from fakd_core.profiling import profile

SCALE = 4
TEACHER = "rcan-g5-r5-c32-x4"
BASELINE = "rcan-g5-r1-c32-x4-plain"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmarks", type=Path, required=True, help="the folder of Set5, Set14, ...")
    options = parser.parse_args()
    networks = {name: load_model(path) for name, path in bundled_models().items()}
    names = ["bicubic", *(name for name, network in networks.items() if network.spec.scale == SCALE)]
    models = [word for name in names for word in ("--model", name)]
    sets = [word for name in SETS for word in ("--data", str(options.benchmarks / name))]
    measured = subprocess.run(
        [sys.executable, "-m", "fakd_core.cli", "evaluate", *models, *sets, "--scale", str(SCALE), "--json"],
        check=True,
        stdout=subprocess.PIPE,
    )
    document = json.loads(measured.stdout)
    document["teacher"], document["baseline"] = TEACHER, BASELINE
    document["measured"] = datetime.now().isoformat(timespec="seconds")
    document["models"] = {"bicubic": {"label": "Bicubic"}}
    for name in names[1:]:
        cost = profile(networks[name])
        document["models"][name] = {"label": name, "parameters": cost.parameters, "gmacs": cost.gmacs}
    write_text(assets_dir() / REFERENCE_RESULTS, json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
