"""What a network costs: parameters and multiply-accumulates, without running it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from fakd_core.config import ModelSpec
from fakd_core.errors import ConfigError
from fakd_core.models import SRNetwork, create_model

PAPER_LR_SIZE = (36, 64)
"""Height and width of the LR input for which the papers' GMACs hold."""


@dataclass(frozen=True)
class Profile:
    """`gmacs` are 10⁹ multiply-accumulates for one LR image of `lr_size` (height, width)."""

    parameters: int
    gmacs: float
    lr_size: tuple[int, int]


def profile(model: SRNetwork | ModelSpec, lr_size: tuple[int, int] = PAPER_LR_SIZE) -> Profile:
    """Count a network's parameters and its GMACs for an LR input of `lr_size`.

    A copy without storage is profiled, on torch's meta device: no weights are made and nothing is
    computed, so the largest network takes well under a second. GMACs are half of what torch's FLOP
    counter gives: convolutions and matrix products, not activations and additions. SAN's attention is
    among them, which the counter misses in a real pass on a CPU.

    Raises `ConfigError` for a size below 1x1, or absurdly large.
    """
    height, width = lr_size
    if height < 1 or width < 1:
        raise ConfigError(f"the LR size must be at least 1x1 (found {height}x{width})")
    spec = model if isinstance(model, ModelSpec) else model.spec
    # With gradients on, networks compute layer by layer as published; without, they may merge layers.
    device = torch.device(spec.shadow_device)
    with device, torch.enable_grad(), FlopCounterMode(display=False) as counter:
        try:
            shadow = create_model(spec).eval()
            shadow(torch.empty(1, 3, height, width))
        except RuntimeError:
            raise ConfigError(
                f"{height}x{width} LR pixels with {spec.n_feats} features are more than can be counted"
            ) from None
    parameters = sum(parameter.numel() for parameter in shadow.parameters())
    return Profile(parameters, counter.get_total_flops() / 2 / 1e9, lr_size)
