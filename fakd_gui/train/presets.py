"""Settings with a name: one that runs in two minutes anywhere, and the papers'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomlkit

from fakd_core.data.folders import SAMPLES
from fakd_core.errors import ConfigError
from fakd_core.files import write_text
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.options import training_options
from fakd_core.settings import read_toml
from fakd_gui.session.user_files import config_folder

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


SUFFIX = ".toml"
LONGEST = 60
KEPT = ("teacher", "student", "train_data", "run")
"""What a file need not name: the form then keeps its own, while everything else goes to its default."""

_STAND_INS: Mapping[str, object] = {"student": "rcan-small-student", "train_data": "samples", "run": "run"}


def folder() -> Path:
    return config_folder() / "presets"


def own_presets() -> dict[str, Path]:
    """Files by the preset's name, sorted; none where the folder isn't there or can't be read."""
    try:
        found = [
            path for path in folder().iterdir() if path.suffix == SUFFIX and not path.name.startswith(".")
        ]
    except OSError:
        return {}
    return {path.stem: path for path in sorted(found, key=lambda path: path.stem.lower())}


def check_name(name: str, taken: frozenset[str]) -> None:
    """Raise `ConfigError` unless `name` can be a file's and is none of `taken`, the names that come along."""
    if not name:
        raise ConfigError("Name the preset.")
    if name.lower() in {other.lower() for other in taken}:
        raise ConfigError(f"{name} comes with the program; choose another name.")
    if (
        len(name) > LONGEST
        or name.startswith(".")
        or any(sign in '/\\:*?"<>|' or sign < " " for sign in name)
    ):
        raise ConfigError(
            f'Up to {LONGEST} letters, digits and spaces; no / \\ : * ? " < > | and no dot in front.'
        )


def path_of(name: str) -> Path:
    return folder() / f"{name}{SUFFIX}"


def settings_text(values: Mapping[str, object]) -> str:
    """`values` as a TOML document; what is None or was not given yet is left out.

    Raises `ConfigError` for values that no run could have.
    """
    given = {name: value for name, value in values.items() if _is_given(name, value)}
    checked = TrainConfig.build(**{**_STAND_INS, **given}).model_dump(mode="json", include=set(given))
    document = tomlkit.document()
    for name, value in checked.items():
        if value is not None:
            document.add(name, value)
    return tomlkit.dumps(document)


def save_settings(path: Path, values: Mapping[str, object]) -> None:
    """Write `values` to `path`; raises `ConfigError` where they or the folder are not fit for it."""
    text = settings_text(values)
    try:
        write_text(path, text)
    except OSError as error:
        raise ConfigError(f"{path}: can't be written ({error.strerror}); choose another place") from None


def read_settings(path: Path) -> dict[str, Any]:
    """What the options become by the file `path`, all but those of `KEPT` that it does not name.

    Raises `ConfigError` for a file that can't be read, or that names what is no option or can't be its value.
    """
    given = read_toml(path)
    try:
        config = TrainConfig.build(**{**_STAND_INS, **given})
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from None
    return {name: getattr(config, name) for name in training_options() if name in given or name not in KEPT}


def _is_given(name: str, value: object) -> bool:
    return value is not None and value != "" and not (name == "teacher" and value == ("",))
