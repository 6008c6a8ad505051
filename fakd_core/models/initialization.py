"""Weights that a seed alone decides, whatever other threads draw meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from fakd_core.errors import ConfigError
from fakd_core.models.factory import find_architecture
from fakd_core.models.layers import SRNetwork

_DRAWING = frozenset(
    {"bernoulli_", "exponential_", "normal_", "random_", "uniform_"}
    | {"bernoulli", "multinomial", "normal", "poisson", "rand", "randint", "randn", "randperm"}
    # torch hands this one over whole, rather than what it draws.
    | {"kaiming_uniform_"}
)


class Seeded(TorchFunctionMode):
    """Within it, this thread draws from a generator of its own, on the CPU, that begins at `seed`.

    torch's default generator belongs to the process: another thread that makes a network at the same time
    would take numbers out of the row. The numbers are those that `torch.manual_seed(seed)` leads to.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._generator = torch.Generator().manual_seed(seed)

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if getattr(function, "__name__", "") in _DRAWING and given.get("generator") is None:
            given["generator"] = self._generator
        return function(*args, **given)


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
    counterpart = find_architecture(ours.architecture).counterpart
    source = teacher.state_dict()
    copied = 0
    with torch.no_grad():
        for key, tensor in student.state_dict().items():
            origin = source.get(counterpart(key, ours, theirs))
            if origin is not None and origin.shape == tensor.shape:
                tensor.copy_(origin)
                copied += 1
    return copied
