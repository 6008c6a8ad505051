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
    """A network's sizes without the scale, and a one-line description."""

    architecture: str
    description: str
    sizes: Mapping[str, float]

    def spec(self, scale: int) -> ModelSpec:
        """Make the spec at `scale`; raises `ConfigError` for a scale other than 2, 3, 4 or 8."""
        from fakd_core.models.factory import create_spec

        return create_spec(self.architecture, scale=scale, **self.sizes)


def _preset(architecture: str, description: str, **sizes: float) -> Preset:
    return Preset(architecture, description, MappingProxyType(sizes))


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "rcan-paper-teacher": _preset(
            "rcan", "RCAN as published: 10 groups of 20 blocks, 15.59 M parameters", n_resblocks=20
        ),
        "rcan-paper-student": _preset(
            "rcan", "FAKD's RCAN student: 10 groups of 6 blocks, 5.17 M parameters", n_resblocks=6
        ),
        "san-paper-teacher": _preset(
            "san", "SAN as published: 20 groups of 10 blocks, 15.86 M parameters", n_resgroups=20
        ),
        "san-paper-student": _preset(
            "san", "FAKD's SAN student: 6 groups of 10 blocks, 5.00 M parameters", n_resgroups=6
        ),
        "edsr-paper-teacher": _preset(
            "edsr",
            "EDSR as published: 32 blocks of 256 features, 43.09 M parameters",
            n_resblocks=32,
            n_feats=256,
            res_scale=0.1,
        ),
        "edsr-paper-student": _preset(
            "edsr", "EDSR baseline: 16 blocks of 64 features, 1.52 M parameters", n_resblocks=16
        ),
        "rcan-small-teacher": _preset(
            "rcan", "for a CPU: 5 groups of 5 blocks, 32 features", n_resgroups=5, n_resblocks=5, n_feats=32
        ),
        "rcan-small-student": _preset(
            "rcan", "for a CPU: 5 groups of 1 block, 32 features", n_resgroups=5, n_resblocks=1, n_feats=32
        ),
        "san-small-teacher": _preset(
            "san", "for a CPU: 6 groups of 4 blocks, 32 features", n_resgroups=6, n_resblocks=4, n_feats=32
        ),
        "san-small-student": _preset(
            "san", "for a CPU: 3 groups of 2 blocks, 32 features", n_resgroups=3, n_resblocks=2, n_feats=32
        ),
    }
)


def preset_spec(name: str, scale: int) -> ModelSpec:
    """Make the spec of the preset `name`; raises `ConfigError` that lists the presets if there is none."""
    try:
        preset = PRESETS[name]
    except KeyError:
        raise ConfigError(f"no preset {name!r}; there are {', '.join(PRESETS)}") from None
    return preset.spec(scale)


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
            raise ConfigError(f"the scale can't be given as a size (found {text!r})")
        if name in sizes:
            raise ConfigError(f"{name} is given twice in {text!r}")
        if name == "taps" and value.count("/") != 1:
            raise ConfigError(f"taps are two counts, such as 3/7 (found {value!r} in {text!r})")
        sizes[name] = tuple(value.split("/")) if name == "taps" else value
    return sizes
