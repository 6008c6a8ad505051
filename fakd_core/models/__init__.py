"""Super-resolution networks with declared feature taps."""

from __future__ import annotations

from typing import Any

from fakd_core.config import ModelSpec
from fakd_core.errors import ConfigError
from fakd_core.models import rcan
from fakd_core.models.layers import SRNetwork
from fakd_core.models.registry import REGISTRY

__all__ = ["SRNetwork", "create_model", "list_architectures"]

REGISTRY.register(rcan.ARCHITECTURE)


def list_architectures() -> list[str]:
    """The names of the registered networks, sorted."""
    return REGISTRY.names()


def create_model(architecture: str | ModelSpec, **sizes: Any) -> SRNetwork:
    """A network with freshly initialised weights, in training mode.

    `create_model("rcan", scale=4, n_feats=32)`, or `create_model(spec)`. Raises
    `UnsupportedArchitectureError` for an unknown name and `ConfigError` for an unknown or impossible size.
    """
    if isinstance(architecture, ModelSpec):
        if sizes:
            raise ConfigError(f"a spec already tells the sizes; found also {', '.join(sizes)}")
        return REGISTRY.get(architecture.architecture).network(architecture)
    entry = REGISTRY.get(architecture)
    return entry.network(entry.spec_class.build(**sizes))
