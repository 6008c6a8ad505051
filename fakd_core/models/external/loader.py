"""Weight files of other projects' networks, opened by spandrel: known by their keys, without code of theirs.

spandrel is an optional extra and is imported only for a file that no network of our own has.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast, get_args

import torch
from torch import Tensor, nn

from fakd_core.errors import CheckpointError, UnsupportedArchitectureError
from fakd_core.models.spec import Scale
from fakd_core.models.weight_files import PREFIXES, read_stored, shown, some

if TYPE_CHECKING:
    from spandrel import Architecture, ImageModelDescriptor, ModelDescriptor

EXTRA = 'pip install "fakd-workbench[teachers]"'


def open_external(path: Path, stored: Mapping[str, Tensor] | None = None) -> ImageModelDescriptor[nn.Module]:
    """The network that spandrel finds in `path`, on the CPU in float32 and in eval mode.

    `stored` are the file's tensors as `read_stored` gives them, where they have been read already.

    Raises `UnsupportedArchitectureError` where spandrel is missing or doesn't know the keys, and
    `CheckpointError` for a file that is damaged, or whose network doesn't enlarge RGB images.
    """
    if stored is None:
        stored, _ = read_stored(path)
    spandrel = _spandrel()
    architecture, weights = _recognised(spandrel, stored)
    # Attention masks are infinite rightly.
    broken = [key for key, tensor in weights.items() if "mask" not in key and not tensor.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path}: damaged or diverged: infinite or NaN values in {some(broken)}")
    try:
        # Their constructors compute with tensors: on the meta device that a copy without storage is made on,
        # they could not.
        with torch.device("cpu"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = architecture.load(dict(weights))
    except Exception as error:  # noqa: BLE001 - a damaged file ends in nearly any exception there
        reason = shown(" ".join(str(error).split()) or type(error).__name__)
        raise CheckpointError(
            f"{path}: looks like {architecture.name}, but spandrel can't build it: {reason}"
        ) from None
    _check_use(path, found)
    found.model.float().eval()
    return cast("ImageModelDescriptor[nn.Module]", found)


def _spandrel() -> ModuleType:
    found = imported()
    if isinstance(found, ModuleType):
        return found
    if isinstance(found, ModuleNotFoundError):
        missing = (found.name or "spandrel").partition(".")[0]
        raise UnsupportedArchitectureError(
            f"spandrel reads many others, but {missing} isn't installed here: {EXTRA}"
        )
    raise UnsupportedArchitectureError(
        f"spandrel reads many others, but can't be imported here: it needs a torchvision that works with "
        f"torch {torch.__version__} ({shown(str(found))}); install the one that was made for this torch"
    )


@cache
def imported() -> ModuleType | Exception:
    """spandrel, or why it can't be imported: that takes long, and a folder may be full of unknown files."""
    try:
        import spandrel
    except Exception as error:  # noqa: BLE001 - a torchvision that doesn't fit torch fails in ways of its own
        return error
    found: ModuleType = spandrel
    return found


def _recognised(
    spandrel: ModuleType, stored: Mapping[str, Tensor]
) -> tuple[Architecture[nn.Module], Mapping[str, Tensor]]:
    for weights in _renamed(stored):
        for support in spandrel.MAIN_REGISTRY.architectures("detection"):
            if support.detect(weights):
                return support.architecture, weights
    raise UnsupportedArchitectureError(
        f"spandrel {spandrel.__version__}, which reads many others, doesn't know them either"
    )


def _renamed(stored: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """The weights as stored, then less each prefix that all share: some networks' own names begin so."""
    weights = dict(stored)
    yield weights
    while prefix := next((one for one in _WRAPPERS if all(key.startswith(one) for key in weights)), None):
        weights = {key.removeprefix(prefix): tensor for key, tensor in weights.items()}
        yield weights


_WRAPPERS = (*PREFIXES, "netG.")


def _check_use(path: Path, found: ModelDescriptor) -> None:
    """Raise `CheckpointError` for a network that can't stand beside ours."""
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


_PURPOSES = {
    "Restoration": "restoration",
    "FaceSR": "faces",
    "Inpainting": "filling holes",
}
