"""The bundled sample images, and the data name that stands for them."""

from __future__ import annotations

from pathlib import Path

from fakd_core.assets import assets_dir
from fakd_core.layouts import find_images

SAMPLES = "samples"
"""What people type for the bundled images where a folder of images is asked for."""


def resolve_data(ref: str | Path) -> Path:
    """The folder that `ref` names: `samples` is the bundled images, anything else is a path.

    A folder of the user's own with that very name is reached by its absolute path.
    """
    return assets_dir() / SAMPLES if str(ref) == SAMPLES else Path(ref)


def sample_images() -> list[Path]:
    """The bundled images by name. Raises `DataError` if the installation lacks them."""
    return find_images(assets_dir() / SAMPLES)
