"""Paths of the bundled files."""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).parent / "_assets"
_CHECKOUT = Path(__file__).parents[1] / "assets"


def assets_dir() -> Path:
    """The folder of bundled models and samples: that of the installed package, or the checkout's `assets`."""
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def docs_dir() -> Path:
    """The folder of the documentation's pages and pictures, of the installed package or the checkout."""
    installed = Path(__file__).parent / "_docs"
    return installed if installed.is_dir() else Path(__file__).parents[1] / "docs"


def reference_results() -> dict[str, Path]:
    """Files with the bundled models' scores on the papers' sets, as of `fakd evaluate --json`, by family."""
    return {path.stem: path for path in sorted((assets_dir() / "results").glob("*.json"))}
