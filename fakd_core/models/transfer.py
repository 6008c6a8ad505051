"""Starting a student from its teacher's layers."""

from __future__ import annotations

import torch

from fakd_core.errors import ConfigError
from fakd_core.models.architectures import REGISTRY
from fakd_core.models.layers import SRNetwork


def copy_matching_layers(student: SRNetwork, teacher: SRNetwork) -> int:
    """Copy the teacher's weights into the layers the student has too; how many tensors were copied.

    Head, tail and body convolution are taken as they are; of the residual groups, evenly spaced ones with
    their first blocks and closing convolution. Weights without a counterpart of equal shape stay.
    Raises `ConfigError` unless both are the same architecture with the same number of features.
    """
    ours, theirs = student.spec, teacher.spec
    if (ours.architecture, ours.n_feats) != (theirs.architecture, theirs.n_feats):
        raise ConfigError(
            "a student starts from its teacher only if architecture and n_feats are the same: "
            f"student {ours.architecture} with {ours.n_feats}, "
            f"teacher {theirs.architecture} with {theirs.n_feats}"
        )
    counterpart = REGISTRY.get(ours.architecture).counterpart
    source = teacher.state_dict()
    copied = 0
    with torch.no_grad():
        for key, tensor in student.state_dict().items():
            origin = source.get(counterpart(key, ours, theirs))
            if origin is not None and origin.shape == tensor.shape:
                tensor.copy_(origin)
                copied += 1
    return copied
