"""A model as a file that other tools open: safetensors, `.pth` or ONNX."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fakd_core import __version__
from fakd_core.errors import ConfigError, RunError
from fakd_core.events import CancelToken, Progress
from fakd_core.export.onnx import OPSETS, Parity, write_onnx
from fakd_core.files import refuse_existing
from fakd_core.models.checkpoint import save_pth, save_safetensors
from fakd_core.models.external.network import SpandrelSpec
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import VALUE_RANGES
from fakd_core.runs.config import read_config
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.references import load_model, model_file, split_taps

SUFFIXES = (".safetensors", ".pth", ".onnx")
KEYS = ("authors", "fakd")
LICENCE = "The weights are subject to the terms of the teacher and the images that they were trained on."
_OF_A_RUN = ("distill", "alpha", "layers", "steps", "batch", "patch", "lr", "seed")


@dataclass(frozen=True)
class Exported:
    """The file is written.

    `parity` is the difference of an ONNX file from the network, else None; `note` names the sizes that a
    reader of the file would guess wrong.
    """

    path: Path
    parity: Parity | None = None
    note: str = ""


ExportEvent = Progress | Exported


def export_model(
    ref: str,
    path: Path,
    *,
    keys: str = "authors",
    half: bool = False,
    value_range: int = 255,
    opset: int | None = None,
    replace: bool = False,
    cancel: CancelToken | None = None,
) -> Iterator[ExportEvent]:
    """Write the model that `ref` names to `path`, whole or not at all; the suffix decides the format.

    Args:
        ref: A bundled model, a checkpoint file or a run folder (its best student).
        path: `.safetensors` with the spec and its origin in the metadata, `.pth` with the state dict alone,
            or `.onnx` with dynamic batch, height and width.
        keys: Names of the weights in a `.pth`: as in the architecture's authors' files, or in FAKD's.
        half: ONNX in half precision.
        value_range: 255 or 1: the value of white in the ONNX network's input and output.
        opset: ONNX's; by default the lowest that works.
        replace: Replace an existing file.
        cancel: Looked at between stages; torch's tracing can't be interrupted (see `export_in_process`).

    Yields:
        `Progress` as each stage begins, then `Exported`.

    Raises:
        ConfigError: Options that don't fit together, an existing file, or a model without weights.
        CheckpointError: The model can't be read, or the file not be written.
        ExportError: The network can't become ONNX, or computes something else there.
        Cancelled: `cancel` was cancelled.
    """
    token = cancel or CancelToken()
    suffix = path.suffix.lower()
    _check(suffix, keys=keys, half=half, value_range=value_range, opset=opset)
    source = model_file(ref)
    if path.exists() and path.samefile(source):
        raise ConfigError(f"{path} is the model itself; choose another name")
    if not replace:
        refuse_existing([path])
    model = load_model(ref)
    if isinstance(model.spec, SpandrelSpec) and (suffix != ".onnx" or half):
        raise ConfigError(
            f"{ref}: {model.spec.architecture} is another project's network, whose file is {source.name}; "
            "expected .onnx, in full precision"
        )
    notes, parity = _notes(model, Path(split_taps(ref)[0])), None
    token.raise_if_cancelled()
    match suffix:
        case ".safetensors":
            save_safetensors(model, path, notes)
        case ".pth":
            save_pth(model, path, fakd_keys=keys == "fakd")
        case _:
            parity = yield from write_onnx(
                model, path, notes, half=half, value_range=value_range, opset=opset, cancel=token
            )
    yield Exported(path, parity, note=_unshown(model, path) if suffix == ".pth" else "")


def _unshown(model: SRNetwork, path: Path) -> str:
    """A line on what a `.pth` lacks: sizes that would be guessed wrong, and the images it learned from."""
    lines = [_wrong_sizes(model, path)]
    if model.seen_images:
        lines.append(
            "a .pth doesn't hold which images the network learned from: scores on them won't be marked; "
            "score the .safetensors or the run"
        )
    return "; ".join(filter(None, lines))


def _wrong_sizes(model: SRNetwork, path: Path) -> str:
    """A line on the sizes that would be guessed wrong from the `.pth` at `path`; empty if there are none."""
    read, spec = load_model(path).spec.model_dump(), model.spec.model_dump()
    wrong = [f"{name}={_as_text(value)}" for name, value in spec.items() if read.get(name) != value]
    if not wrong:
        return ""
    others = ", ".join(
        f"{name}={_as_text(read.get(name))}" for name, value in spec.items() if read.get(name) != value
    )
    return (
        f"a .pth has no sizes, only weights: this one would be read with {others}; "
        f"name it as {path.name}@{','.join(wrong)}, or export .safetensors"
    )


def _as_text(value: object) -> str:
    """A size as references have it."""
    return "/".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _check(suffix: str, *, keys: str, half: bool, value_range: int, opset: int | None) -> None:
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"expected a file that ends in {', '.join(SUFFIXES)}, found {suffix or 'no suffix'}"
        )
    if keys not in KEYS:
        raise ConfigError(f"keys: expected {' or '.join(KEYS)}, found {keys!r}")
    if value_range not in VALUE_RANGES:
        raise ConfigError(f"range: expected 255 or 1, found {value_range}")
    if opset is not None and opset not in OPSETS:
        raise ConfigError(f"opset: expected {OPSETS.start} to {OPSETS.stop - 1}, found {opset}")
    if keys != "authors" and suffix != ".pth":
        raise ConfigError("keys are chosen for .pth only; our safetensors are named as the authors' files")
    if (half or opset or value_range != VALUE_RANGES[0]) and suffix != ".onnx":
        raise ConfigError(
            "half precision, range and opset are ONNX's; weights are written as they are, for 0..255"
        )


def _notes(model: SRNetwork, run: Path) -> dict[str, str]:
    """Metadata of a file."""
    notes = {
        "architecture": model.spec.architecture,
        "scale": str(model.spec.scale),
        "made_with": f"fakd-workbench {__version__}, torch {torch.__version__}",
        "licence": LICENCE,
    }
    if RunLayout(run).is_run():
        notes["training"] = json.dumps(_training(run))
    return notes


def _training(run: Path) -> Mapping[str, Any]:
    """The settings a run's student was trained with; only the basenames of paths, for privacy."""
    try:
        config = read_config(run)
    except (ConfigError, RunError):
        return {}
    return {
        "teacher": [Path(ref).name for ref in config.teacher],
        "student": [Path(config.student).name],
        "train_data": [folder.name for folder in config.train_data],
        **config.model_dump(mode="json", include=set(_OF_A_RUN)),
    }
