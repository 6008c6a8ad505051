"""Polling a cancel token within torch operations: a network's pass may take longer than a user waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fakd_core.events import CancelToken
from fakd_core.runtime.turns import holds_turn

MAX_MULTIPLICATIONS = 4 * 10**9
"""Multiplications of a convolution between two polls: a tenth of a second on a slow core."""


@contextmanager
def cancellable(cancel: CancelToken | None, *trained: nn.Module) -> Iterator[None]:
    """Poll `cancel` before every operation of torch in the block, on this thread.

    Large convolutions without gradient are computed in pieces, with the same result. A backward pass polls
    whenever the gradient of a parameter of the `trained` networks is complete. The block must not contain a
    `yield`, nor call a compiled network. Within a `turn` on a GPU it doesn't pause: others wait for that.

    Raises:
        Cancelled: `cancel` was cancelled. Gradients must be discarded then; weights are unchanged.
    """
    token = cancel or CancelToken()
    check = token.raise_if_cancelled if holds_turn() else token.check

    def poll(_gradient: Tensor) -> None:
        check()

    parameters = [weights for network in trained for weights in network.parameters() if weights.requires_grad]
    hooks = [weights.register_hook(poll) for weights in parameters]  # type: ignore[no-untyped-call]
    try:
        with _PollingMode(check):
            yield
    finally:
        for hook in hooks:
            hook.remove()


class _PollingMode(TorchFunctionMode):
    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__()
        self._check = check

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        # Functions without a tensor set modes of torch: leaving a mode must not be interrupted.
        if args and isinstance(args[0], Tensor):
            self._check()
        if func is torch.conv2d and not kwargs and _can_be_split(*args):
            return self._convolve_in_pieces(*args)
        return func(*args, **(kwargs or {}))

    def _convolve_in_pieces(self, images: Tensor, weights: Tensor, *rest: Any) -> Tensor:
        """Convolve one image after the other, in strips of rows."""
        count, _, height, width = images.shape
        border = weights.shape[2] // 2
        rows = max(1, MAX_MULTIPLICATIONS // (width * weights.numel()))
        result: Tensor | None = None
        for index in range(count):
            for top in range(0, height, rows):
                self._check()
                end = min(height, top + rows)
                first = max(0, top - border)
                strip = images[index : index + 1, :, first : min(height, end + border)]
                piece = torch.conv2d(strip, weights, *rest)[:, :, top - first : end - first]
                if result is None:
                    result = _empty_like(piece, (count, weights.shape[0], height, width))
                result[index : index + 1, :, top:end] = piece
        assert result is not None
        return result


def _can_be_split(
    images: Tensor,
    weights: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> bool:
    """Check for a long convolution on the CPU, without gradient, whose output has the size of its input."""
    side = weights.shape[-1]
    square = side % 2 == 1 and weights.shape[2:] == (side, side)
    same_size = square and padding in ((side // 2, side // 2), side // 2)
    dense = stride in (1, (1, 1)) and dilation in (1, (1, 1)) and groups == 1
    inputs = (images, weights) if bias is None else (images, weights, bias)
    no_gradient = not torch.is_grad_enabled() or not any(tensor.requires_grad for tensor in inputs)
    return (
        images.device.type == "cpu"
        and images.ndim == 4
        and same_size
        and dense
        and no_gradient
        and images.shape[0] * images.shape[2] * images.shape[3] * weights.numel() > 2 * MAX_MULTIPLICATIONS
    )


def _empty_like(piece: Tensor, shape: Sequence[int]) -> Tensor:
    """An empty tensor of `shape` in the memory format of `piece`."""
    channels_last = piece.stride(1) == 1 and piece.shape[1] > 1
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty(shape, dtype=piece.dtype, device=piece.device, memory_format=memory_format)
