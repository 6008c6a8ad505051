"""Reads the tensors of weight files safely: no code runs, and files that unpack to more are refused."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fakd_core.errors import CheckpointError
from fakd_core.models.file_type import ARCHIVE, OLD_PICKLE, SAFETENSORS, UNCERTAIN, file_type
from fakd_core.models.spec import PICKLE_SUFFIXES, WEIGHT_SUFFIXES

_NESTS = ("params_ema", "params-ema", "params", "state_dict", "model_state_dict", "model", "net")
PREFIXES = ("module.", "model.", "_orig_mod.")
MAX_LISTED = 12
MAX_CHARACTERS = 200


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors of a file, by name without nesting and common prefixes, and its metadata.

    Raises:
        CheckpointError: the file doesn't exist, has no weights, or would run code when opened.
    """
    content, metadata = read_stored(path)
    return without_prefix(content), metadata


def read_stored(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Like `read_weights`, but with common prefixes, which are part of the names in some formats."""
    if path.is_dir():
        raise CheckpointError(f"{path}: a folder; a checkpoint is one file")
    if not path.is_file():
        raise CheckpointError(f"{path}: {'not a file' if path.exists() else 'no such file'}; check the path")
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        content, metadata = _read_safetensors(path)
    elif suffix in WEIGHT_SUFFIXES:
        content, metadata = _unnest(path, _read_pickle(path)), {}
    elif suffix == ".onnx":
        raise CheckpointError(f"{path}: ONNX can't be read back; name the checkpoint that it was made from")
    else:
        raise CheckpointError(f"{path}: not a checkpoint; its name must end in {', '.join(WEIGHT_SUFFIXES)}")
    if not content:
        raise CheckpointError(f"{path}: holds no weights")
    special = [key for key, tensor in content.items() if not _is_plain(tensor)]
    if special:
        raise CheckpointError(
            f"{path}: expected plain weights; these are sparse, quantised or without values: {some(special)}"
        )
    expanded = [key for key, tensor in content.items() if tensor.nbytes > tensor.untyped_storage().nbytes()]
    if expanded:
        raise CheckpointError(f"{path}: refused: claims more values than it stores, for {some(expanded)}")
    return content, metadata


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


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        reason = _other_kind(path) or f"{shown(str(error))}; get or save a fresh copy"
        raise CheckpointError(f"{path}: not a readable safetensors file: {reason}") from None


# torch has one wording for unknown classes and another for modules such as os and sys.
_MORE_THAN_WEIGHTS = re.compile(r"(?i:unsupported (?:global: GLOBAL|class|GLOBAL)) (\S+)")


def _read_pickle(path: Path) -> object:
    try:
        _check_archive(path)
        with warnings.catch_warnings():
            # What matters of them is in the error.
            warnings.simplefilter("ignore")
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
    """Raise `CheckpointError` for a zip that torch would read although it is compressed or damaged.

    Raises whatever zipfile does for a file that is no zip.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if any(part.filename.endswith("/constants.pkl") for part in parts):
            raise CheckpointError(f"{path}: a TorchScript program; ask for a file with the state dict alone")
        if sum(part.file_size for part in parts) > path.stat().st_size:
            raise CheckpointError(
                f"{path}: refused: a compressed archive that unpacks to more than the file; unpack it first"
            )
        broken = archive.testzip()
    if broken is not None:
        raise CheckpointError(
            f"{path}: damaged: {shown(broken)} does not match its checksum; get or save a fresh copy"
        )


def _unnest(path: Path, content: object) -> dict[str, Tensor]:
    """Find the innermost mapping of names to tensors; raises `CheckpointError` if there is none."""
    # Bounded, as a mapping can contain itself.
    for _ in _NESTS:
        if not isinstance(content, Mapping):
            break
        nest = next((name for name in _NESTS if isinstance(content.get(name), Mapping)), None)
        if nest is None:
            break
        content = content[nest]
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path}: expected a state dict, found {type(content).__name__}")
    if {"learners", "step"} <= content.keys():
        raise CheckpointError(
            f"{path}: a training state; name its run folder, or resume the run with fakd train --resume"
        )
    others = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise CheckpointError(f"{path}: expected only tensors in its state dict, found also {some(others)}")
    return {str(key): tensor for key, tensor in content.items()}


def without_prefix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Remove the wrappers' prefixes that all names share."""
    *_, bare = without_prefixes(weights, PREFIXES)
    return bare


def without_prefixes(weights: dict[str, Tensor], prefixes: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Yield the weights as they are, then without each shared prefix: some networks' own names have one."""
    yield weights
    while prefix := next((one for one in prefixes if all(key.startswith(one) for key in weights)), None):
        weights = {key.removeprefix(prefix): tensor for key, tensor in weights.items()}
        yield weights
