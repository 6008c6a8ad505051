"""Weights that a seed alone decides, whatever other threads draw meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

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
