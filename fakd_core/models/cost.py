"""Parameters, multiply-accumulates and memory of a network, counted on torch's meta device."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import flop_registry

from fakd_core.errors import ConfigError
from fakd_core.models.factory import create_model
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec

PAPER_LR_SIZE = (36, 64)
"""Height and width of the LR input for which the papers give GMACs."""


@dataclass(frozen=True)
class Profile:
    """`gmacs` are 10⁹ multiply-accumulates for one LR image of `lr_size` (height, width)."""

    parameters: int
    gmacs: float
    lr_size: tuple[int, int]


class _FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts by torch's formulas, without the module hooks of torch's own counter.

    Those are global: they would make a training on another thread compute textbook layers.
    """

    flops: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func._overloadpacket):
            self.flops += count(*args, **(kwargs or {}), out_val=result)
        return result


def profile(model: SRNetwork | ModelSpec, lr_size: tuple[int, int] = PAPER_LR_SIZE) -> Profile:
    """Count a network's parameters, and its GMACs for an LR input of `lr_size` (height, width).

    A meta copy is counted, which holds no weights and computes nothing, so the largest network takes well
    under a second. GMACs are half of what torch's FLOP counter gives: convolutions and matrix products, not
    activations and additions. They include SAN's attention, which the counter misses in a real pass on a CPU.

    Raises:
        ConfigError: a side is below 1, or the size is absurdly large.
    """
    height, width = lr_size
    if height < 1 or width < 1:
        raise ConfigError(f"the LR size must be at least 1x1 (found {height}x{width})")
    spec = model if isinstance(model, ModelSpec) else model.spec
    with torch.device(spec.cost_device), torch.no_grad(), _FlopCounter() as counter:  # type: ignore[no-untyped-call]
        try:
            meta_copy = create_model(spec).eval().fuse(False)
            meta_copy(torch.empty(1, 3, height, width))
        except RuntimeError:
            raise ConfigError(
                f"{height}x{width} LR pixels with {spec.n_feats} features are more than can be counted"
            ) from None
    parameters = sum(parameter.numel() for parameter in meta_copy.parameters())
    return Profile(parameters, counter.flops / 2 / 1e9, lr_size)


_SMALL_SIDE = 48


def activation_bytes(model: SRNetwork, height: int, width: int) -> int:
    """Count the bytes of all tensors at the peak of a pass of `model`, in eval mode, over one LR image.

    A pass of a meta copy is counted, which computes nothing. Weights, which exist anyway, and scratch space
    inside single operations are not included. For a network whose pass needs values, a small real pass is
    scaled up.
    """
    network: Callable[[ModelSpec], SRNetwork] = type(model)
    if model.spec.cost_device == "meta":
        return _activation_bytes(network, model.spec, height=height, width=width)
    small = _activation_bytes(network, model.spec, height=_SMALL_SIDE, width=_SMALL_SIDE)
    return small * height * width // _SMALL_SIDE**2


@lru_cache(maxsize=256)
def _activation_bytes(
    network: Callable[[ModelSpec], SRNetwork], spec: ModelSpec, *, height: int, width: int
) -> int:
    with torch.device(spec.cost_device), torch.inference_mode():
        meta_copy = network(spec).eval()
        lr = torch.empty(1, 3, height, width).contiguous(memory_format=torch.channels_last)
        live = _LiveTensors()
        with live:
            meta_copy(lr)
    return live.peak


class _LiveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Tracks the storage of every tensor that is made inside the block, until it is freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak: int = 0
        self._current: int = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_iter(result):
            if isinstance(tensor, torch.Tensor):
                self._add(tensor.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._seen:
            self._seen.add(key)
            self._current += storage.nbytes()
            self.peak = max(self.peak, self._current)
            weakref.finalize(storage, self._drop, key, storage.nbytes())

    def _drop(self, key: int, nbytes: int) -> None:
        self._seen.discard(key)
        self._current -= nbytes
