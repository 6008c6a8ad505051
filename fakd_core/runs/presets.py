"""Presets of training settings: the built-in ones, and those that the user saved as TOML files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fakd_core.data.folders import SAMPLES
from fakd_core.errors import ConfigError
from fakd_core.files import config_folder, write_text
from fakd_core.runs.config import AUTO_FOLDER, TrainConfig, to_toml
from fakd_core.runs.methods import METHODS
from fakd_core.runs.option_help import training_options
from fakd_core.settings import read_toml

DEFAULT_TEACHER = "rcan-g5-r5-c32-x4"
"""The bundled teacher of the Quick preset."""


@dataclass(frozen=True)
class Preset:
    """A built-in preset: `values` by option; all other options have their defaults."""

    name: str
    summary: str
    values: Mapping[str, object]


# The defaults of `TrainConfig` are the papers' settings.
_PAPER: Mapping[str, object] = {
    "teacher": ("",),  # Left open, unlike (), which trains without a teacher.
    "train_data": ("",),
    "validate_every": 1000,
    "val_images": 10,
}


def _paper(name: str) -> Preset:
    summary = (
        f"The paper's settings for {name}: batch 16, 48×48 patches, 200,000 steps, 10*SA on layers 1, 2, 3. "
        f"Choose the published {name} teacher's file and a folder such as DIV2K; needs a GPU in practice."
    )
    return Preset(
        f"Paper {name}", summary, MappingProxyType({**_PAPER, "student": f"{name.lower()}-paper-student"})
    )


_FAST_RECIPE: Mapping[str, object] = {"init_from_teacher": True, "distill": "10*SA(positions=0.0625)"}
"""The best student for the time (docs/evidence.md)."""

QUICK = Preset(
    "Quick",
    "A small student learns from the bundled teacher on the bundled images: about a minute on two CPU cores.",
    MappingProxyType(
        {
            **_PAPER,
            "teacher": (DEFAULT_TEACHER,),
            "student": "rcan-small-student",
            "train_data": (SAMPLES,),
            **_FAST_RECIPE,
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

FAST = Preset(
    "Fast FAKD",
    "The most for the time: starts from the teacher's layers, compares affinities at a sixteenth of the "
    "positions and keeps the teacher's outputs for 4,096 patches. Choose a folder of images.",
    MappingProxyType(
        {
            **_PAPER,
            "teacher": (DEFAULT_TEACHER,),
            "student": "rcan-small-student",
            **_FAST_RECIPE,
            "teacher_cache": AUTO_FOLDER,
            "cache_patches": 4096,
            "steps": 4000,
            "batch": 8,
            "patch": 40,
            "lr": 6e-4,
            "schedule": "cosine",
            "validate_every": 400,
        }
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {preset.name: preset for preset in (QUICK, FAST, *map(_paper, ("RCAN", "SAN", "EDSR")))}
)


def preset_values(name: str) -> dict[str, Any]:
    """The options that the preset `name` sets, built-in, the user's or a method's; open ones are missing.

    Case doesn't matter, and a hyphen may stand for a space: `paper-rcan`. Raises `ConfigError` if there is no
    such preset, or the user's file can't be used.
    """
    own = user_presets()
    by_key = {_key(known): known for known in (*METHODS, *own, *PRESETS)}
    found = name if name in own else by_key.get(_key(name))
    if found is None:
        near = difflib.get_close_matches(_key(name), by_key, n=1)
        hint = f"; did you mean {by_key[near[0]]}?" if near else "."
        known = ", ".join(dict.fromkeys((*PRESETS, *METHODS, *own)))
        raise ConfigError(f"no preset {name!r}{hint} Presets: {known}")
    if found in PRESETS:
        return _without_open(PRESETS[found].values)
    if found not in own:
        return METHODS[found].values
    return read_settings(own[found])


def _key(name: str) -> str:
    return name.casefold().replace("-", " ").replace(" + ", "+")


SUFFIX = ".toml"
MAX_NAME = 60
MAY_BE_MISSING = ("teacher", "student", "train_data", "run")
"""Options that a file may leave open; every other option that it doesn't name has its default."""

_STAND_INS: Mapping[str, object] = {"student": "rcan-small-student", "train_data": SAMPLES, "run": "run"}


def user_presets() -> dict[str, Path]:
    """The files of the user's presets by name, sorted; empty if their folder is missing or can't be read."""
    try:
        found = [path for path in _folder().iterdir() if path.suffix == SUFFIX and path.name[0] != "."]
    except OSError:
        return {}
    return {path.stem: path for path in sorted(found, key=lambda path: path.stem.lower())}


def preset_path(name: str) -> Path:
    """The file of the user's preset `name`."""
    return _folder() / f"{name}{SUFFIX}"


def _folder() -> Path:
    return config_folder() / "presets"


def check_preset_name(name: str) -> None:
    """Raise `ConfigError` if `name` can't be a file name or is built in."""
    if not name:
        raise ConfigError("Enter a name for the preset.")
    if _key(name) in map(_key, (*PRESETS, *METHODS)):
        raise ConfigError(f"{name} is built in; choose another name.")
    reserved = any(character in '/\\:*?"<>|' or character < " " for character in name)
    if len(name) > MAX_NAME or name.startswith(".") or reserved:
        raise ConfigError(
            f'A name has at most {MAX_NAME} characters, none of / \\ : * ? " < > | and no leading dot.'
        )


def save_settings(path: Path, values: Mapping[str, object]) -> None:
    """Write `values` to `path` as TOML; options that are None or left open are omitted.

    Raises `ConfigError` if the values are invalid, or the file can't be written.
    """
    given = _without_open(values)
    config = TrainConfig.build(**{**_STAND_INS, **given})
    try:
        write_text(path, to_toml(config, only=set(given)))
    except OSError as error:
        raise ConfigError(f"{path}: can't be written ({error.strerror}); choose another place") from None


def read_settings(path: Path) -> dict[str, Any]:
    """The options that the TOML file `path` sets, and the defaults of the rest but for `MAY_BE_MISSING`.

    Raises `ConfigError` if the file can't be read, or has an unknown option or an invalid value.
    """
    given = read_toml(path)
    try:
        config = TrainConfig.build(**{**_STAND_INS, **given})
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from None
    return {
        name: getattr(config, name)
        for name in training_options()
        if name in given or name not in MAY_BE_MISSING
    }


def _without_open(values: Mapping[str, object]) -> dict[str, object]:
    """The options that have a value and are not left open."""
    return {name: value for name, value in values.items() if value not in (None, "", ("",))}
