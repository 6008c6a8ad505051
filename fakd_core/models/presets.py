"""Presets, which are named sizes, and the syntax of sizes: `rcan:n_resgroups=5,n_resblocks=1,n_feats=32`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fakd_core.errors import ConfigError
from fakd_core.models.spec import ModelSpec


@dataclass(frozen=True)
class Preset:
    """Sizes as `parse_sizes` takes them, without the scale, and a one-line description."""

    sizes: str
    description: str


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "rcan-paper-teacher": Preset(
            "rcan:n_resblocks=20", "RCAN as published: 10 groups of 20 blocks, 15.59 M parameters"
        ),
        "rcan-paper-student": Preset(
            "rcan:n_resblocks=6", "FAKD's RCAN student: 10 groups of 6 blocks, 5.17 M parameters"
        ),
        "san-paper-teacher": Preset(
            "san:n_resgroups=20", "SAN as published: 20 groups of 10 blocks, 15.86 M parameters"
        ),
        "san-paper-student": Preset(
            "san:n_resgroups=6", "FAKD's SAN student: 6 groups of 10 blocks, 5.00 M parameters"
        ),
        "edsr-paper-teacher": Preset(
            "edsr:n_resblocks=32,n_feats=256,res_scale=0.1",
            "EDSR as published: 32 blocks of 256 features, 43.09 M parameters",
        ),
        "edsr-paper-student": Preset(
            "edsr:n_resblocks=16", "EDSR baseline: 16 blocks of 64 features, 1.52 M parameters"
        ),
        "rcan-small-teacher": Preset(
            "rcan:n_resgroups=5,n_resblocks=5,n_feats=32", "for a CPU: 5 groups of 5 blocks, 32 features"
        ),
        "rcan-small-student": Preset(
            "rcan:n_resgroups=5,n_resblocks=1,n_feats=32", "for a CPU: 5 groups of 1 block, 32 features"
        ),
        "san-small-teacher": Preset(
            "san:n_resgroups=6,n_resblocks=4,n_feats=32", "for a CPU: 6 groups of 4 blocks, 32 features"
        ),
        "san-small-student": Preset(
            "san:n_resgroups=3,n_resblocks=2,n_feats=32", "for a CPU: 3 groups of 2 blocks, 32 features"
        ),
    }
)


def preset_spec(name: str, scale: int) -> ModelSpec:
    """Make the spec of the preset `name`; raises `ConfigError` that lists the presets if there is none."""
    if name not in PRESETS:
        raise ConfigError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return parse_sizes(PRESETS[name].sizes, scale)


def parse_sizes(text: str, scale: int) -> ModelSpec:
    """Parse `architecture:name=value,...`; missing sizes are the paper teacher's. Taps are written as `3/7`.

    Raises:
        UnsupportedArchitectureError: there is no such architecture.
        ConfigError: anything else is wrong.
    """
    from fakd_core.models.factory import create_spec

    architecture, _, listed = text.partition(":")
    return create_spec(architecture.strip(), scale=scale, **parse_values(listed, text))


def parse_values(listed: str, text: str) -> dict[str, Any]:
    """Parse the sizes `name=value,...` in `listed`, a part of `text`; raises `ConfigError`."""
    sizes: dict[str, Any] = {}
    for item in filter(None, (part.strip() for part in listed.split(","))):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not (name and equals and value):
            raise ConfigError(f"sizes are written name=value (found {item!r} in {text!r})")
        if name == "scale":
            raise ConfigError(
                f"the scale can't be given as a size (found {text!r}); presets and sizes take "
                "--scale, weights have their own"
            )
        if name in sizes:
            raise ConfigError(f"{name} is given twice in {text!r}")
        if name == "taps" and value.count("/") != 1:
            raise ConfigError(f"taps are two counts, such as 3/7 (found {value!r} in {text!r})")
        sizes[name] = tuple(value.split("/")) if name == "taps" else value
    return sizes
