"""TOML that a person wrote, read with one kind of error for all that can be wrong with it."""

from __future__ import annotations

import tomllib
from typing import Any

from fakd_core.errors import ConfigError


def parse_toml(text: str) -> dict[str, Any]:
    """The tables and values in `text`; raises `ConfigError` with the place of the fault."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError("not valid TOML: its brackets are nested too deep") from None
    except ValueError as error:  # A syntax error, or a number of thousands of digits.
        raise ConfigError(f"not valid TOML: {error}") from None
