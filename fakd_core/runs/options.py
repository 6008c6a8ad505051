"""The options of a run for people: what `fakd train --help` and the training form say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from fakd_core.runs.config import TrainConfig


@dataclass(frozen=True)
class Option:
    """One option of `TrainConfig` for people.

    `kind` is the meaning of its value: "switch", "whole", "number", "wholes", "choice" and "text" follow
    from its type; "models", "model", "images", "folder", "recipe", "taps" and "device" say more. `low` and
    `high` are the ends of its range, `inclusive` tells of each whether it may be reached. `default` is None
    where it must be given or may be left out; `unset` then says what leaving it out means.
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
    """The options of `TrainConfig` in its order, read from its JSON schema."""
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
    kind = entry.get("kind") or ("choice" if "enum" in entry else _KINDS[entry["type"]])
    return Option(
        name=name,
        title=entry["title"],
        description=entry["description"],
        kind=kind,
        unit=entry.get("unit", ""),
        default=TrainConfig.model_fields[name].get_default() if not required else None,
        unset=entry.get("unset", ""),
        required=required,
        choices=tuple(entry.get("enum", ())),
        low=entry.get("minimum", entry.get("exclusiveMinimum")),
        high=entry.get("maximum", entry.get("exclusiveMaximum")),
        inclusive=("exclusiveMinimum" not in entry, "exclusiveMaximum" not in entry),
    )
