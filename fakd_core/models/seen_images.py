"""The images that a network was trained on, or chosen by in validation, as its file remembers them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from fakd_core.errors import CheckpointError
from fakd_core.settings import format_validation_error

Use = Literal["training", "validation"]
SeenImages = Mapping[str, Use]
"""The uses of images by fingerprint, see `fakd_core.data.datasets.image_fingerprint`."""

_KEY = "fakd_seen_images"


def merge_seen(*parts: SeenImages) -> dict[str, Use]:
    """All images of `parts`; training counts more than validation."""
    training: dict[str, Use] = {
        image: use for part in parts for image, use in part.items() if use == "training"
    }
    return {image: use for part in parts for image, use in part.items()} | training


def seen_to_metadata(seen: SeenImages) -> dict[str, str]:
    """The entry for the metadata of a safetensors file; none without images."""
    by_use: dict[str, list[str]] = {}
    for image, use in sorted(seen.items()):
        by_use.setdefault(use, []).append(image)
    return {_KEY: json.dumps(by_use)} if seen else {}


def seen_from_metadata(path: Path, metadata: Mapping[str, str]) -> dict[str, Use]:
    """Read what `seen_to_metadata` wrote into the file `path`; raises `CheckpointError` if it is damaged."""
    try:
        by_use = TypeAdapter(dict[Use, list[str]]).validate_json(metadata.get(_KEY, "{}"))
    except ValidationError as error:
        raise CheckpointError(
            f"{path}: damaged: its list of training images makes no sense: {format_validation_error(error)}"
        ) from None
    return {image: use for use, images in by_use.items() for image in images}
