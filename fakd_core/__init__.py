"""Distil image super-resolution networks by feature affinity (FAKD): models, losses, trainer, metrics."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fakd_core.models.factory import create_model as create_model
    from fakd_core.models.factory import list_architectures as list_architectures
    from fakd_core.models.references import load_model as load_model

__all__ = ["create_model", "list_architectures", "load_model"]

_HOMES = {
    "create_model": "models.factory",
    "list_architectures": "models.factory",
    "load_model": "models.references",
}


def __getattr__(name: str) -> Any:
    """Import torch only when a network is first asked for (PEP 562)."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"fakd_core.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'fakd_core' has no attribute {name!r}")
