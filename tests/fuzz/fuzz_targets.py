"""The targets of fuzzing: readers of strangers' text and files. Only the user's errors may come out."""

from __future__ import annotations

import io
import json
import struct
import tomllib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from fakd_core.data.image_files import image_size, read_image
from fakd_core.distillation.recipe import parse_recipe
from fakd_core.errors import FakdError
from fakd_core.evaluation.results import ImageResult, Result, failures_from_json, from_json, to_json
from fakd_core.figures.spec_file import parse_spec, spec_text
from fakd_core.models.checkpoint import load_checkpoint, save_pth, save_safetensors
from fakd_core.models.factory import create_model
from fakd_core.models.layers import SRNetwork
from fakd_core.models.presets import parse_sizes
from fakd_core.runs.checkpoints import load_state
from fakd_core.runs.config import TrainConfig, to_toml
from fakd_core.settings import read_toml

SMALLEST = "rcan:n_feats=4,n_resgroups=1,n_resblocks=1,reduction=2"
RECIPES = ("10*SA", "10*SA+0.5*AT", "PSA(kernel=2,pool=max)", "1e-3*RBF + 2*CA + FSP", "none")
CROPS = """kind = "crops"
image = "a.png"
regions = [[220, 100, 60, 48]]
models = ["bicubic", {ref = "b.safetensors", label = "B"}, "HR"]
metrics = ["PSNR", "SSIM"]
width = "17 cm"
"""
AFFINITY = """kind = "affinity"
image = "a.png"
teacher = {ref = "b.safetensors", label = "B"}
students = ["c.pth"]
layer = 2
query = [30, 40]
range = [0.0, 1.0]
"""


def recipe(data: bytes, folder: Path) -> None:
    read = parse_recipe(data.decode("utf-8", "replace"))
    assert parse_recipe(str(read)) == read


def config(data: bytes, folder: Path) -> None:
    file = folder / "config.toml"
    file.write_bytes(data)
    read = TrainConfig.build(**read_toml(file))
    assert TrainConfig.build(**tomllib.loads(to_toml(read))) == read


def figure(data: bytes, folder: Path) -> None:
    read = parse_spec(data.decode("utf-8", "replace"), folder)
    assert parse_spec(spec_text(read, folder), folder) == read


def results(data: bytes, folder: Path) -> None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return  # `report_file.read_report` reports it.
    failures_from_json(document)
    read = from_json(document)
    assert repr(from_json(json.loads(json.dumps(to_json(read))))) == repr(read)


def image(data: bytes, folder: Path) -> None:
    file = folder / "image.png"
    file.write_bytes(data)
    with suppress(FakdError):
        image_size(file)
    pixels = read_image(file)
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


def checkpoint(data: bytes, folder: Path) -> None:
    zipped = data[:2] == b"PK" or data[:1] == b"\x80"
    file = folder / ("model.pth" if zipped else "model.safetensors")
    file.write_bytes(data)
    network = load_checkpoint(file)
    assert all(weight.isfinite().all() for weight in network.state_dict().values())


def state(data: bytes, folder: Path) -> None:
    state = folder / "last.pt"
    state.write_bytes(data)
    load_state([state])


TARGETS: dict[str, Callable[[bytes, Path], None]] = {
    work.__name__: work for work in (recipe, config, figure, results, image, checkpoint, state)
}


def run(target: str, data: bytes, folder: Path) -> None:
    """Feed `data` to `target`, with `folder` to write in; anything but the user's errors is a find."""
    with suppress(FakdError):
        TARGETS[target](data, folder)


@lru_cache
def seeds(target: str) -> tuple[bytes, ...]:
    """Small valid inputs that mutations begin from."""
    match target:
        case "recipe":
            return tuple(text.encode() for text in RECIPES)
        case "config":
            return (to_toml(TrainConfig(student="rcan-small-student", train_data="a", run="b")).encode(),)  # type: ignore[arg-type]
        case "figure":
            return (CROPS.encode(), AFFINITY.encode())
        case "results":
            image = ImageResult("baby", 33.1, 0.91, 0.2)
            result = Result("rcan", "Set5", 4, 1, 33.1, 0.91, (image,))
            return (json.dumps(to_json([result])).encode(),)
        case "image":
            return tuple(_image(*kind) for kind in _IMAGES)
        case "checkpoint":
            return (_written(save_safetensors), _written(save_pth), _header({}))
    kept = io.BytesIO()
    torch.save({"step": 3, "weights": {"a": torch.zeros(2, 3)}}, kept)
    return (kept.getvalue(),)


_IMAGES = (
    ("RGB", "PNG"),
    ("P", "PNG"),
    ("LA", "PNG"),
    ("I;16", "PNG"),
    ("1", "BMP"),
    ("RGB", "JPEG"),
    ("CMYK", "JPEG"),
    ("F", "TIFF"),
    ("RGBA", "WEBP"),
    ("P", "GIF"),
)


def _image(mode: str, kind: str) -> bytes:
    pixels = Image.linear_gradient("L").resize((9, 7))
    kept = io.BytesIO()
    pixels.convert("I;16" if mode == "I;16" else mode).save(kept, kind)
    return kept.getvalue()


def _written(save: Callable[[SRNetwork, Path], None]) -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model"
        save(create_model(parse_sizes(SMALLEST, 2)), file)
        return file.read_bytes()


def _header(described: dict[str, object]) -> bytes:
    text = json.dumps(described).encode()
    return struct.pack("<Q", len(text)) + text
