"""Networks of other projects (SwinIR, HAT, ESRGAN, ...) with our interface: 0..255, any size, four taps.

spandrel has the networks and recognises their files; see docs/teachers.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from fakd_core.errors import CheckpointError, ConfigError, FeatureTapError
from fakd_core.models.external.taps import channels_of, find_tap_layout, first_tensor
from fakd_core.models.fast_ops import autocast_off
from fakd_core.models.layers import RGB_RANGE, FeatureMaps, Origin, SRNetwork, pad_mirrored
from fakd_core.models.spec import ModelSpec
from fakd_core.models.weight_files import WeightFile, describe_weights, read_file, shown

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor


class SpandrelSpec(ModelSpec):
    """The spec of an external network, made by `load_external`.

    Attributes:
        taps: module paths.
        tap_widths: the taps' channels.
        reference_module: a module whose output has the height and width of the taps' maps.
        skip: the module before the body whose output is added to the last tap's, so that its map is, like our
            networks', the one after the long skip; empty if no such sum was found.
        downscale: by how much the maps are smaller than the LR image.
        runs_on_meta: whether a pass on torch's meta device is possible.
        file: the weights. It isn't saved with the spec, which is therefore the same wherever the file is.
    """

    taps: tuple[str, ...] = ()  # type: ignore[assignment]
    value_range: int = 1
    mean_shift: bool = Field(True, exclude=True)
    tap_widths: tuple[int, ...] = ()
    reference_module: str = Field("", exclude=True)
    skip: str = ""
    downscale: int = 1
    runs_on_meta: bool = Field(True, exclude=True)
    file: Path = Field(exclude=True)

    @property
    def tap_names(self) -> tuple[str, ...]:
        """The module paths, the last one with what the long skip adds to it."""
        return (*self.taps[:-1], f"{self.taps[-1]} + {self.skip}") if self.skip else self.taps

    def describe_taps(self) -> list[str]:
        """The taps with their numbers, and whether the last one is the map after the long skip."""
        rows = super().describe_taps()
        note = "after the long skip" if self.skip else "no long skip was found after it"
        return [*rows[:-1], f"{rows[-1]} ({note})"] if rows else []

    @property
    def tap_channels(self) -> tuple[int, ...]:
        """The number of channels at each tap; they may differ."""
        return self.tap_widths

    @property
    def cost_device(self) -> str:
        """The device of the copy whose cost is counted; a network that reads its values has to compute."""
        return "meta" if self.runs_on_meta else "cpu"


def load_external(path: Path, taps: Sequence[str], file: WeightFile, wanted: str = "") -> SpandrelNetwork:
    """Load the network in `path`, on the CPU and in eval mode.

    `taps` are module paths, chosen automatically if empty; `file` is what `path` holds, and `wanted` the name
    of the network in it, if it has several.

    Raises:
        ConfigError: a tap doesn't exist, or gives no map.
        CheckpointError, UnsupportedArchitectureError: as `loader.open_external`.
    """
    from fakd_core.models.external.loader import open_external

    descriptor, stored = open_external(path, file, wanted)
    try:
        layout = find_tap_layout(descriptor.model, descriptor._call_fn, taps)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except (RuntimeError, ValueError, IndexError, TypeError, AssertionError) as error:
        raise CheckpointError(
            f"{path}: looks like {descriptor.architecture.name}, but its pass fails: {shown(str(error))}"
        ) from None
    found = asdict(layout)
    possible = found.pop("possible")
    spec = SpandrelSpec.build(
        architecture=descriptor.architecture.name,
        scale=descriptor.scale,
        n_feats=layout.tap_widths[-1] if layout.tap_widths else 1,
        file=path,
        **found,
    )
    network = SpandrelNetwork(spec, descriptor)
    network.possible_taps = possible
    network.origin = Origin(
        key_format=f"{spec.architecture}'s (spandrel)",
        place=stored.name,
        weights=describe_weights(stored.weights),
        notes=stored.notes,
        beside=stored.beside,
    )
    return network


class SpandrelNetwork(SRNetwork):
    """A network of another project with the interface of ours.

    Images are scaled to 0..1, padded by reflection to sides that the network accepts, and cropped again.
    Feature maps are copied when their module returns them, before the network may change them in place.
    """

    spec: SpandrelSpec
    possible_taps: tuple[str, ...] = ()
    """The modules that could be taps; set by `load_external`."""

    def __init__(self, spec: SpandrelSpec, descriptor: ImageModelDescriptor[nn.Module] | None = None) -> None:
        """Make the network of `spec`; `descriptor` is what `spec.file` holds, if it has been opened already.

        On torch's meta device the network has no storage, like any other.
        """
        super().__init__(spec)
        if descriptor is None:
            from fakd_core.models.external.loader import open_external

            descriptor = open_external(spec.file, read_file(spec.file))[0]
        self.network = descriptor.model
        self._call = descriptor._call_fn
        self._sizes = descriptor.size_requirements
        self._exact = {
            torch.float16: not descriptor.supports_half,
            torch.bfloat16: not descriptor.supports_bfloat16,
        }
        for name in {*spec.taps, spec.reference_module, spec.skip} - {""}:
            self.network.get_submodule(name).register_forward_hook(_catch(name))
        if torch.get_default_device().type == "meta":
            self.to("meta")
        self.eval()

    def forward(self, lr: Tensor) -> Tensor:
        return torch.cat([self._enlarge(part) for part in self._split(lr)])

    def forward_features(self, lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        """Compute the super-resolved images and the maps at the taps, (B, tap_widths[i], h, w) each.

        A network without taps gives no maps. Raises `FeatureTapError` if the output of a tap is no map.
        """
        parts = []
        for image in self._split(lr):
            caught: dict[str, Tensor] = {}
            token = _caught.set(caught)
            try:
                sr = self._enlarge(image)
            finally:
                _caught.reset(token)
            parts.append((sr, *(self._as_map(name, caught, lr.shape[2:]) for name in self.spec.taps)))
        sr, *maps = (torch.cat(part) for part in zip(*parts, strict=True))
        return sr, cast(FeatureMaps, tuple(maps))

    def _split(self, lr: Tensor) -> Sequence[Tensor]:
        """Split the batch for a network that reads its values, which must depend on one image only."""
        return [lr] if self.spec.runs_on_meta else torch.split(lr, 1)

    def _enlarge(self, lr: Tensor) -> Tensor:
        height, width = (side * self.spec.scale for side in lr.shape[2:])
        # Their code takes views that a channels-last image doesn't allow.
        image = self._pad((lr.float() / RGB_RANGE).contiguous())
        kind = lr.device.type
        autocast = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
        # In full precision if autocast's type is one that the network is known not to support.
        exact = autocast and self._exact.get(torch.get_autocast_dtype(kind))
        with autocast_off(lr.device) if exact else nullcontext():
            sr: Tensor = self._call(self.network, image)
        return sr[..., :height, :width].float() * RGB_RANGE

    def _pad(self, image: Tensor) -> Tensor:
        """Pad to the right and below as spandrel does: mirrored, then with the last pixels."""
        return pad_mirrored(image, *self._sizes.get_padding(image.shape[3], image.shape[2]))

    def _as_map(self, name: str, caught: dict[str, Tensor], size: Sequence[int]) -> Tensor:
        """Convert the output of module `name` to (B, C, h, w), cropped to the LR image's `size`."""
        grid = cast("tuple[int, int]", tuple(caught[self.spec.reference_module].shape[2:]))
        output = caught[name]
        if self.spec.skip and name == self.spec.taps[-1]:
            output = output + caught[self.spec.skip]
        if not channels_of(output.shape, grid):
            raise FeatureTapError(
                f"tap {name} of {self.spec.architecture}: expected a map over {grid[0]}x{grid[1]} positions, "
                f"found {tuple(output.shape)}; choose another tap"
            )
        if output.ndim == 3:
            output = output.mT.unflatten(2, grid)  # type: ignore[no-untyped-call]
        elif tuple(output.shape[2:]) != grid:
            output = output.permute(0, 3, 1, 2)
        if self.spec.downscale > 1:
            output = F.interpolate(output, scale_factor=self.spec.downscale, mode="bilinear")
        return output[..., : size[0], : size[1]].contiguous()


_caught: ContextVar[dict[str, Tensor] | None] = ContextVar("caught", default=None)
"""Outputs that the hooks caught in this thread's pass; one network may run in several threads."""


def _catch(name: str) -> Callable[..., None]:
    def hook(module: nn.Module, _: object, output: object) -> None:
        caught, tensor = _caught.get(), first_tensor(output)
        if caught is not None and tensor is not None:
            caught[name] = tensor.clone()

    return hook
