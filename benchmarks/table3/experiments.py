"""The trainings listed in the TOML files of this folder."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEACHER = "TEACHER"
"""Stands for the teacher's run in the files."""


@dataclass(frozen=True)
class Training:
    """One run; `name` is that of its folder, `kind` the title of its row in the table."""

    name: str
    family: str
    kind: str
    seed: int
    scale: int
    options: dict[str, Any]
    teacher: str = ""
    note: str = ""
    """Remarks for the report."""

    def command(self, data: Path, out: Path) -> list[str]:
        """The arguments of `fakd` that train it on the images in `data`, into `out/name`."""
        words = ["train", "--train-data", str(data), "--run", str(out / self.name)]
        for name, value in {"scale": self.scale, "seed": self.seed, **self.options}.items():
            words.append(f"--{name.replace('_', '-')}")
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            if value is not True:
                words.append(str(out / self.teacher) if text == TEACHER else text)
        return words


def read_experiment(file: Path) -> list[Training]:
    """The teacher, then the students of each seed in turn; one with its own `seeds` has only these.

    A student leaves out an option that is common to all by setting it to false.
    """
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    family, scale = file.stem, document["scale"]
    common, teacher = document["common"], f"{document.get('teacher_of', family)}-teacher"
    trainings = []
    if "teacher" in document:
        options = {**common, **document["teacher"]}
        seed, note = options.pop("seed"), options.pop("note", "")
        trainings.append(Training(teacher, family, "teacher", seed, scale, options, note=note))
    for seed in document["seeds"]:
        for number, (kind, own) in enumerate(document["students"].items(), 1):
            options = {**common, **document["student"], **own}
            options = {name: value for name, value in options.items() if value is not False}
            if seed not in options.pop("seeds", document["seeds"]):
                continue
            name = f"{family}-{number}-seed{seed}"
            own_teacher = teacher if options.get("teacher") == TEACHER else ""
            trainings.append(Training(name, family, kind, seed, scale, options, own_teacher))
    return trainings
