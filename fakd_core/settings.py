"""The base of all settings, and their faults in plain words."""

from __future__ import annotations

import difflib
import reprlib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from fakd_core.errors import ConfigError

FINDINGS = 5
"""So many faults of one set of settings are named, the others counted."""

_REASONS = {
    "missing": "must be given",
    "extra_forbidden": "no such option",
    "tuple_type": "must be a list, such as [1, 2, 3]",
    "too_short": "must have at least {min_length}",
    "too_long": "must have at most {max_length}, not {actual_length}",
    "string_type": "must be text, in quotation marks",
    "string_unicode": "must be text in UTF-8",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "path_type": "must be a path, in quotation marks",
    "model_type": "must be text, or a table of its parts",
    "literal_error": "must be {expected}",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of at most 18 digits",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
}

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def format_validation_error(error: ValidationError, known: Iterable[str] = ()) -> str:
    """Pydantic's findings as 'option: reason (found ...)', joined with '; '; `known` are the options."""
    findings = error.errors()
    # A list whose items are at fault is told of as too short as well.
    within = {item["loc"][:end] for item in findings for end in range(1, len(item["loc"]))}
    findings = [item for item in findings if item["type"] != "too_short" or item["loc"] not in within]
    lines = []
    for item in findings[:FINDINGS]:
        where = ".".join(str(part) for part in item["loc"])
        reason = _REASONS.get(item["type"])
        if reason is None:
            reason = item["msg"].removeprefix("Value error, ")
        else:
            values = item.get("ctx", {}).items()
            reason = reason.format(**{k: f"{v:g}" if isinstance(v, float) else v for k, v in values})
        if item["type"] == "extra_forbidden" and len(item["loc"]) == 1:
            near = difflib.get_close_matches(where.lower().replace("-", "_"), known, n=1)
            reason += f", did you mean {near[0]}?" if near else ""
        found = f" (found {_SHORT.repr(item['input'])})" if item["loc"] and item["type"] != "missing" else ""
        name = _SHORT.repr(where)[1:-1] or "''"
        lines.append(f"{name}: {reason}{found}" if item["loc"] else reason)
    if len(findings) > FINDINGS:
        lines.append(f"and {len(findings) - FINDINGS} more")
    return "; ".join(lines)


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def build(cls, **values: Any) -> Self:
        """Validate `values`; raise `ConfigError` with one readable line instead of pydantic's report."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise ConfigError(format_validation_error(error, cls.model_fields)) from None

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = _kinds(cls.model_fields[str(info.field_name)].annotation)
        items = value if isinstance(value, (list, tuple)) else (value,)
        if bool not in kinds and kinds & {int, float} and any(isinstance(item, bool) for item in items):
            raise ValueError("must be a number, not true or false")
        return value


def _kinds(annotation: Any) -> set[Any]:
    """The plain types that `annotation` is made of."""
    parts = get_args(annotation)
    return set().union(*map(_kinds, parts)) if parts else {annotation}


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


def read_toml(path: Path) -> dict[str, Any]:
    """The options in a TOML file, not yet validated; raises `ConfigError` if it can't be read."""
    text = read_toml_text(path)
    try:
        return parse_toml(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
