"""Initial weights of a student: from a seed, or copied from its teacher."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from fakd_core.errors import ConfigError
from fakd_core.models.factory import create_model, find_architecture
from fakd_core.models.layers import SRNetwork, Upsampler
from fakd_core.models.seen_images import merge_seen

_RANDOM_FUNCTIONS = frozenset(
    {"bernoulli_", "exponential_", "normal_", "random_", "uniform_"}
    | {"bernoulli", "multinomial", "normal", "poisson", "rand", "randint", "randn", "randperm"}
    # torch passes this function to the mode itself, rather than the ones that it calls.
    | {"kaiming_uniform_"}
)


class Seeded(TorchFunctionMode):
    """A block in which this thread's random numbers come from a CPU generator of its own, seeded with `seed`.

    They are those after `torch.manual_seed(seed)`. But torch's default generator belongs to the process, and
    another thread that makes a network at the same time would advance it.
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
        arguments = dict(kwargs or {})
        if getattr(function, "__name__", "") in _RANDOM_FUNCTIONS and arguments.get("generator") is None:
            arguments["generator"] = self._generator
        return function(*args, **arguments)


def copy_matching_layers(student: SRNetwork, teacher: SRNetwork) -> int:
    """Copy the teacher's weights into the student's matching layers, and return the number of tensors copied.

    Head, tail and body convolution are copied, and evenly spaced residual groups with their first blocks and
    closing convolutions. Weights without a counterpart of equal shape keep their values.

    Raises:
        ConfigError: architecture or number of features differ.
    """
    ours, theirs = student.spec, teacher.spec
    if (ours.architecture, ours.n_feats) != (theirs.architecture, theirs.n_feats):
        raise ConfigError(
            "a student can be initialised from its teacher only if architecture and n_feats are the same: "
            f"student {ours.architecture} with {ours.n_feats}, "
            f"teacher {theirs.architecture} with {theirs.n_feats}"
        )
    counterpart = find_architecture(ours.architecture).counterpart
    source = teacher.state_dict()
    copied = 0
    with torch.no_grad():
        for key, tensor in student.state_dict().items():
            original = source.get(counterpart(key, ours, theirs))
            if original is not None and original.shape == tensor.shape:
                tensor.copy_(original)
                copied += 1
    student.seen_images = merge_seen(student.seen_images, teacher.seen_images)
    return copied


def change_scale(network: SRNetwork, scale: int, seed: int) -> tuple[SRNetwork, int]:
    """Make a network like `network` for another `scale`, with all its weights but those of the upsampler.

    The upsampler's are random, from `seed`.

    Returns:
        The new network, and the number of tensors that were copied.
    """
    spec = network.spec
    with Seeded(seed):
        changed = create_model(type(spec).build(**{**spec.model_dump(), "scale": scale}))
    upsamplers = [name for name, module in changed.named_modules() if isinstance(module, Upsampler)]
    source = network.state_dict()
    copied = 0
    with torch.no_grad():
        for key, tensor in changed.state_dict().items():
            original = source.get(key)
            is_new = any(key.startswith(f"{name}.") for name in upsamplers)
            if original is not None and original.shape == tensor.shape and not is_new:
                tensor.copy_(original)
                copied += 1
    changed.seen_images = network.seen_images
    return changed, copied
