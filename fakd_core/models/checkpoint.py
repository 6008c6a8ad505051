"""Weight files: read safely, recognised by their keys, loaded whole or not at all; written atomically."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fakd_core.config import ModelSpec, explain
from fakd_core.errors import CheckpointError, ConfigError, UnsupportedArchitectureError
from fakd_core.files import atomic_path
from fakd_core.models.architectures import REGISTRY
from fakd_core.models.layers import SRNetwork
from fakd_core.models.registry import Architecture, KeyFormat

SPEC_KEY = "fakd_spec"
NESTS = ("params_ema", "params", "state_dict", "model")
SUFFIXES = (".pt", ".pth", ".safetensors")
PREFIXES = ("module.", "model.", "_orig_mod.")
LISTED = 12


def load_checkpoint(path: Path, **overrides: Any) -> SRNetwork:
    """The network whose weights `path` holds, on the CPU in float32 and in eval mode.

    The architecture is recognised from the keys, scale and sizes from the shapes; a file of our own also
    says what shapes can't (taps, residual scale). `overrides` are sizes that take precedence over both.
    Raises `UnsupportedArchitectureError` for keys no network here has, `ConfigError` for an override that
    doesn't exist, and `CheckpointError` for a file that can't be read safely or doesn't fit.
    """
    path = Path(path)
    weights, metadata = read_weights(path)
    architecture, key_format = recognise(path, weights)
    native = key_format.native_keys(weights)
    names = {new: old for old, new in native.items()}
    twice = [key for key, new in native.items() if names[new] != key]
    if twice:
        raise CheckpointError(f"{path}: mixes two key formats: {_some(twice)} also stand under other names")
    weights = {native[key]: tensor for key, tensor in weights.items()}
    spec = _spec_of(path, architecture, weights, metadata, overrides)
    try:
        with torch.device("meta"):
            network = architecture.network(spec)
    except RuntimeError:
        raise CheckpointError(f"{path}: the sizes it gives for itself are absurd: {spec}") from None
    _check(path, spec, network.state_dict(), weights, names)
    broken = [names[key] for key, tensor in weights.items() if not tensor.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path}: damaged or diverged: infinite or NaN values in {_some(broken)}")
    network.load_state_dict(
        {key: _own(tensor) for key, tensor in weights.items()},
        assign=True,
    )
    return network.eval()


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file under their stored names, less nesting and common prefixes, and its metadata.

    Raises `CheckpointError` for a file that isn't there, isn't weights, or would run code when opened.
    """
    if path.is_dir():
        raise CheckpointError(f"{path}: a folder; a checkpoint is one .pt, .pth or .safetensors file")
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    if path.suffix == ".safetensors":
        content, metadata = _read_safetensors(path)
    elif path.suffix in SUFFIXES:
        content, metadata = _unnest(path, _read_pickle(path)), {}
    else:
        raise CheckpointError(f"{path}: not a checkpoint; its name must end in {', '.join(SUFFIXES)}")
    if not content:
        raise CheckpointError(f"{path}: holds no weights")
    integers = [key for key, tensor in content.items() if not tensor.is_floating_point()]
    if integers:
        raise CheckpointError(f"{path}: expected floating-point weights; these are not: {_some(integers)}")
    return _without_prefix(content), metadata


def recognise(path: Path, keys: Mapping[str, object]) -> tuple[Architecture, KeyFormat]:
    """The network and key format of a file with these keys; raises `UnsupportedArchitectureError`."""
    found = REGISTRY.detect(keys)
    if found is None:
        raise UnsupportedArchitectureError(
            f"{path}: its keys belong to no known architecture ({', '.join(REGISTRY.names())}); "
            f"found {_some(sorted(keys), 6)}"
        )
    return found


def save_safetensors(model: SRNetwork, path: Path) -> None:
    """Write `model` to `path`, whole or not at all, with its spec in the metadata."""
    metadata = {SPEC_KEY: model.spec.model_dump_json(), "format": "pt"}
    with _written(path) as temporary:
        mode = temporary.stat().st_mode
        safetensors.torch.save_file(_plain_weights(model), temporary, metadata)
        # safetensors leaves a file that only its owner can read.
        temporary.chmod(mode)


