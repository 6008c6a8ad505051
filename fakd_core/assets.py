"""Where the files that come with the program lie."""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).parent / "_assets"
_CHECKOUT = Path(__file__).parents[1] / "assets"


def assets_dir() -> Path:
    """The folder of bundled models and samples: inside an installed package, else the checkout's `assets`."""
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def reference_results() -> dict[str, Path]:
    """The bundled models' scores on the papers' sets, as `fakd evaluate --json` has them, by family."""
    return {path.stem: path for path in sorted((assets_dir() / "results").glob("*.json"))}
