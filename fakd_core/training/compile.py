"""Networks' forward passes, compiled by torch where that is asked for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fakd_core.errors import ConfigError
from fakd_core.models.external.network import SpandrelNetwork
from fakd_core.models.layers import FeatureMaps, SRNetwork

FeaturePass = Callable[[Tensor], tuple[Tensor, FeatureMaps]]


def maybe_compile(network: SRNetwork, compiled: bool) -> FeaturePass:
    """`network.forward_features`, compiled at its first call if `compiled`.

    The network itself stays as it is: its keys are the same, and called otherwise, as for validation
    images of all sizes, it is not compiled. A foreign network, whose maps are caught by hooks, never is.

    Raises:
        ConfigError: when called, if torch can't compile here.
    """
    if not compiled or isinstance(network, SpandrelNetwork):
        return network.forward_features
    # Imported only where it is needed: it takes seconds.
    from torch._dynamo.exc import TorchDynamoException

    compiled_pass = torch.compile(network.forward_features, dynamic=False)

    def forward(lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        try:
            return compiled_pass(lr)
        except TorchDynamoException as error:
            reason = str(error).strip().splitlines()[0]
            raise ConfigError(f"torch can't compile the networks here: {reason}; drop --compile") from error

    return forward
