"""Facts about a model's file, usable or not, without running anything in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from fakd_core.data.folders import sample_images
from fakd_core.data.image_files import read_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.errors import FakdError
from fakd_core.evaluation.features import Spread, mean_spreads
from fakd_core.models.cost import PAPER_LR_SIZE, profile
from fakd_core.models.external.network import SpandrelSpec
from fakd_core.models.factory import create_model, list_architectures
from fakd_core.models.file_type import file_type, unsafe_globals
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import PICKLE_SUFFIXES, ModelSpec, check_scale
from fakd_core.models.weight_files import describe_weights, read_weights, some
from fakd_core.runs.guesses import MAX_BICUBIC_DIFFERENCE, PROBE_SIDE, bicubic_difference
from fakd_core.runs.references import has_weights, load_model, model_file, resolve_spec, split_taps
from fakd_core.system.platforms import quote

Rows = dict[str, str | int | float | list[str]]

MIN_SHARED_NAMES = 0.2
"""The nearest architecture must share this part of the weights' names, numbers in them left open."""
PHOTOGRAPHS = 4
"""Bundled photographs on which affinities are measured."""


def format_row(rows: Rows, name: str, separator: str = ", ") -> str:
    """The value of a row in words; a guessed one is marked as such."""
    value, guessed = rows[name], rows.get("guessed", [])
    if isinstance(value, list):
        return separator.join(value)
    is_guess = isinstance(guessed, list) and any(one.startswith(f"{name}: ") for one in guessed)
    return f"{value} (guess)" if is_guess else str(value)


@dataclass(frozen=True)
class Diagnosis:
    """Facts about a model, by the names in docs/doctor.md, and why it can't be used (None: it can)."""

    rows: Rows
    error: FakdError | None = None


def diagnose_model(ref: str, *, lr_size: tuple[int, int] = PAPER_LR_SIZE, scale: int = 4) -> Diagnosis:
    """Describe the model that `ref` names, or its file if it can't be used. Nothing in a file is run.

    Args:
        ref: As `load_model` takes it, or a preset.
        lr_size: Height and width of the LR image that GMACs are counted for.
        scale: Scale of a preset.
    """
    try:
        return Diagnosis({"model": ref, **_describe_model(ref, lr_size, scale)})
    except FakdError as error:
        return Diagnosis(_describe_unusable(ref), error)


def _describe_model(ref: str, lr_size: tuple[int, int], scale: int) -> Rows:
    if not has_weights(ref):
        spec = resolve_spec(ref, check_scale(scale))
        return {"file": "none: a preset, with no weights", **_describe_spec(spec), **_cost(spec, lr_size)}
    network, path = load_model(ref), model_file(ref)
    origin = network.origin
    rows: Rows = {"file": str(path), **_describe_container(path), "weights": origin.weights}
    if origin.place:
        rows["place"] = origin.place
    if origin.notes:
        rows["loaded"] = list(origin.notes)
    if origin.beside:
        rows["also in the file"] = some(list(origin.beside))
    rows |= {"key format": origin.key_format, "value range": value_range(network)}
    rows |= {"next": next_step(path, network.spec), **_describe_spec(network.spec)}
    if origin.guessed:
        rows["guessed"] = [
            f"{name.replace('value_range', 'value range')}: {reason}"
            for name, reason in origin.guessed.items()
        ]
    if network.spec.tap_names:
        rows["affinities"] = [f"{layer}: {spread}" for layer, spread in enumerate(_spreads(network, ref))]
    return {**rows, **_cost(network, lr_size)}


def _spreads(network: SRNetwork, ref: str) -> tuple[Spread, ...]:
    """Every layer's spread of affinities on bundled photographs."""
    photographs = [imresize_bicubic(read_image(path), 1 / 4) for path in sample_images()[:PHOTOGRAPHS]]
    return mean_spreads(network, photographs, PROBE_SIDE, name=ref)


def _describe_spec(spec: ModelSpec) -> Rows:
    sizes = spec.model_dump(exclude={"taps", "tap_widths", "skip", "value_range"})
    shown = {name: value for name, value in sizes.items() if _USUAL_SIZES.get(name) != value}
    return {**shown, "taps": spec.describe_taps() or "none"}


def _cost(model: SRNetwork | ModelSpec, lr_size: tuple[int, int]) -> Rows:
    cost = profile(model, lr_size)
    size = f"{lr_size[0]}x{lr_size[1]}"
    return {"parameters": cost.parameters, "gmacs": round(cost.gmacs, 3), "gmacs_lr_size": size}


