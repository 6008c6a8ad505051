"""What can be said of a model's file, whether it can be used or not."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fakd_core.data.folders import sample_images
from fakd_core.data.image_files import read_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.errors import FakdError
from fakd_core.models.checkpoint import stored_as
from fakd_core.models.cost import PAPER_LR_SIZE, profile
from fakd_core.models.external.network import SpandrelSpec
from fakd_core.models.factory import create_model, list_architectures
from fakd_core.models.file_type import file_type, unsafe_globals
from fakd_core.models.layers import RGB_RANGE, SRNetwork
from fakd_core.models.spec import PICKLE_SUFFIXES, ModelSpec, check_scale
from fakd_core.models.weight_files import read_weights, some
from fakd_core.runs.references import has_weights, load_model, model_file, resolve_spec, split_taps

Rows = dict[str, str | int | float | list[str]]

ALIKE = 0.2
"""Below this share of common kinds of weights no architecture counts as near."""
NEAR_BICUBIC = 40.0
"""Grey levels: what enlarges at all is nearer to bicubic, on average."""
PROBE_SIDE = 32


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a model, by the names of docs/doctor.md, and why it can't be used, if so."""

    rows: Rows
    error: FakdError | None = None


def diagnose_model(ref: str, lr_size: tuple[int, int] = PAPER_LR_SIZE, scale: int = 4) -> Diagnosis:
    """Whether the model named `ref` can be used, and what it or its file is; presets take `scale`.

    GMACs are for an LR image of `lr_size` (height, width). Nothing in a file is run, and no file is an error.
    """
    try:
        return Diagnosis({"model": ref, **_describe(ref, lr_size, scale)})
    except FakdError as error:
        return Diagnosis(_diagnose(ref), error)


def _describe(ref: str, lr_size: tuple[int, int], scale: int) -> Rows:
    rows: Rows = {"file": "none: a preset, with no weights"}
    if has_weights(ref):
        network, path = load_model(ref), model_file(ref)
        spec = network.spec
        rows = {
            "file": str(path),
            **describe_file(path, usable=True),
            "key format": stored_as(path, spec),
            "value range": value_range(network),
            "next": next_step(path, spec),
        }
    else:
        spec = resolve_spec(ref, check_scale(scale))
    cost = profile(spec, lr_size)
    return {
        **rows,
        **spec.model_dump(exclude={"taps", "tap_widths"}),
        "taps": [f"{index}: {name}" for index, name in enumerate(spec.tap_names)] or "none",
        "parameters": cost.parameters,
        "gmacs": round(cost.gmacs, 3),
        "gmacs_lr_size": f"{lr_size[0]}x{lr_size[1]}",
    }


def _diagnose(ref: str) -> Rows:
    """What can be said of a file that is no usable model; nothing where there is no such file."""
    try:
        path = model_file(ref)
        if not path.is_file():
            return {}
        name, taps = split_taps(ref)
        # With wrong taps the file itself may be as it should.
        usable = bool(taps) and diagnose_model(name).error is None
        return {"file": str(path), **describe_file(path, usable=usable)}
    except (FakdError, OSError):
        return {}


def describe_file(path: Path, *, usable: bool) -> Rows:
    """The container of `path`, its numbers, and the names beyond weights that it asks for.

    Of a file that is not `usable` also the nearest architecture, and what is missing and extra against that.
    Nothing in the file is run. Raises `OSError` where it can't be read.
    """
    size = path.stat().st_size
    kind = file_type(path)
    rows: Rows = {"container": f"{kind}, {f'{size / 1e6:.1f} MB' if size > 100_000 else f'{size} bytes'}"}
    # The oldest pickles look like text.
    unsafe = unsafe_globals(path) if "PyTorch" in kind or path.suffix.lower() in PICKLE_SUFFIXES else []
    if unsafe:
        rows["asks for"] = f"{some(unsafe)}: opening it elsewhere could run code"
    try:
        weights, _ = read_weights(path)
    except FakdError:
        return rows
    types = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in weights.values()})
    rows["weights"] = f"{len(weights)} of {', '.join(types)}"
    broken = [name for name, tensor in weights.items() if not _is_finite(tensor)]
    if broken:
        rows["infinite or NaN"] = some(broken)
    if not usable:
        rows |= _nearest(weights)
    return rows


def value_range(model: SRNetwork) -> str:
    """'0..255' or '0..1', in which `model` enlarges a photograph more like bicubic; else 'unclear'."""
    hr = read_image(sample_images()[0])
    lr = np.ascontiguousarray(imresize_bicubic(hr, 1 / 4)[:PROBE_SIDE, :PROBE_SIDE])
    wanted = torch.from_numpy(imresize_bicubic(lr, model.spec.scale)).permute(2, 0, 1).float()
    image = torch.from_numpy(lr).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        errors = {
            f"0..{white}": (model(image * white / RGB_RANGE)[0] * RGB_RANGE / white - wanted)
            .abs()
            .mean()
            .item()
            for white in (255, 1)
        }
    best = min(errors, key=lambda name: errors[name])
    if not errors[best] < NEAR_BICUBIC:
        return "unclear: it enlarges a photograph in neither 0..255 nor 0..1"
    return best


def next_step(path: Path, spec: ModelSpec) -> str:
    """The command to go on with."""
    quoted = _as_argument(str(path))
    if isinstance(spec, SpandrelSpec):
        return f"fakd train --teacher {quoted} ..."
    other = ".pth" if path.suffix == ".safetensors" else ".safetensors"
    return f"fakd export {quoted} --to {_as_argument(path.stem + other)}"


def _is_finite(tensor: Tensor) -> bool:
    # Of float8, torch can't tell.
    values = tensor.float() if tensor.is_floating_point() else tensor
    return bool(values.isfinite().all())


def _as_argument(path: str) -> str:
    """`path` for a shell, and no option."""
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


def _nearest(weights: Iterable[str]) -> Rows:
    """By the names of weights with their numbers left open."""
    mine = _kinds(weights)
    best, known, likeness = "", set[str](), 0.0
    for name in list_architectures():
        theirs = _kinds(_names_of(name))
        share = len(mine & theirs) / len(mine | theirs)
        if share > likeness:
            best, known, likeness = name, theirs, share
    if likeness < ALIKE:
        return {"nearest": "no architecture of ours has names like these", "holds": some(sorted(mine), 6)}
    if likeness == 1:
        return {"nearest": f"{best}, with the same kinds of weights"}
    return {
        "nearest": f"{best}, {likeness:.0%} of the kinds of weights in common",
        "missing": some(sorted(known - mine), 6) or "nothing",
        "extra": some(sorted(mine - known), 6) or "nothing",
    }


def _names_of(architecture: str) -> list[str]:
    with torch.device("meta"):
        return list(create_model(architecture, scale=4).state_dict())


def _kinds(names: Iterable[str]) -> set[str]:
    return {re.sub(r"\d+", "*", name) for name in names}
