"""The base class of all settings, readable validation errors, and reading TOML files."""

from __future__ import annotations

import difflib
import reprlib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from fakd_core.errors import ConfigError

MAX_ERRORS = 5
"""Maximum number of validation errors listed; the others are counted."""

MAX_TOML_BYTES = 1_000_000
"""Maximum size of a TOML file; this program's own have some hundred bytes."""

_REASONS = {
    "missing": "must be given",
    "missing_argument": "must be given",
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
    **dict.fromkeys(("int_parsing", "int_from_float", "int_type"), "must be a whole number"),
    "int_parsing_size": "must be a whole number of at most 18 digits",
    **dict.fromkeys(("float_parsing", "float_type"), "must be a number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "must be true or false"),
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
}

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def format_validation_error(error: ValidationError, known: Iterable[str] = ()) -> str:
    """Format pydantic's errors as 'option: reason (found ...)', joined by '; '; `known` are the options."""
    found = error.errors()
    # A list with invalid items is reported as too short as well.
    parents = {item["loc"][:end] for item in found for end in range(1, len(item["loc"]))}
    found = [item for item in found if item["type"] != "too_short" or item["loc"] not in parents]
    lines = [_format_error(item, known) for item in found[:MAX_ERRORS]]
    if len(found) > MAX_ERRORS:
        lines.append(f"and {len(found) - MAX_ERRORS} more")
    return "; ".join(lines)


def _format_error(item: ErrorDetails, known: Iterable[str]) -> str:
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
    if not item["loc"]:
        return reason
    value = f" (found {_SHORT.repr(item['input'])})" if not item["type"].startswith("missing") else ""
    name = _SHORT.repr(where)[1:-1] or "''"
    return f"{name}: {reason}{value}"


class Settings(BaseModel):
    """Base class of all settings: immutable, and an unknown option is an error."""

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
    def _reject_booleans_as_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = _kinds(cls.model_fields[str(info.field_name)].annotation)
        items = value if isinstance(value, (list, tuple)) else (value,)
        if bool not in kinds and kinds & {int, float} and any(isinstance(item, bool) for item in items):
            raise ValueError("must be a number, not true or false")
        return value


def _kinds(annotation: Any) -> set[Any]:
    """The plain types in `annotation`."""
    parts = get_args(annotation)
    return set().union(*map(_kinds, parts)) if parts else {annotation}


def read_toml_text(path: Path) -> str:
    """The text of a TOML file, without byte order mark and with line feeds as line ends.

    Raises `ConfigError` if it is missing, not a text, or too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TOML_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: expected a TOML file, found a folder; name the file in it") from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror or error}") from None
    if len(content) > MAX_TOML_BYTES:
        limit = f"{MAX_TOML_BYTES / 1e6:g} MB"
        raise ConfigError(f"{path}: expected a TOML file of at most {limit}, found a larger one")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected a TOML file, found no text in UTF-8; save it as UTF-8") from None


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML; raises `ConfigError` with the position of an error."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError("not valid TOML: its brackets are nested too deep") from None
    except ValueError as error:  # A syntax error, or an integer of thousands of digits.
        raise ConfigError(f"not valid TOML: {error}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read the options in a TOML file, without validating them; raises `ConfigError` if that fails."""
    text = read_toml_text(path)
    try:
        return parse_toml(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
