"""Distil image super-resolution networks by feature affinity (FAKD): models, losses, trainer, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fakd_core.catalogue import load_model as load_model
    from fakd_core.models import create_model as create_model
    from fakd_core.models import list_architectures as list_architectures

__all__ = ["create_model", "list_architectures", "load_model"]


def __getattr__(name: str) -> Any:
    """Import torch only when a network is first asked for (PEP 562)."""
    if name == "load_model":
        from fakd_core.catalogue import load_model

        return load_model
    if name in __all__:
        from fakd_core import models

        return getattr(models, name)
    raise AttributeError(f"module 'fakd_core' has no attribute {name!r}")
