"""Parameters, multiply-accumulates and memory of a network, counted on copies without storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from fakd_core.errors import CheckpointError, ConfigError, first_line
from fakd_core.models.factory import create_model
from fakd_core.models.layers import SRNetwork
from fakd_core.models.meta import meta_copy, shared_copy
from fakd_core.models.spec import ModelSpec

PAPER_LR_SIZE = (36, 64)
"""Height and width of the LR input for which the papers give GMACs."""
MAX_COUNTED_ELEMENTS = 2**60
"""Elements of a feature map beyond which torch's sizes overflow."""

QUICK_OPERATIONS = 2e9
"""Multiply-accumulates of a real pass that takes about a tenth of a second."""


@dataclass(frozen=True)
class Profile:
    """`gmacs` are 10⁹ multiply-accumulates for one LR image of `lr_size` (height, width)."""

    parameters: int
    gmacs: float
    lr_size: tuple[int, int]


@dataclass
class _Known:
    """Counts of one network: bytes by size of the LR image, (0, 0) for the small one, and profiles."""

    bytes: dict[tuple[int, int], int] = field(default_factory=dict)
    profiles: dict[tuple[int, int], Profile] = field(default_factory=dict)


_known: WeakKeyDictionary[SRNetwork, _Known] = WeakKeyDictionary()


def profile(model: SRNetwork | ModelSpec, lr_size: tuple[int, int] = PAPER_LR_SIZE) -> Profile:
    """Count a network's parameters, and its GMACs for an LR input of `lr_size` (height, width).

    Counted once for each network and size, on a meta copy, which holds no weights and computes nothing, so
    that the largest network takes well under a second; a quick pass is counted as it is. GMACs are
    half of what torch's FLOP counter gives: convolutions and matrix products, not activations and
    additions. They include SAN's attention, which the counter misses in a real pass on a CPU.

    Raises:
        ConfigError: a side is below 1, or the size is absurdly large.
        CheckpointError: the network's pass fails.
    """
    height, width = lr_size
    if height < 1 or width < 1:
        raise ConfigError(f"the LR size must be at least 1x1 (found {height}x{width})")
    spec = model if isinstance(model, ModelSpec) else model.spec
    if height * width * spec.scale**2 * max(spec.n_feats, 64) > MAX_COUNTED_ELEMENTS:
        raise ConfigError(
            f"{height}x{width} LR pixels with {spec.n_feats} features are more than can be counted"
        )
    if isinstance(model, ModelSpec):
        return _profile(model, lr_size)
    known = _known.setdefault(model, _Known()).profiles
    if lr_size not in known:
        known[lr_size] = _profile(model, lr_size)
    return known[lr_size]


def _profile(model: SRNetwork | ModelSpec, lr_size: tuple[int, int]) -> Profile:
    if isinstance(model, SRNetwork) and _is_quick(model, lr_size[0] * lr_size[1]):
        flops = _count_flops(shared_copy(model), lr_size, complete=True)
        if flops is not None:
            return Profile(_parameters(model), flops / 2 / 1e9, lr_size)
    counted = _countable(model)
    return Profile(_parameters(counted), (_count_flops(counted, lr_size) or 0) / 2 / 1e9, lr_size)


def _is_quick(model: SRNetwork, pixels: int) -> bool:
    """True if a real pass takes less time than torch's meta functions take to be imported."""
    return device_of(model).type == "cpu" and _parameters(model) * pixels < QUICK_OPERATIONS


def _parameters(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def _countable(model: SRNetwork | ModelSpec) -> SRNetwork:
    """A copy of `model` without storage; the model itself if its pass needs values."""
    if isinstance(model, SRNetwork) and model.spec.cost_device != "meta":
        return model
    if isinstance(model, SRNetwork):
        try:
            return meta_copy(model)
        except Exception:  # noqa: BLE001 - a network of other code, which can't be copied, but made again
            model = model.spec
    with torch.device(model.cost_device):
        return create_model(model)


def _count_flops(network: SRNetwork, lr_size: tuple[int, int], *, complete: bool = False) -> int | None:
    """Operations of a pass in textbook form; None if they have to be `complete` and can't be counted so."""
    counter = _flop_counter()
    network.eval().fuse(False)
    with torch.no_grad(), counter:
        try:
            network(torch.empty(1, 3, *lr_size, device=device_of(network)))
        except (RuntimeError, NotImplementedError) as error:
            raise CheckpointError(
                f"{network.spec.architecture}: its pass over {lr_size[0]}x{lr_size[1]} LR pixels fails: "
                f"{first_line(error)}"
            ) from error
    return None if complete and not getattr(counter, "complete", False) else counter.get_total_flops()


def _flop_counter() -> Any:
    """Our counter, or torch's own where names that aren't public are absent."""
    try:
        from fakd_core.models.dispatch_modes import FlopCounter
    except ImportError:
        from torch.utils.flop_counter import FlopCounterMode

        return FlopCounterMode(display=False)
    return FlopCounter()  # type: ignore[no-untyped-call]


def device_of(network: nn.Module) -> torch.device:
    """The device of the network's weights; the CPU for one without any."""
    return next((parameter.device for parameter in network.parameters()), torch.device("cpu"))


_SMALL_SIDE = 48
_MAPS_AT_ONCE = 6


def activation_bytes(model: SRNetwork, height: int, width: int) -> int:
    """Count the bytes of all tensors at the peak of a pass of `model`, in eval mode, over one LR image.

    A pass of a meta copy is counted, which computes nothing. Weights, which exist anyway, and scratch space
    inside single operations are not included. For a network whose pass needs values, a small real pass is
    scaled up. Counted once for each network and size.
    """
    known = _known.setdefault(model, _Known()).bytes
    if (height, width) not in known:
        if model.spec.cost_device == "meta":
            known[height, width] = _activation_bytes(_countable(model).eval(), height, width)
        else:
            small = known.get((0, 0)) or _activation_bytes(model, _SMALL_SIDE, _SMALL_SIDE)
            known[0, 0] = small
            known[height, width] = small * height * width // _SMALL_SIDE**2
    return known[height, width]


def _activation_bytes(network: SRNetwork, height: int, width: int) -> int:
    try:
        from fakd_core.models.dispatch_modes import LiveTensors
    except ImportError:
        # Without names of torch that aren't public: roughly, by the maps around the upsampler.
        spec = network.spec
        return 4 * height * width * spec.n_feats * (_MAPS_AT_ONCE + spec.scale**2)
    with torch.inference_mode():
        lr = torch.empty(1, 3, height, width, device=device_of(network))
        lr = lr.contiguous(memory_format=torch.channels_last)
        live = LiveTensors()
        with live:
            network(lr)
    return live.peak
