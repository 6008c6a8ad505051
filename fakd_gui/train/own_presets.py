"""A person's own presets: TOML files that `fakd train --config` takes as they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from fakd_core.errors import ConfigError
from fakd_core.files import write_text
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.options import training_options
from fakd_core.settings import read_toml
from fakd_gui.user_files import config_folder

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
