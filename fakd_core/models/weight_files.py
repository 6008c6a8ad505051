"""Reads the tensors of weight files safely: no code runs, and files that unpack to more are refused."""

from __future__ import annotations

import re
import threading
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fakd_core.errors import CheckpointError
from fakd_core.models.file_type import ARCHIVE, OLD_PICKLE, SAFETENSORS, UNCERTAIN, file_type, other_globals
from fakd_core.models.pickle_values import StoredArray, stand_in
from fakd_core.models.spec import PICKLE_SUFFIXES, WEIGHT_SUFFIXES

PREFIXES = ("module.", "model.", "_orig_mod.")
MAX_LISTED = 12
MAX_CHARACTERS = 200
MAX_PACKED = 4
"""Times by which the content may be larger than the file: real weights deflate by 1.2 at most."""
_MAX_DEPTH = 5
_MAX_TEXT = 20
_MAX_MAPPINGS = 10_000


@dataclass(frozen=True, eq=False)
class StateDict:
    """A mapping of names to tensors in a file, which is at `place` there, such as `state_dict_ema`."""

    place: str
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class WeightFile:
    """The state dicts of a file, its metadata, and the names of what else lies in it."""

    state_dicts: tuple[StateDict, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()


def read_weights(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """Read the largest state dict of a file, by name without common prefixes, and the file's metadata.

    Raises:
        CheckpointError: the file doesn't exist, has no weights, or would run code when opened.
    """
    file = read_file(path)
    largest = max(file.state_dicts, key=lambda state: len(state.tensors)).tensors
    require_plain(path, largest)
    return without_prefix(largest), file.metadata


def read_file(path: Path) -> WeightFile:
    """Read all state dicts of a file; raises what `read_weights` does."""
    if path.is_dir():
        raise CheckpointError(f"{path}: a folder; a checkpoint is one file")
    if not path.is_file():
        raise CheckpointError(f"{path}: {'not a file' if path.exists() else 'no such file'}; check the path")
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        return _read_safetensors(path)
    if suffix in WEIGHT_SUFFIXES:
        return _find_state_dicts(path, _read_pickle(path))
    if suffix == ".onnx":
        raise CheckpointError(f"{path}: ONNX can't be read back; name the checkpoint that it was made from")
    raise CheckpointError(f"{path}: not a checkpoint; its name must end in {', '.join(WEIGHT_SUFFIXES)}")


def require_plain(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise `CheckpointError` unless all are plain tensors that have the values they claim."""
    special = [key for key, tensor in tensors.items() if not _is_plain(tensor)]
    if special:
        raise CheckpointError(
            f"{path}: expected plain weights; these are sparse, quantised or without values: {some(special)}"
        )
    expanded = [key for key, tensor in tensors.items() if tensor.nbytes > tensor.untyped_storage().nbytes()]
    if expanded:
        raise CheckpointError(f"{path}: refused: claims more values than it stores, for {some(expanded)}")


def some(keys: list[str], limit: int = MAX_LISTED) -> str:
    """List the first `limit` names, and how many more there are."""
    more = f" ... and {len(keys) - limit} more" if len(keys) > limit else ""
    return ", ".join(map(shown, keys[:limit])) + more


def shown(text: str) -> str:
    """Make `text` from a file safe to show in a line: no control characters, and not too long."""
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}..."


def _is_plain(tensor: Tensor) -> bool:
    if tensor.is_nested:
        return False
    return tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized


def _read_safetensors(path: Path) -> WeightFile:
    try:
        with safe_open(path, framework="pt") as file:
            tensors, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        reason = _other_kind(path) or f"{shown(str(error))}; get or save a fresh copy"
        raise CheckpointError(f"{path}: not a readable safetensors file: {reason}") from None
    if not tensors:
        raise CheckpointError(f"{path}: holds no weights")
    return WeightFile((StateDict("", tensors),), metadata or {})


# torch has one wording for unknown classes and another for modules such as os and sys.
_MORE_THAN_WEIGHTS = re.compile(r"(?i:unsupported (?:global: GLOBAL|class|GLOBAL)) (\S+)")


_loading = threading.Lock()


def _read_pickle(path: Path) -> object:
    try:
        _check_archive(path)
        with warnings.catch_warnings():
            # What matters of them is in the error.
            warnings.simplefilter("ignore")
            harmless: list[Any] = [(call, name) for name in other_globals(path) if (call := stand_in(name))]
            # The list of names is torch's, for all threads.
            with _loading, torch.serialization.safe_globals(harmless):
                return torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # noqa: BLE001 - torch raises nearly anything on damaged and other files
        if isinstance(error, OSError) and error.strerror:
            raise CheckpointError(f"{path}: can't be read: {error.strerror}") from None
        unsafe = _MORE_THAN_WEIGHTS.search(str(error))
        if unsafe:
            raise CheckpointError(
                f"{path}: refused: it holds more than weights ({shown(unsafe[1])}), and opening it could run "
                "code; ask for a file with the state dict alone"
            ) from None
        reason = _other_kind(path) or "damaged, or of another kind; get or save a fresh copy"
        raise CheckpointError(f"{path}: not a readable PyTorch file: {reason}") from None


def _other_kind(path: Path) -> str:
    """Say what to do with a file whose content doesn't match its suffix; empty if unknown."""
    kind = file_type(path)
    says_pickle = path.suffix.lower() in PICKLE_SUFFIXES
    if kind == SAFETENSORS:
        return "it is safetensors; rename it to end in .safetensors" if says_pickle else ""
    if kind in (ARCHIVE, OLD_PICKLE):
        return "" if says_pickle else "it is PyTorch's; rename it to end in .pth"
    return "" if kind in UNCERTAIN else kind


def _check_archive(path: Path) -> None:
    """Raise `CheckpointError` for a zip that torch would read although it unpacks to far more or is damaged.

    Raises whatever zipfile does for a file that is no zip.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if any(part.filename.endswith("/constants.pkl") for part in parts):
            raise CheckpointError(f"{path}: a TorchScript program; ask for a file with the state dict alone")
        unpacked, size = sum(part.file_size for part in parts), path.stat().st_size
        if unpacked > MAX_PACKED * size:
            raise CheckpointError(
                f"{path}: refused: a compressed archive that unpacks to {unpacked / size:,.0f} times that; "
                f"expected at most {MAX_PACKED} times"
            )
        broken = archive.testzip()
    if broken is not None:
        raise CheckpointError(
            f"{path}: damaged: {shown(broken)} does not match its checksum; get or save a fresh copy"
        )


def _find_state_dicts(path: Path, content: object) -> WeightFile:
    """Find all mappings of names to tensors; raises `CheckpointError` if there is none."""
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path}: expected a state dict, found {type(content).__name__}")
    if {"learners", "step"} <= content.keys():
        raise CheckpointError(
            f"{path}: a training state; name its run folder, or resume the run with fakd train --resume"
        )
    found, others, stored = list[StateDict](), list[str](), list[Tensor]()
    waiting, seen = [("", content, 0)], {id(content)}
    while waiting:
        place, mapping, depth = waiting.pop(0)
        tensors: dict[str, Tensor] = {}
        for key, value in mapping.items():
            inner = f"{place}.{key}" if place else str(key)
            tensor = value.tensor if isinstance(value, StoredArray) else value
            if isinstance(tensor, Tensor):
                tensors[str(key)] = tensor.detach()
                stored += [tensor] if tensor is value else []
            elif isinstance(value, Mapping) and value and depth < _MAX_DEPTH and len(seen) < _MAX_MAPPINGS:
                if id(value) not in seen:
                    seen.add(id(value))
                    waiting.append((inner, value, depth + 1))
            elif depth < 2:
                others.append(_describe(inner, value))
        if tensors:
            found.append(StateDict(place, tensors))
    if not found:
        listed = some([str(key) for key in content]) or "nothing"
        raise CheckpointError(f"{path}: holds no weights: expected tensors by name, found only {listed}")
    _require_stored(path, stored)
    return WeightFile(tuple(found), others=tuple(others))


def _require_stored(path: Path, tensors: list[Tensor]) -> None:
    """Raise `CheckpointError` if a zip stores less than its tensors claim: torch 2.6 reads beyond it."""
    if not zipfile.is_zipfile(path):
        return
    storages = {
        storage.data_ptr(): storage for storage in (t.untyped_storage() for t in filter(_is_plain, tensors))
    }
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist() if "/data/" in part.filename)
    claimed = sum(storage.nbytes() for storage in storages.values())
    if claimed > size:
        raise CheckpointError(
            f"{path}: refused: claims more values than it stores, {claimed:,} bytes of {size:,}; "
            "get a fresh copy"
        )


def _describe(name: str, value: object) -> str:
    """A name, and the value of a counter or a short text, or the number of tensors in a list."""
    if isinstance(value, list | tuple) and (tensors := sum(isinstance(item, Tensor) for item in value)):
        return f"{name} ({tensors} tensors)"
    if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _MAX_TEXT):
        return f"{name} {value}"
    return name


def describe_weights(weights: Mapping[str, Tensor]) -> str:
    """The number of tensors and their types: '64 of float32'."""
    types = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in weights.values()})
    return f"{len(weights)} of {', '.join(types)}"


def without_prefix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Remove the wrappers' prefixes that all names share."""
    while prefix := next((one for one in PREFIXES if all(key.startswith(one) for key in weights)), None):
        weights = {key.removeprefix(prefix): tensor for key, tensor in weights.items()}
    return weights
