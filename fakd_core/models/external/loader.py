"""Opens weight files of other projects' networks with spandrel, which recognises them by their keys.

spandrel is an optional extra, imported only for files that are not of our own networks. It works beside any
torchvision, or none.
"""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast, get_args

import torch
from torch import Tensor, nn

from fakd_core.errors import CheckpointError, UnsupportedArchitectureError
from fakd_core.models.spec import Scale
from fakd_core.models.stored_networks import StoredNetwork, find_network
from fakd_core.models.weight_files import WeightFile, require_plain, shown, some

if TYPE_CHECKING:
    from spandrel import Architecture, ImageModelDescriptor, ModelDescriptor

LAYERS_PER_WEIGHT = 100
"""Generous: in most networks every second numbered layer has a weight and a bias."""
EXTRA = 'pip install "fakd-workbench[teachers]"'


def open_external(
    path: Path, file: WeightFile, wanted: str = ""
) -> tuple[ImageModelDescriptor[nn.Module], StoredNetwork]:
    """Open the network in `path` with spandrel, on the CPU in float32 and in eval mode.

    `file` is what `path` holds, `wanted` the name of the network in it, if it has several.

    Raises:
        UnsupportedArchitectureError: spandrel is missing, or doesn't know the keys.
        CheckpointError: the file is damaged, or its network doesn't enlarge RGB images.
    """
    spandrel = _require_spandrel()
    stored = find_network(
        path, file, lambda keys: _detect(spandrel, keys) is not None, wanted=wanted, nested=False
    )
    architecture = _detect(spandrel, stored.weights) if stored else None
    if stored is None or architecture is None:
        raise UnsupportedArchitectureError(
            f"spandrel {spandrel.__version__}, which reads many others, doesn't know them either"
        )
    weights = stored.weights
    require_plain(path, weights)
    # Infinite attention masks are fine.
    broken = [key for key, tensor in weights.items() if "mask" not in key and not tensor.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path}: damaged or diverged: infinite or NaN values in {some(broken)}")
    _check_numbers(path, weights)
    try:
        # Their constructors compute with tensors, which the meta device, if it is the default, can't do.
        with torch.device("cpu"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = architecture.load(dict(weights))
    except Exception as error:  # noqa: BLE001 - damaged files raise nearly any exception there
        reason = shown(" ".join(str(error).split()) or type(error).__name__)
        raise CheckpointError(
            f"{path}: looks like {architecture.name}, but spandrel can't build it: {reason}"
        ) from None
    _check_use(path, found)
    found.model.float().eval()
    return cast("ImageModelDescriptor[nn.Module]", found), stored


def _check_numbers(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Raise `CheckpointError` if a key numbers far more layers than the file has weights.

    Spandrel builds as many as the largest number says. Layers without weights are numbered, too.
    """
    most = LAYERS_PER_WEIGHT * len(weights)
    absurd = [key for key in weights if any(part.isdecimal() and int(part) > most for part in _parts(key))]
    if absurd:
        raise CheckpointError(
            f"{path}: damaged: {len(weights)} weights, but the numbers of layers reach beyond {most} in "
            f"{some(absurd, 3)}"
        )


def _parts(key: str) -> list[str]:
    # Python refuses to convert thousands of digits.
    return [part[:20] for part in re.split(r"\D+", key, flags=re.ASCII) if part]


def _require_spandrel() -> ModuleType:
    found = import_spandrel()
    if isinstance(found, ModuleType):
        return found
    if isinstance(found, ModuleNotFoundError):
        missing = (found.name or "spandrel").partition(".")[0]
        raise UnsupportedArchitectureError(
            f"spandrel reads many others, but {missing} isn't installed here: {EXTRA}"
        )
    raise UnsupportedArchitectureError(
        f"spandrel reads many others, but can't be imported beside torch {torch.__version__}: "
        f"{shown(str(found))}"
    )


@cache
def import_spandrel() -> ModuleType | Exception:
    """Import spandrel, or return the error; once, as it is slow and a folder may have many unknown files."""
    try:
        with _torchvision():
            import spandrel
    except Exception as error:  # noqa: BLE001 - packages that don't match torch fail in many ways
        return error
    found: ModuleType = spandrel
    return found


@contextmanager
def _torchvision() -> Iterator[None]:
    """Stand in for torchvision inside the block where it is missing or made for another torch.

    spandrel imports these three names at its start, but uses them only in networks that restore faces or fill
    holes, which we refuse.
    """
    names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
    try:
        importlib.import_module(names[-1])
    except Exception:  # noqa: BLE001 - one made for another torch fails in ways of its own
        modules = {name: ModuleType(name) for name in names}
    else:
        modules = {}
    for name in ("normalize", "rotate", "InterpolationMode") if modules else ():
        setattr(modules[names[-1]], name, None)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]


def _detect(spandrel: ModuleType, keys: Mapping[str, Tensor]) -> Architecture[nn.Module] | None:
    """Spandrel's architecture that has such keys."""
    for support in spandrel.MAIN_REGISTRY.architectures("detection"):
        if support.detect(keys):
            return cast("Architecture[nn.Module]", support.architecture)
    return None


def _check_use(path: Path, found: ModelDescriptor) -> None:
    """Raise `CheckpointError` for a network that does something other than ours."""
    name = found.architecture.name
    if found.purpose != "SR" or found.scale == 1:
        purpose = _PURPOSES.get(found.purpose, found.purpose)
        raise CheckpointError(
            f"{path}: {name} for {purpose}, x{found.scale}; expected a network for super-resolution"
        )
    channels = (found.input_channels, found.output_channels)
    if channels != (3, 3):
        raise CheckpointError(
            f"{path}: {name} takes {channels[0]} channels and gives {channels[1]}; expected RGB, 3 and 3"
        )
    if found.scale not in get_args(Scale):
        raise CheckpointError(
            f"{path}: {name} enlarges x{found.scale}; expected x{', x'.join(map(str, get_args(Scale)))}"
        )


_PURPOSES = {"Restoration": "restoration", "FaceSR": "faces", "Inpainting": "filling holes"}