_USUAL_SIZES = {"mean_shift": True, "unshuffle": 1, "downscale": 1}
"""Sizes that only some networks have; others' rows don't mention them."""


def _describe_unusable(ref: str) -> Rows:
    """Facts about a file that is no usable model; none if there is no such file."""
    try:
        path = model_file(ref)
        if not path.is_file():
            return {}
        name, taps = split_taps(ref)
        # The file itself may be usable, and only the taps wrong.
        usable = bool(taps) and diagnose_model(name).error is None
        return {"file": str(path), **describe_file(path, usable=usable)}
    except (FakdError, OSError):
        return {}


def describe_file(path: Path, *, usable: bool) -> Rows:
    """Container and weights of the file, and what it would import beyond them.

    For a file that is not `usable` also the nearest architecture, and the names that it lacks or that are
    unknown to it. Nothing in the file is run. Raises `OSError` if it can't be read.
    """
    rows = _describe_container(path)
    try:
        weights, _ = read_weights(path)
    except FakdError:
        return rows
    rows["weights"] = describe_weights(weights)
    broken = [name for name, tensor in weights.items() if not _is_finite(tensor)]
    if broken:
        rows["infinite or NaN"] = some(broken)
    if not usable:
        rows |= _nearest(weights)
    return rows


def _describe_container(path: Path) -> Rows:
    size = path.stat().st_size
    kind = file_type(path)
    rows: Rows = {"container": f"{kind}, {f'{size / 1e6:.1f} MB' if size > 100_000 else f'{size} bytes'}"}
    # The oldest pickle protocol looks like text.
    unsafe = unsafe_globals(path) if "PyTorch" in kind or path.suffix.lower() in PICKLE_SUFFIXES else []
    if unsafe:
        rows["asks for"] = f"{some(unsafe)}: opening it elsewhere could run code"
    return rows


def value_range(model: SRNetwork) -> str:
    """The value of white that the network takes, and whether its results on a photograph agree."""
    white = model.spec.value_range
    errors = {255: bicubic_difference(model)}
    if white == 255:
        # Weights may be made for 0..1 and not show it.
        errors[1] = bicubic_difference(model, 1)
    best = min(errors, key=lambda value: errors[value])
    text = f"0..{white}" + (", converted from and to 0..255" if white == 1 else "")
    if not errors[best] < MAX_BICUBIC_DIFFERENCE:
        return f"{text}; unclear: a photograph's result is far from bicubic"
    return (
        text if best == 255 else "0..1 on a photograph, used with 0..255; write @value_range=1 after the file"
    )


def next_step(path: Path, spec: ModelSpec) -> str:
    """The command that converts the model, or trains a student of it."""
    quoted = _as_argument(str(path))
    if isinstance(spec, SpandrelSpec):
        return f"fakd train --teacher {quoted} ..."
    other = ".pth" if path.suffix == ".safetensors" else ".safetensors"
    return f"fakd export {quoted} --to {_as_argument(path.stem + other)}"


def _is_finite(tensor: Tensor) -> bool:
    # isfinite() isn't implemented for float8.
    values = tensor.float() if tensor.is_floating_point() else tensor
    return bool(values.isfinite().all())


def _as_argument(path: str) -> str:
    """`path` quoted for a shell, and never taken for an option."""
    return quote(f"./{path}" if path.startswith("-") else path)


def _nearest(weights: Iterable[str]) -> Rows:
    """The architecture that shares most names of weights, numbers in them left open."""
    mine = _without_numbers(weights)
    nearest, known, best_share = "", set[str](), 0.0
    for name in list_architectures():
        with torch.device("meta"):
            theirs = _without_numbers(create_model(name, scale=4).state_dict())
        share = len(mine & theirs) / len(mine | theirs)
        if share > best_share:
            nearest, known, best_share = name, theirs, share
    if best_share < MIN_SHARED_NAMES:
        return {"nearest": "no known architecture has names like these", "holds": some(sorted(mine), 6)}
    if best_share == 1:
        return {"nearest": f"{nearest}, with the same names"}
    return {
        "nearest": f"{nearest}, shares {best_share:.0%} of the names",
        "missing": some(sorted(known - mine), 6) or "nothing",
        "extra": some(sorted(mine - known), 6) or "nothing",
    }


def _without_numbers(names: Iterable[str]) -> set[str]:
    return {re.sub(r"\d+", "*", name) for name in names}
