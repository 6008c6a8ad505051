"""How much memory a network's forward pass takes, and how it is told that there is none left."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

if TYPE_CHECKING:
    from fakd_core.config import ModelSpec
    from fakd_core.models import SRNetwork

# What the allocators of PyTorch, of its backends and of C++ say, for only CUDA's has a class of its own.
# oneDNN fails to make a convolution that torch has checked only where it can't allocate its code.
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "could not create a primitive",
    "bad_alloc",
)


_SMALL_SIDE = 48


def activation_bytes(model: SRNetwork, height: int, width: int) -> int:
    """The most memory that tensors take at once while `model` enlarges one (height, width) LR image.

    Counted in a pass of a copy without storage on torch's meta device, so nothing is computed. Weights,
    which are there anyway, and scratch space inside single operations are left out. Of a network that needs
    values for its pass, a small one is scaled up.
    """
    network: Callable[[ModelSpec], SRNetwork] = type(model)
    if model.spec.shadow_device == "meta":
        return _activation_bytes(network, model.spec, height, width)
    small = _activation_bytes(network, model.spec, _SMALL_SIDE, _SMALL_SIDE)
    return small * height * width // _SMALL_SIDE**2


@lru_cache(maxsize=256)
def _activation_bytes(
    network: Callable[[ModelSpec], SRNetwork], spec: ModelSpec, height: int, width: int
) -> int:
    with torch.device(spec.shadow_device), torch.inference_mode():
        shadow = network(spec).eval()
        lr = torch.empty(1, 3, height, width).contiguous(memory_format=torch.channels_last)
        live = _LiveTensors()
        with live:
            shadow(lr)
    return live.peak


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` is an allocation that failed, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)


class _LiveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storage of every tensor made inside the block, for as long as it lives."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak: int = 0
        self._now: int = 0
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
            self._now += storage.nbytes()
            self.peak = max(self.peak, self._now)
            weakref.finalize(storage, self._drop, key, storage.nbytes())

    def _drop(self, key: int, nbytes: int) -> None:
        self._seen.discard(key)
        self._now -= nbytes
