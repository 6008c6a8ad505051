"""The sizes and taps that define a network."""

from __future__ import annotations

from typing import Literal, cast, get_args

from pydantic import Field, field_validator

from fakd_core.errors import ConfigError
from fakd_core.settings import Settings

Scale = Literal[2, 3, 4, 8]
TAP_COUNT = 4
VALUE_RANGES = (255, 1)
PICKLE_SUFFIXES = (".ckpt", ".pt", ".pth")
WEIGHT_SUFFIXES = (*PICKLE_SUFFIXES, ".safetensors")
"""Suffixes of weight files."""


def check_scale(scale: int) -> Scale:
    """Return `scale`; raise `ConfigError` unless it is a supported one."""
    if scale not in get_args(Scale):
        raise ConfigError(f"scale: must be one of {', '.join(map(str, get_args(Scale)))} (found {scale})")
    return cast(Scale, scale)


class ModelSpec(Settings):
    """The sizes that all networks have; each network file adds its own.

    `taps` are the numbers of groups (EDSR: blocks) after which the two middle feature maps are taken; (0, 0)
    stands for the paper's. `value_range` is the value of white that the network was trained for, to which
    images of 0..255 are converted; `mean_shift` tells whether it subtracts a mean colour.
    """

    architecture: str
    scale: Scale = 4
    n_feats: int = Field(64, ge=1, le=4096)
    taps: tuple[int, int] = (0, 0)
    value_range: int = 255
    mean_shift: bool = True

    @field_validator("value_range")
    @classmethod
    def _check_value_range(cls, white: int) -> int:
        if white not in VALUE_RANGES:
            raise ValueError("must be 255 or 1")
        return white

    @property
    def tap_names(self) -> tuple[str, ...]:
        """The four taps in order, for display."""
        return ("head", f"after {self.taps[0]}", f"after {self.taps[1]}", "body")

    @property
    def tap_channels(self) -> tuple[int, ...]:
        """The number of channels at each tap."""
        return (self.n_feats,) * TAP_COUNT

    def describe_taps(self) -> list[str]:
        """The taps with their numbers, for display."""
        return [f"{index}: {name}" for index, name in enumerate(self.tap_names)]

    @property
    def cost_device(self) -> str:
        """The device of the copy whose cost is counted: torch's meta device computes nothing."""
        return "meta"
