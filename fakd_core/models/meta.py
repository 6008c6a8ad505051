"""Copies of a network at hand: without storage, on the CPU, or sharing its tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def meta_copy(network: Network) -> Network:
    """Copy `network` to torch's meta device, without storage and without hooks.

    The network at hand is copied rather than built again from its sizes, which would read an external one's
    file again. Raises whatever a network of other code raises that can't be copied.
    """
    return _copy(network, lambda tensor: nn.Parameter(tensor.detach().to("meta"), requires_grad=False))


def shared_copy(network: Network) -> Network:
    """Copy the modules of `network`, without hooks, but not its tensors, which both have."""
    return _copy(network, lambda tensor: tensor)


def cpu_copy(network: Network) -> Network:
    """Copy `network` to the CPU, with its hooks; the one at hand may be in use elsewhere."""
    memo: dict[int, Any] = {id(weight): _on_cpu(weight) for weight in network.parameters()}
    memo |= {id(buffer): buffer.cpu() for buffer in network.buffers()}
    return copy.deepcopy(network, memo)


def _on_cpu(weight: nn.Parameter) -> nn.Parameter:
    return nn.Parameter(weight.detach().cpu(), requires_grad=weight.requires_grad)


def storage_key(storage: torch.UntypedStorage) -> int:
    """A number that is the same for all tensors over `storage`, while it lives."""
    # Not public: torch keeps one Python object per storage, too.
    return int(getattr(storage, "_cdata", id(storage)))


def _copy(network: Network, copy_tensor: Callable[[Tensor], Tensor]) -> Network:
    tensors = [*network.parameters(), *network.buffers()]
    memo: dict[int, Any] = {id(tensor): copy_tensor(tensor) for tensor in tensors}
    copied = copy.deepcopy(network, memo)
    for module in copied.modules():
        for name in ("_forward_hooks", "_forward_pre_hooks"):
            getattr(module, name, {}).clear()
    return copied
