"""Networks of other projects (SwinIR, HAT, ESRGAN, ...) as ours are used: 0..255, any size, four taps.

spandrel holds the networks and recognises their files; see docs/teachers.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from fakd_core.errors import CheckpointError, ConfigError, FeatureTapError
from fakd_core.models.external.taps import channels_of, find_layout, first_tensor
from fakd_core.models.fast_ops import autocast_off
from fakd_core.models.layers import RGB_RANGE, FeatureMaps, SRNetwork
from fakd_core.models.spec import ModelSpec
from fakd_core.models.weight_files import shown

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor


class SpandrelSpec(ModelSpec):
    """What is known of a foreign network; made by `load_external`, not by hand.

    `taps` are module paths, `tap_widths` their channels. The network is made anew from `file`, which is
    not part of what it is: a spec that is written down is the same wherever the file lies.
    """

    taps: tuple[str, ...] = ()  # type: ignore[assignment]
    tap_widths: tuple[int, ...] = ()
    ruler: str = Field("", exclude=True)
    shrink: int = 1
    abstract: bool = Field(True, exclude=True)
    file: Path = Field(exclude=True)

    @property
    def tap_names(self) -> tuple[str, ...]:
        """The module paths."""
        return self.taps

    @property
    def tap_channels(self) -> tuple[int, ...]:
        """Each tap's own: they may differ."""
        return self.tap_widths

    @property
    def cost_device(self) -> str:
        """A network that looks at its values has to compute."""
        return "meta" if self.abstract else "cpu"


def load_external(
    path: Path, taps: Sequence[str] = (), stored: Mapping[str, Tensor] | None = None
) -> SpandrelNetwork:
    """The network in `path`, on the CPU and in eval mode, with `taps` or taps of our choice.

    `stored` are the file's tensors, where they have been read already.
    Raises as `foreign_files.open_external`, and `ConfigError` for taps that don't exist or give no maps.
    """
    from fakd_core.models.external.loader import open_external

    descriptor = open_external(path, stored)
    try:
        layout = find_layout(descriptor.model, descriptor._call_fn, taps)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except (RuntimeError, ValueError, IndexError, TypeError, AssertionError) as error:
        raise CheckpointError(
            f"{path}: looks like {descriptor.architecture.name}, but its pass fails: {shown(str(error))}"
        ) from None
    spec = SpandrelSpec.build(
        architecture=descriptor.architecture.name,
        scale=descriptor.scale,
        n_feats=layout.channels[-1] if layout.channels else 1,
        taps=layout.taps,
        tap_widths=layout.channels,
        ruler=layout.ruler,
        shrink=layout.shrink,
        abstract=layout.abstract,
        file=path,
    )
    network = SpandrelNetwork(spec, descriptor)
    network.possible_taps = layout.possible
    return network


