"""Blocks in which torch's operations are counted: multiply-accumulates, and the bytes of living tensors.

Built on modules of torch that aren't public; `cost` does without them if they are absent.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from fakd_core.models.meta import storage_key


class _Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A dispatch mode whose own code doesn't make torch import its compiler, which takes seconds."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


class FlopCounter(_Mode):  # type: ignore[no-untyped-call]
    """Counts by torch's formulas, without the module hooks of torch's own counter.

    Those are global: they would make a training on another thread compute textbook layers.
    """

    flops: int = 0
    complete = True
    """False after an attention that torch has no formula for, as in a real pass on a CPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func._overloadpacket):
            self.flops += count(*args, **(kwargs or {}), out_val=result)
        elif "scaled_dot_product" in func.__name__:
            self.complete = False
        return result

    def get_total_flops(self) -> int:
        """The operations so far, as torch's counter gives them."""
        return self.flops


class LiveTensors(_Mode):  # type: ignore[no-untyped-call]
    """Tracks the storage of every tensor that is made inside the block, until it is freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak: int = 0
        self._current: int = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor):
                self._add(tensor.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key = storage_key(storage)
        if key not in self._seen:
            self._seen.add(key)
            self._current += storage.nbytes()
            self.peak = max(self.peak, self._current)
            weakref.finalize(storage, self._drop, key, storage.nbytes())

    def _drop(self, key: int, nbytes: int) -> None:
        self._seen.discard(key)
        self._current -= nbytes
