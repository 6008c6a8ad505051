"""Settings with a name: one that runs in two minutes anywhere, and the papers'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fakd_core.data.folders import SAMPLES

DEFAULT_TEACHER = "rcan-g5-r5-c32-x4"
"""The bundled teacher that the app starts with."""


@dataclass(frozen=True)
class Preset:
    """`values` are options of `TrainConfig`; those that are not among them go to their defaults."""

    name: str
    summary: str
    values: Mapping[str, object]


_PAPER: dict[str, object] = {
    "teacher": ("",),  # Not chosen yet, unlike none.
    "train_data": "",
    "alpha": 0.5,
    "distill": "10*SA",
    "layers": (1, 2, 3),
    "init_from_teacher": False,
    "steps": 200_000,
    "batch": 16,
    "patch": 48,
    "lr": 1e-4,
    "schedule": "milestones",
    "milestones": (150_000,),
    "validate_every": 1000,
    "val_images": 10,
    "precision": "auto",
    "scale": 4,
}


def _paper(name: str, **values: object) -> Preset:
    summary = (
        f"The paper's setting for {name}: batch 16, 48x48 patches, 200 000 steps, 10*SA on layers 1, 2, 3. "
        f"Choose the published {name} teacher's file and a folder such as DIV2K; a GPU is needed in practice."
    )
    return Preset(f"Paper {name}", summary, MappingProxyType({**_PAPER, **values}))


QUICK = Preset(
    "Quick",
    "A small student learns from the bundled teacher on the bundled images: about a minute on two CPU cores.",
    MappingProxyType(
        {
            **_PAPER,
            "teacher": (DEFAULT_TEACHER,),
            "student": "rcan-small-student",
            "train_data": SAMPLES,
            "init_from_teacher": True,
            "steps": 300,
            "batch": 8,
            "patch": 24,
            "lr": 5e-4,
            "schedule": "cosine",
            "validate_every": 50,
            "val_images": 2,
        }
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            QUICK,
            _paper("RCAN", student="rcan-paper-student"),
            _paper("SAN", student="san-paper-student"),
            _paper("EDSR", student="edsr-paper-student"),
        )
    }
)
