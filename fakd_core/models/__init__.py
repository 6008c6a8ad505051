"""Super-resolution networks with declared feature taps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakd_core.models.architectures import create_model as create_model
    from fakd_core.models.architectures import list_architectures as list_architectures
    from fakd_core.models.layers import SRNetwork as SRNetwork

__all__ = ["SRNetwork", "create_model", "list_architectures"]


def __getattr__(name: str) -> Any:
    """Import torch only when a network is first asked for: the presets are readable without it."""
    if name == "SRNetwork":
        from fakd_core.models.layers import SRNetwork

        return SRNetwork
    if name in __all__:
        from fakd_core.models import architectures

        return getattr(architectures, name)
    raise AttributeError(f"module 'fakd_core.models' has no attribute {name!r}")
