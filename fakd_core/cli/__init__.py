"""The `fakd` command."""

from __future__ import annotations

from fakd_core.cli.main import main

__all__ = ["main"]
