"""Loads networks from weight files, which are recognised by their keys, and saves them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from fakd_core.errors import CheckpointError, ConfigError, FakdError, UnsupportedArchitectureError
from fakd_core.files import atomic_path
from fakd_core.models.architecture import Architecture, KeyFormat, PurposeError
from fakd_core.models.external.network import load_external
from fakd_core.models.factory import ARCHITECTURES, check_size, find_architecture, list_architectures
from fakd_core.models.headers import SPEC_KEY
from fakd_core.models.layers import MeanShift, Origin, SRNetwork
from fakd_core.models.seen_images import seen_from_metadata, seen_to_metadata
from fakd_core.models.spec import ModelSpec
from fakd_core.models.stored_networks import StoredNetwork, find_network, is_averaged
from fakd_core.models.weight_files import (
    WeightFile,
    describe_weights,
    read_file,
    require_plain,
    shown,
    some,
    without_prefix,
)
from fakd_core.settings import format_validation_error

MEAN_SHIFTS = {"sub_mean": -1, "add_mean": 1}
MAX_UNIT_MEAN = 2
"""The mean of a network for 0..1 is at most 1; that of one for 0..255 about 114."""


class _UnfitError(CheckpointError):
    """A file that looks like one of our networks isn't one; another project's may have such keys."""


def load_checkpoint(path: Path, *, weights: str = "", **overrides: Any) -> SRNetwork:
    """Load the network in `path`, on the CPU in float32 and in eval mode; it fits completely or is refused.

    The architecture is recognised from the keys, scale and sizes from the shapes. A file of our own also has
    what shapes can't show (taps, residual scale); `overrides` are sizes that replace those of the file, and
    `weights` names one of several networks in it. Files that none of our networks fits are tried with
    spandrel, if that is installed; see `models.external`. The network's `origin` says what was chosen and
    guessed.

    Raises:
        UnsupportedArchitectureError: no network has such keys.
        ConfigError: an override doesn't exist or is impossible.
        CheckpointError: the file can't be read safely, or doesn't fit.
    """
    path = Path(path)
    file = read_file(path)
    stored = _find_own_network(path, file, weights)
    try:
        return _load_own(path, file, stored, overrides)
    except (UnsupportedArchitectureError, _UnfitError) as refused:
        if SPEC_KEY in file.metadata:
            raise
        return _load_external(path, file, weights=weights, overrides=overrides, refused=refused)


def recognise(path: Path, keys: Mapping[str, object]) -> tuple[Architecture, KeyFormat]:
    """Recognise the network and key format of a file by its keys; raises `UnsupportedArchitectureError`."""
    for architecture in ARCHITECTURES:
        for key_format in architecture.formats:
            if key_format.detect(keys):
                return architecture, key_format
    raise UnsupportedArchitectureError(
        f"{path}: its keys belong to no known architecture ({', '.join(list_architectures())}); "
        f"found {some(sorted(keys), 3)}"
    )


def _find_own_network(path: Path, file: WeightFile, wanted: str) -> StoredNetwork:
    """Find a network of ours; if none is complete, the state dict that looks most like one, for its error."""
    if found := find_network(path, file, _is_complete, wanted=wanted):
        return found
    dicts = [StoredNetwork(state.place, without_prefix(state.tensors)) for state in file.state_dicts]
    dicts.sort(key=lambda stored: -len(stored.weights))
    averaged_first = sorted(dicts, key=lambda stored: not is_averaged(stored.name))
    return next((stored for stored in averaged_first if _looks_known(stored.weights)), dicts[0])


def _looks_known(keys: Mapping[str, object]) -> bool:
    return any(
        key_format.detect(keys) for architecture in ARCHITECTURES for key_format in architecture.formats
    )


def _is_complete(weights: Mapping[str, Tensor]) -> bool:
    """True if `weights` have all that tells the sizes of one of our networks."""
    if not _looks_known(weights):
        return False
    try:
        architecture, key_format = recognise(Path(), weights)
        native = key_format.native_keys(weights)
        architecture.infer_spec({native[key]: tuple(tensor.shape) for key, tensor in weights.items()})
    except PurposeError:
        return True
    except (FakdError, LookupError, ValueError, ZeroDivisionError):
        return False
    return True


def _load_own(path: Path, file: WeightFile, stored: StoredNetwork, overrides: Mapping[str, Any]) -> SRNetwork:
    require_plain(path, stored.weights)
    # Counters that wrappers keep beside the weights.
    weights = {
        key: tensor
        for key, tensor in stored.weights.items()
        if tensor.numel() != 1 or tensor.is_floating_point() or tensor.is_complex()
    }
    try:
        architecture, key_format = recognise(path, weights)
    except UnsupportedArchitectureError:
        _check_installed(path, file.metadata)
        raise
    integers = [key for key, tensor in weights.items() if not tensor.is_floating_point()]
    if integers:
        raise CheckpointError(f"{path}: expected floating-point weights; these are not: {some(integers)}")
    native, names = _rename(path, architecture, key_format, weights)
    guessed = dict[str, str]()
    spec = _read_spec(
        path, architecture, weights=native, metadata=file.metadata, overrides=overrides, guessed=guessed
    )
    with torch.device("meta"):
        network = architecture.network(spec)
    _check_keys(path, spec, expected=network.state_dict(), found=native, names=names)
    # Copies: stored tensors may share a storage, or be views of the mapped file.
    copies = {
        key: tensor.to(torch.float32).clone(memory_format=torch.contiguous_format)
        for key, tensor in native.items()
    }
    broken = [names[key] for key, tensor in copies.items() if not tensor.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path}: damaged or diverged: infinite or NaN values in {some(broken)}")
    network.load_state_dict(copies, assign=True)
    network.seen_images = seen_from_metadata(path, file.metadata)
    network.origin = Origin(
        key_format=key_format.name,
        place=stored.name,
        weights=describe_weights(stored.weights),
        notes=stored.notes,
        guessed=guessed,
        beside=(*stored.beside, *(key for key in stored.weights if key not in weights)),
    )
    return network.eval()


def _rename(
    path: Path, architecture: Architecture, key_format: KeyFormat, weights: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The weights by the network's own names, and the file's names by these."""
    try:
        native = key_format.native_keys(weights)
    except ValueError:  # Thousands of digits.
        raise CheckpointError(
            f"{path}: looks like {architecture.name}, but its numbering makes no sense"
        ) from None
    names = {new: old for old, new in native.items()}
    twice = [key for key, new in native.items() if names[new] != key]
    if twice:
        raise CheckpointError(f"{path}: mixes two key formats: {some(twice)} exist under other names, too")
    renamed = {native[key]: tensor for key, tensor in weights.items()}
    if white := key_format.mean_shift_range:
        for name, sign in MEAN_SHIFTS.items():
            renamed |= {
                f"{name}.{key}": tensor for key, tensor in MeanShift(sign, white).state_dict().items()
            }
            names |= {f"{name}.{key}": f"{name}.{key}" for key in ("weight", "bias")}
    return renamed, names


