"""The options of a training run as `fakd train --help` and the training form describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from fakd_core.runs.config import TrainConfig


@dataclass(frozen=True)
class Option:
    """One option of `TrainConfig`.

    Attributes:
        kind: The meaning of the value: "switch", "whole", "number", "wholes", "choice" and "text" follow from
            the type; "models", "model", "images", "folder", "recipe", "taps" and "device" are more specific.
        unset: The meaning of no value, for an option without default that isn't required.
        low: The lower end of the range.
        high: The upper end of the range.
        inclusive: Whether the range includes its lower and its upper end.
    """

    name: str
    title: str
    description: str
    kind: str
    unit: str
    default: Any
    unset: str
    required: bool
    choices: tuple[str | int, ...] = ()
    low: float | None = None
    high: float | None = None
    inclusive: tuple[bool, bool] = (True, True)


_KINDS = {"boolean": "switch", "integer": "whole", "number": "number", "array": "wholes", "string": "text"}


@cache
def training_options() -> Mapping[str, Option]:
    """The options of `TrainConfig` by name, in its order, read from its JSON schema."""
    schema = TrainConfig.model_json_schema()
    return MappingProxyType(
        {
            name: _read_option(name, entry, name in schema["required"])
            for name, entry in schema["properties"].items()
        }
    )


def _read_option(name: str, entry: dict[str, Any], required: bool) -> Option:
    given: dict[str, Any] = next((part for part in entry.get("anyOf", ()) if part.get("type") != "null"), {})
    entry = {**entry, **given}
    kind = entry["kind"] or ("choice" if "enum" in entry else _KINDS[entry["type"]])
    return Option(
        name=name,
        title=entry["title"],
        description=" ".join(entry.get("description", "").split()),
        kind=kind,
        unit=entry["unit"],
        default=TrainConfig.model_fields[name].get_default() if not required else None,
        unset=entry["unset"],
        required=required,
        choices=tuple(entry.get("enum", ())),
        low=entry.get("minimum", entry.get("exclusiveMinimum")),
        high=entry.get("maximum", entry.get("exclusiveMaximum")),
        inclusive=("exclusiveMinimum" not in entry, "exclusiveMaximum" not in entry),
    )
