"""The registered networks, and how one is made by name."""

from __future__ import annotations

from typing import Any

from fakd_core.config import ModelSpec
from fakd_core.errors import ConfigError
from fakd_core.models import edsr, rcan, san
from fakd_core.models.layers import SRNetwork
from fakd_core.models.registry import Registry

REGISTRY = Registry()
REGISTRY.register(edsr.ARCHITECTURE)
REGISTRY.register(rcan.ARCHITECTURE)
REGISTRY.register(san.ARCHITECTURE)


def list_architectures() -> list[str]:
    """The names of the registered networks, sorted."""
    return REGISTRY.names()


def create_spec(architecture: str, **sizes: Any) -> ModelSpec:
    """The validated spec of a network; raises as `create_model` does."""
    spec_class = REGISTRY.get(architecture).spec_class
    known = sorted(set(spec_class.model_fields) - {"architecture"})
    unknown = sorted(set(sizes) - set(known))
    if unknown:
        raise ConfigError(f"{architecture} has no setting {', '.join(unknown)}; it has {', '.join(known)}")
    return spec_class.build(**sizes)


def create_model(architecture: str | ModelSpec, **sizes: Any) -> SRNetwork:
    """A network with freshly initialised weights, in training mode.

    `create_model("rcan", scale=4, n_feats=32)`, or `create_model(spec)`. Raises
    `UnsupportedArchitectureError` for an unknown name and `ConfigError` for an unknown or impossible size.
    """
    if isinstance(architecture, ModelSpec):
        if sizes:
            raise ConfigError(f"a spec already tells the sizes; found also {', '.join(sizes)}")
        spec = architecture
    else:
        spec = create_spec(architecture, **sizes)
    return REGISTRY.get(spec.architecture).network(spec)
