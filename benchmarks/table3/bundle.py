"""Copy what was trained to assets/models: the teachers, and seed 1 of the students at equal time.

.venv/bin/python -m benchmarks.table3.bundle [--out runs/table3]

An experiment is finished when what is copied from it was evaluated.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from benchmarks.table3.experiments import Training, read_experiment
from fakd_core import load_model
from fakd_core.assets import assets_dir
from fakd_core.runs.references import model_file

HERE = Path(__file__).parent
TEACHERS = ("rcan-x4", "san-x4", "rcan-x2")
STUDENTS = ("time-8000", "time-san-x4", "time-rcan-x2")
SUFFIXES = {"teacher": "", "no teacher": "-baseline", "Fast FAKD": "-fakd"}
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/table3"))
    options = parser.parse_args()
    for family in TEACHERS + STUDENTS:
        trainings = [
            training
            for training in read_experiment(HERE / f"{family}.toml")
            if training.kind in SUFFIXES and training.seed == SEED
        ]
        if all((options.out / f"{training.name}.scores.json").exists() for training in trainings):
            for training in trainings:
                copy(training, options.out)
        else:
            print(f"{family}: not finished yet")


def copy(training: Training, out: Path) -> None:
    source = model_file(out / training.name)
    spec = load_model(source).spec
    sizes = spec.model_dump()
    size = f"g{sizes['n_resgroups']}-r{sizes['n_resblocks']}-c{spec.n_feats}"
    name = f"{spec.architecture}-{size}-x{spec.scale}{SUFFIXES[training.kind]}"
    target = assets_dir() / "models" / f"{name}.safetensors"
    shutil.copy(source, target)
    print(f"{training.name}: {target}")


if __name__ == "__main__":
    main()
