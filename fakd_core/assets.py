"""Where the files that come with the program lie."""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).parent / "_assets"
_CHECKOUT = Path(__file__).parents[1] / "assets"

REFERENCE_RESULTS = "results/reference.json"
"""Below `assets_dir()`: the bundled models' scores on the papers' sets, for the Benchmark workspace."""


def assets_dir() -> Path:
    """The folder of bundled models and samples: inside an installed package, else the checkout's `assets`."""
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