def save_pth(model: SRNetwork, path: Path) -> None:
    """Write `model` to `path`, whole or not at all, as the plain state dict that other tools read."""
    with _written(path) as temporary:
        torch.save(_plain_weights(model), temporary)


def _own(tensor: Tensor) -> Tensor:
    """A float32 copy: stored tensors may be views of one storage, or of the mapped file."""
    return tensor.to(torch.float32).clone(memory_format=torch.contiguous_format)


def _plain_weights(model: SRNetwork) -> dict[str, Tensor]:
    return {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}


@contextmanager
def _written(path: Path) -> Iterator[Path]:
    try:
        with atomic_path(Path(path)) as temporary:
            yield temporary
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: can't be written: {error}") from None


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: not a readable safetensors file: {error}; get or save a fresh copy"
        ) from None


# What torch.load is seen to raise for damaged and foreign files.
_UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
)


# torch words it in one way for unknown classes and in another for modules such as os and sys.
_MORE_THAN_WEIGHTS = re.compile(r"(?i:unsupported (?:global: GLOBAL|class|GLOBAL)) (\S+)")


def _read_pickle(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            # Of a foreign file; what matters of it is in the error.
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        unsafe = _MORE_THAN_WEIGHTS.search(str(error))
        if unsafe:
            raise CheckpointError(
                f"{path}: refused: it holds more than weights ({unsafe[1]}), and opening it could run code; "
                "ask for a file with the state dict alone"
            ) from None
        raise CheckpointError(f"{path}: not a readable PyTorch file (damaged or of another kind)") from None


def _unnest(path: Path, content: object) -> dict[str, Tensor]:
    """The innermost mapping of names to tensors; raises `CheckpointError` if there is none."""
    while isinstance(content, Mapping):
        nest = next((name for name in NESTS if isinstance(content.get(name), Mapping)), None)
        if nest is None:
            break
        content = content[nest]
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path}: expected a state dict, found {type(content).__name__}")
    others = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise CheckpointError(f"{path}: expected only tensors in its state dict, found also {_some(others)}")
    return {str(key): tensor for key, tensor in content.items()}


def _without_prefix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names without the wrappers' prefixes that all of them share."""
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in weights):
            return _without_prefix({key.removeprefix(prefix): tensor for key, tensor in weights.items()})
    return weights


def _spec_of(
    path: Path,
    architecture: Architecture,
    weights: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    overrides: Mapping[str, Any],
) -> ModelSpec:
    unknown = sorted(set(overrides) - set(architecture.spec_class.model_fields))
    if unknown:
        raise ConfigError(f"{architecture.name} has no setting {', '.join(unknown)}")
    try:
        if SPEC_KEY in metadata:
            spec: ModelSpec = TypeAdapter(architecture.spec_class).validate_json(metadata[SPEC_KEY])
        else:
            spec = architecture.infer_spec({key: tuple(tensor.shape) for key, tensor in weights.items()})
    except KeyError as error:
        raise CheckpointError(f"{path}: looks like {architecture.name}, but lacks {error.args[0]}") from None
    except (ConfigError, ValidationError, IndexError, ZeroDivisionError) as error:
        reason = explain(error) if isinstance(error, ValidationError) else str(error)
        raise CheckpointError(
            f"{path}: looks like {architecture.name}, but its sizes make no sense: {reason}"
        ) from None
    if not overrides:
        return spec
    return architecture.spec_class.build(**{**spec.model_dump(), **overrides})


def _check(
    path: Path,
    spec: ModelSpec,
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
    report = "; ".join(f"{len(keys)} {kind}: {_some(keys)}" for kind, keys in problems.items() if keys)
    if report:
        raise CheckpointError(f"{path}: doesn't fit {spec.architecture} x{spec.scale}: {report}")


def _some(keys: list[str], limit: int = LISTED) -> str:
    """The first `limit` names, and how many more there are."""
    more = f" ... and {len(keys) - limit} more" if len(keys) > limit else ""
    return ", ".join(keys[:limit]) + more