def save_safetensors(model: SRNetwork, path: Path, notes: Mapping[str, str] | None = None) -> None:
    """Write `model` to `path` atomically, with its spec, `seen_images` and `notes` in the metadata."""
    spec = {SPEC_KEY: model.spec.model_dump_json(), "format": "pt"}
    metadata = {**(notes or {}), **seen_to_metadata(model.seen_images), **spec}
    with _writing(path) as temporary:
        mode = temporary.stat().st_mode
        safetensors.torch.save_file(_plain_weights(model), temporary, metadata)
        # safetensors makes the file readable by its owner only.
        temporary.chmod(mode)


def save_pth(model: SRNetwork, path: Path, *, fakd_keys: bool = False) -> None:
    """Write `model` to `path` atomically, as a plain state dict that other tools read.

    Keys are those of the architecture's authors, or of FAKD's code. Raises `ConfigError` if FAKD's code lacks
    such a network.
    """
    weights = _plain_weights(model)
    if fakd_keys:
        fakd_key = find_architecture(model.spec.architecture).fakd_key
        if fakd_key is None:
            raise ConfigError(f"FAKD's code has no {model.spec.architecture}; leave its keys as they are")
        weights = {fakd_key(key, model.spec): tensor for key, tensor in weights.items()}
    with _writing(path) as temporary:
        torch.save(weights, temporary)


def _check_installed(path: Path, metadata: Mapping[str, str]) -> None:
    """Raise `UnsupportedArchitectureError` if the metadata of our own file names an unknown architecture."""
    try:
        name = json.loads(metadata.get(SPEC_KEY, "{}")).get("architecture")
    except (AttributeError, ValueError):
        return
    if isinstance(name, str) and name not in list_architectures():
        raise UnsupportedArchitectureError(
            f"{path}: a network of architecture {shown(name)}, of a package that isn't installed here"
        )


def _load_external(
    path: Path, file: WeightFile, *, weights: str, overrides: Mapping[str, Any], refused: FakdError
) -> SRNetwork:
    """Load the network with spandrel. Raises `refused`, the reason why it is none of ours, if that can't."""
    unknown = isinstance(refused, UnsupportedArchitectureError)
    others = sorted(set(overrides) - {"taps"})
    if others and not unknown:
        raise refused  # The sizes that were given are those of our network.
    if others:
        raise ConfigError(f"{path}: a network of another project has no setting {', '.join(others)}")
    try:
        return load_external(path, overrides.get("taps", ()), file, wanted=weights)
    except UnsupportedArchitectureError as reason:
        if not unknown:
            raise refused from None
        raise UnsupportedArchitectureError(f"{refused}; {reason}") from None
    except CheckpointError:
        if not unknown:
            raise refused from None
        raise