class SpandrelNetwork(SRNetwork):
    """A network of another project behind the interface of ours.

    Its images are 0..1 inside and its sides what it asks for: padded by reflection, and cropped again.
    Feature maps are caught as copies, at the moment their module returns them: what is changed in place
    behind it stays out.
    """

    spec: SpandrelSpec
    possible_taps: tuple[str, ...] = ()
    """The modules that could be taps, of a network that was read from its file by `load_external`."""

    def __init__(self, spec: SpandrelSpec, descriptor: ImageModelDescriptor[nn.Module] | None = None) -> None:
        """`descriptor` is what `spec.file` holds, where it has been opened already.

        On torch's meta device it is a network without storage, like any other.
        """
        super().__init__(spec)
        if descriptor is None:
            from fakd_core.models.external.loader import open_external

            descriptor = open_external(spec.file)
        self.network = descriptor.model
        self._call = descriptor._call_fn
        self._sizes = descriptor.size_requirements
        self._exact = {
            torch.float16: not descriptor.supports_half,
            torch.bfloat16: not descriptor.supports_bfloat16,
        }
        for name in {*spec.taps, spec.ruler} - {""}:
            self.network.get_submodule(name).register_forward_hook(_catch(name))
        if torch.get_default_device().type == "meta":
            self.to("meta")
        self.eval()

    def forward(self, lr: Tensor) -> Tensor:
        return torch.cat([self._enlarged(some) for some in self._at_once(lr)])

    def forward_features(self, lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        """The super-resolved images and the maps at the taps, (B, tap_widths[i], h, w) each.

        A network without taps gives none. Raises `FeatureTapError` if a module returns what is no map.
        """
        parts = []
        for some in self._at_once(lr):
            with _catching() as caught:
                sr = self._enlarged(some)
            parts.append((sr, *(self._as_map(name, caught, lr.shape[2:]) for name in self.spec.taps)))
        sr, *maps = (torch.cat(part) for part in zip(*parts, strict=True))
        return sr, cast(FeatureMaps, tuple(maps))

    def _at_once(self, lr: Tensor) -> Sequence[Tensor]:
        """A network that looks at its values decides by those of one image: it sees one at a time."""
        return [lr] if self.spec.abstract else torch.split(lr, 1)

    def _enlarged(self, lr: Tensor) -> Tensor:
        height, width = (side * self.spec.scale for side in lr.shape[2:])
        # Weights may lie channels last; these networks' code takes views of images that must not.
        image = self._padded((lr.float() / RGB_RANGE).contiguous())
        with self._precision(lr.device):
            sr: Tensor = self._call(self.network, image)
        return sr[..., :height, :width].float() * RGB_RANGE

    def _padded(self, image: Tensor) -> Tensor:
        """`image` continued to the right and below, as spandrel does: mirrored, then by its last pixels."""
        height, width = image.shape[2:]
        right, below = self._sizes.get_padding(width, height)
        if not (right or below):
            return image
        mirrored = (min(right, width - 1), min(below, height - 1))
        image = F.pad(image, (0, mirrored[0], 0, mirrored[1]), "reflect")
        return F.pad(image, (0, right - mirrored[0], 0, below - mirrored[1]), "replicate")

    def _precision(self, device: torch.device) -> AbstractContextManager[object]:
        """Full precision where autocast would be in one that the network is known not to bear."""
        autocast = torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)
        exact = autocast and self._exact.get(torch.get_autocast_dtype(device.type))
        return autocast_off(device) if exact else nullcontext()

    def _as_map(self, name: str, caught: dict[str, Tensor], size: Sequence[int]) -> Tensor:
        """What module `name` returned as (B, C, h, w), cropped to the LR image of `size`."""
        grid = cast("tuple[int, int]", tuple(caught[self.spec.ruler].shape[2:]))
        output = caught[name]
        if not channels_of(output.shape, grid):
            raise FeatureTapError(
                f"tap {name} of {self.spec.architecture}: expected a map over {grid[0]}x{grid[1]} positions, "
                f"found {tuple(output.shape)}; choose another tap"
            )
        if output.ndim == 3:
            output = output.mT.unflatten(2, grid)  # type: ignore[no-untyped-call]
        elif tuple(output.shape[2:]) != grid:
            output = output.permute(0, 3, 1, 2)
        if self.spec.shrink > 1:
            output = F.interpolate(output, scale_factor=self.spec.shrink, mode="bilinear")
        return output[..., : size[0], : size[1]].contiguous()


_caught: ContextVar[dict[str, Tensor] | None] = ContextVar("caught", default=None)
"""What the hooks of this thread's pass have caught; one network may be at work in several threads."""


@contextmanager
def _catching() -> Iterator[dict[str, Tensor]]:
    caught: dict[str, Tensor] = {}
    token = _caught.set(caught)
    try:
        yield caught
    finally:
        _caught.reset(token)


def _catch(name: str) -> Callable[..., None]:
    def hook(module: nn.Module, _: object, output: object) -> None:
        caught, tensor = _caught.get(), first_tensor(output)
        if caught is not None and tensor is not None:
            caught[name] = tensor.clone()

    return hook
