"""A second device for tests: its tensors lie in the machine's memory, but torch treats it as a GPU.

It computes with the CPU's kernels, on every thread, and refuses what GPUs refuse: operations on tensors of
two devices, and access as NumPy arrays. Like Apple's GPUs it has no float64, and no copies that return
before they are done. Copies to and from the CPU are counted, and its memory can be limited.

torch's dispatcher, autograd and modules are the real ones: it is a backend written in Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

try:
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend
except ImportError:
    _setup_privateuseone_for_python_backend = None

NAME = "second"
_aten = torch.ops.aten


@dataclass
class Usage:
    """Counts of what happened on the device, and the elements of the largest tensor that fits there."""

    operations: int = 0
    to_device: int = 0
    to_cpu: int = 0
    max_elements: int | None = None


usage = Usage()


class _OnDevice(Tensor):
    """A tensor on the second device; `values` are the same on the CPU."""

    values: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls: Any, values: Tensor) -> _OnDevice:
        if values.dtype is torch.float64:
            raise TypeError(f"Cannot convert a {NAME} Tensor to float64 dtype as it isn't supported there")
        if usage.max_elements is not None and values.numel() > usage.max_elements:
            raise torch.OutOfMemoryError(f"{NAME} out of memory")
        made: _OnDevice = Tensor._make_wrapper_subclass(
            cls,
            values.shape,
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=torch.device(NAME, 0),
        )
        made.values = values
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        usage.operations += 1
        if func is _aten.copy_.default:
            return _copy(*args, **kwargs)
        target = kwargs.get("device")
        elsewhere = None if target is None or torch.device(target).type == NAME else torch.device(target)
        if func is _aten._local_scalar_dense.default or (elsewhere is not None and elsewhere.type == "cpu"):
            usage.to_cpu += 1
        inputs = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if any(tensor.ndim and not isinstance(tensor, cls) for tensor in inputs):
            raise RuntimeError(f"Expected all tensors to be on the same device, found {NAME} and cpu: {func}")
        wrappers = {id(tensor.values): tensor for tensor in inputs if isinstance(tensor, cls)}
        if target is not None:
            kwargs["device"] = elsewhere or torch.device("cpu")
        args, kwargs = pytree.tree_map_only(cls, lambda tensor: tensor.values, (args, kwargs))
        found = func(*args, **kwargs)
        if elsewhere is not None:
            return found
        # What is changed in place is returned itself.
        return pytree.tree_map_only(
            Tensor, lambda tensor: wrappers[id(tensor)] if id(tensor) in wrappers else cls(tensor), found
        )

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.cpu().__reduce_ex__(protocol)


def _copy(target: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
    if not isinstance(source, _OnDevice):
        usage.to_device += 1
    if not isinstance(target, _OnDevice):
        usage.to_cpu += 1
    if non_blocking:
        raise RuntimeError(f"{NAME} would read memory that may be freed before the copy is done")
    one, other = (each.values if isinstance(each, _OnDevice) else each for each in (target, source))
    one.copy_(other)
    return target


@cache
def register() -> torch.library.Library | None:
    """Make torch know the device, once in a process; None if it knows no backends written in Python."""
    if _setup_privateuseone_for_python_backend is None:
        return None
    _setup_privateuseone_for_python_backend(NAME)
    library = torch.library.Library("aten", "IMPL")

    def empty(size: Any, dtype: Any = None, memory_format: Any = None, **_: Any) -> Tensor:
        return _OnDevice(
            torch.empty(size, dtype=dtype, memory_format=memory_format or torch.contiguous_format)
        )

    def empty_strided(size: Any, stride: Any, dtype: Any = None, **_: Any) -> Tensor:
        return _OnDevice(torch.empty_strided(size, stride, dtype=dtype))

    library.impl("empty.memory_format", empty, "PrivateUse1")
    library.impl("empty_strided", empty_strided, "PrivateUse1")
    return library


@contextmanager
def second_device(max_elements: int | None = None) -> Iterator[Usage]:
    """Count what happens on the device in the block, whose tensors have at most `max_elements`."""
    global usage
    if register() is None:
        pytest.skip("this torch has no backends written in Python")
    before, usage = usage, Usage(max_elements=max_elements)
    try:
        yield usage
    finally:
        usage = before