def _plain_weights(model: SRNetwork) -> dict[str, Tensor]:
    return {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    try:
        with atomic_path(Path(path)) as temporary:
            yield temporary
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: can't be written: {error}") from None
    except RuntimeError as error:
        # torch raises it if the disk is full.
        raise CheckpointError(f"{path}: can't be written; is the disk full? ({shown(str(error))})") from None


def _read_spec(
    path: Path,
    architecture: Architecture,
    *,
    weights: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    overrides: Mapping[str, Any],
    guessed: dict[str, str],
) -> ModelSpec:
    """Read the spec from metadata or shapes; `guessed` gets the reasons for sizes that neither shows."""
    unknown = sorted(set(overrides) - set(architecture.spec_class.model_fields))
    if unknown:
        raise ConfigError(f"{architecture.name} has no setting {', '.join(unknown)}")
    try:
        if SPEC_KEY in metadata:
            spec: ModelSpec = TypeAdapter(architecture.spec_class).validate_json(metadata[SPEC_KEY])
        else:
            spec = architecture.infer_spec({key: tuple(tensor.shape) for key, tensor in weights.items()})
            if "value_range" in architecture.spec_class.model_fields:
                spec = _read_value_range(spec, weights, guessed)
            guessed |= architecture.unshown(spec)
        check_size(spec)
    except PurposeError as error:
        raise PurposeError(f"{path}: {architecture.name} {error}") from None
    except KeyError as error:
        raise _UnfitError(f"{path}: looks like {architecture.name}, but lacks {error.args[0]}") from None
    except (ConfigError, ValidationError) as error:
        reason = format_validation_error(error) if isinstance(error, ValidationError) else str(error)
        raise _UnfitError(
            f"{path}: looks like {architecture.name}, but its sizes make no sense: {shown(reason)}"
        ) from None
    except (IndexError, ZeroDivisionError, ValueError):
        raise _UnfitError(
            f"{path}: looks like {architecture.name}, but its sizes make no sense: it never has such shapes"
        ) from None
    if len(overrides.get("taps", (1, 2))) != 2:
        raise ConfigError(
            f"{path}: expected two taps, as numbers of groups or blocks, such as {path.name}@2,4 "
            f"(found {len(overrides['taps'])})"
        )
    for name in overrides:
        guessed.pop(name, None)
    if overrides:
        spec = architecture.spec_class.build(**{**spec.model_dump(), **overrides})
    # Don't build a network that claims more blocks than there are weights.
    blocks = architecture.blocks(spec)
    if blocks > len(weights):
        raise CheckpointError(
            f"{path}: doesn't fit {spec.architecture} x{spec.scale}: {blocks} blocks, {len(weights)} weights"
        )
    return spec


def _read_value_range(spec: ModelSpec, weights: Mapping[str, Tensor], guessed: dict[str, str]) -> ModelSpec:
    """Read the value of white from the mean colour that the network subtracts: about 0.45 or 114."""
    bias = weights.get("sub_mean.bias")
    if bias is not None and bias.numel():
        largest = float(bias.float().abs().max())
        white = 1 if 0 < largest < MAX_UNIT_MEAN else 255
        if largest == 0:
            guessed["value_range"] = "its mean shift is zero; 0..255 is EDSR's and RCAN's authors'"
    else:
        white = 1
        guessed["value_range"] = "networks without mean shift are usually trained for 0..1"
    return spec.model_copy(update={"value_range": white})


def _check_keys(
    path: Path,
    spec: ModelSpec,
    *,
    expected: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    names: Mapping[str, str],
) -> None:
    """Raise one `CheckpointError` that lists every missing, unexpected and misshapen key."""
    misshapen = [
        f"{names[key]} (expected {tuple(tensor.shape)}, found {tuple(found[key].shape)})"
        for key, tensor in expected.items()
        if key in found and tensor.shape != found[key].shape
    ]
    problems = {
        "missing": [key for key in expected if key not in found],
        "unexpected": [names[key] for key in found if key not in expected],
        "misshapen": misshapen,
    }
    report = "; ".join(f"{len(keys)} {kind}: {some(keys)}" for kind, keys in problems.items() if keys)
    if report:
        raise _UnfitError(f"{path}: doesn't fit {spec.architecture} x{spec.scale}: {report}")
