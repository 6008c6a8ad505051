"""Compiling the networks' forward passes with torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from fakd_core.errors import ConfigError, first_line
from fakd_core.models.external.network import SpandrelNetwork
from fakd_core.models.layers import FeatureMaps, SRNetwork

FeaturePass = Callable[[Tensor], tuple[Tensor, FeatureMaps]]


def maybe_compile(network: SRNetwork, compiled: bool) -> FeaturePass:
    """`network.forward_features`, compiled at its first call if `compiled`.

    The network itself is not changed: its keys stay the same, and other calls, such as those for validation
    images of many sizes, run uncompiled. External networks, whose maps come from hooks, are never compiled.

    Raises:
        ConfigError: At the first call, if torch can't compile here.
    """
    if not compiled or isinstance(network, SpandrelNetwork):
        return network.forward_features
    # Imported on demand: it takes seconds.
    from torch._dynamo.exc import TorchDynamoException

    # Older versions of torch warn of what they leave uncompiled.
    warnings.filterwarnings("ignore", "Graph break", UserWarning)
    compiled_pass = torch.compile(network.forward_features, dynamic=False)

    def forward(lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        try:
            return compiled_pass(lr)
        except TorchDynamoException as error:
            # Older versions of torch wrap the reason in lines of their own.
            reason = first_line(getattr(error, "inner_exception", error))
            raise ConfigError(f"torch can't compile the networks here: {reason}; drop --compile") from error

    return forward
