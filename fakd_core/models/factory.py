"""The registry of networks, and making one by name."""

from __future__ import annotations

from typing import Any

from fakd_core.errors import ConfigError, UnsupportedArchitectureError
from fakd_core.models import edsr, rcan, san
from fakd_core.models.architecture import Architecture
from fakd_core.models.external.network import SpandrelNetwork, SpandrelSpec
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec
from fakd_core.plugins import Registry

MAX_PARAMETERS = 1_000_000_000
"""Size of the largest network: twenty times the largest published one, and 16 GB to train with Adam."""

ARCHITECTURES = Registry(
    Architecture,
    "architecture",
    group="fakd.architectures",
    entries=(edsr.ARCHITECTURE, rcan.ARCHITECTURE, san.ARCHITECTURE),
)


def list_architectures() -> list[str]:
    """List the names of the registered networks, sorted.

    Example:
        >>> from fakd_core import list_architectures
        >>> list_architectures()
        ['edsr', 'rcan', 'san']
    """
    return sorted(ARCHITECTURES.names)


def find_architecture(name: str) -> Architecture:
    """Return the architecture called `name`; raises `UnsupportedArchitectureError`, which lists all names."""
    found = ARCHITECTURES.find(name)
    if found is None:
        known = ", ".join(list_architectures())
        raise UnsupportedArchitectureError(f"no architecture {name!r}; known: {known}")
    return found


def create_spec(architecture: str, **sizes: Any) -> ModelSpec:
    """Make and validate the spec of a network; raises what `create_model` does."""
    spec_class = find_architecture(architecture).spec_class
    known = sorted(set(spec_class.model_fields) - {"architecture"})
    unknown = sorted(set(sizes) - set(known))
    if unknown:
        raise ConfigError(f"{architecture} has no setting {', '.join(unknown)}; it has {', '.join(known)}")
    return spec_class.build(**sizes)


def create_model(architecture: str | ModelSpec, **sizes: Any) -> SRNetwork:
    """Make a network with freshly initialised weights, in training mode; an external one as its file has it.

    `create_model("rcan", scale=4, n_feats=32)`, or `create_model(spec)`.

    Raises:
        UnsupportedArchitectureError: the name is unknown.
        ConfigError: a size is unknown or impossible, or the network would be too large.

    Example:
        >>> from fakd_core import create_model
        >>> student = create_model("rcan", scale=4, n_resgroups=2, n_resblocks=1, n_feats=8, reduction=4)
        >>> sum(parameter.numel() for parameter in student.parameters())
        9287
    """
    if isinstance(architecture, ModelSpec):
        if sizes:
            raise ConfigError(f"a spec already has the sizes; found also {', '.join(sizes)}")
        spec = architecture
    else:
        spec = create_spec(architecture, **sizes)
    if isinstance(spec, SpandrelSpec):
        return SpandrelNetwork(spec)
    check_size(spec)
    return find_architecture(spec.architecture).network(spec)


def check_size(spec: ModelSpec) -> None:
    """Raise `ConfigError` if a network of `spec` would be too large, before memory is allocated."""
    blocks = find_architecture(spec.architecture).blocks(spec)
    parameters = 18 * blocks * spec.n_feats**2
    if parameters > MAX_PARAMETERS:
        raise ConfigError(
            f"{spec.architecture} with {spec.n_feats} features in {blocks} blocks is too large: about "
            f"{parameters / 1e6:,.0f} million parameters, {4 * parameters / 1e9:,.0f} GB; expected at most "
            f"{MAX_PARAMETERS / 1e6:,.0f} million; choose smaller sizes"
        )
