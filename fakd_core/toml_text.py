"""TOML that a person wrote, read with one kind of error for all that can be wrong with it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from fakd_core.errors import ConfigError

LARGEST = 1_000_000
"""Bytes that a TOML file may have: those of this program have some hundred."""


def read_toml_text(path: Path) -> str:
    """The text of a TOML file, with or without a byte order mark, its lines ended in any way.

    Raises `ConfigError` if there is none that can be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: expected a TOML file, found a folder; name the file in it") from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror or error}") from None
    if len(content) > LARGEST:
        raise ConfigError(f"{path}: expected a TOML file of at most {LARGEST / 1e6:g} MB, found a larger one")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected a TOML file, found no text in UTF-8; save it as UTF-8") from None


def parse_toml(text: str) -> dict[str, Any]:
    """The tables and values in `text`; raises `ConfigError` with the place of the fault."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError("not valid TOML: its brackets are nested too deep") from None
    except ValueError as error:  # A syntax error, or a number of thousands of digits.
        raise ConfigError(f"not valid TOML: {error}") from None
