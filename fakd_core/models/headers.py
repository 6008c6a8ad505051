"""Scale and size of a model from the header of its file, without torch and without reading the weights."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

MAX_HEADER_BYTES = 100 << 20
"""The limit of the safetensors format."""
SPEC_KEY = "fakd_spec"
"""The metadata entry of our own safetensors files that holds the spec."""


@dataclass(frozen=True)
class ModelHeader:
    """The scale of a model and how many numbers its file holds, each 0 if unknown."""

    scale: int = 0
    parameters: int = 0
    problem: str = ""
    """The reason why the file can't be read as a model."""


def read_header(path: Path) -> ModelHeader | None:
    """The header of a safetensors file that this program wrote; None for other files, damaged or not.

    Raises `OSError` if the file can't be read.
    """
    if path.suffix.lower() != ".safetensors":
        return None
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            if size > MAX_HEADER_BYTES:
                return None
            header = json.loads(file.read(size))
        spec = json.loads(header.pop("__metadata__")[SPEC_KEY])
        parameters = sum(math.prod(tensor["shape"]) for tensor in header.values())
        return ModelHeader(int(spec["scale"]), parameters)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error):
        return None
