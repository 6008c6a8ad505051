"""The sizes and taps that define a network."""

from __future__ import annotations

from typing import Literal, cast, get_args

from pydantic import Field

from fakd_core.errors import ConfigError
from fakd_core.settings import Settings

Scale = Literal[2, 3, 4, 8]
TAP_COUNT = 4
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
    stands for the paper's.
    """

    architecture: str
    scale: Scale = 4
    n_feats: int = Field(64, ge=1, le=4096)
    taps: tuple[int, int] = (0, 0)

    @property
    def tap_names(self) -> tuple[str, ...]:
        """The four taps in order, for display."""
        return ("head", f"after {self.taps[0]}", f"after {self.taps[1]}", "body")

    @property
    def tap_channels(self) -> tuple[int, ...]:
        """The number of channels at each tap."""
        return (self.n_feats,) * TAP_COUNT

    @property
    def cost_device(self) -> str:
        """The device of the copy whose cost is counted: torch's meta device computes nothing."""
        return "meta"
