"""Looks at a token inside torch's work: a network's pass can take longer than a person waits for Stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fakd_core.events import CancelToken

MULTIPLICATIONS = 4 * 10**9
"""What is computed between two looks: a tenth of a second on a slow core."""


@contextmanager
def cancellable(cancel: CancelToken | None, *learning: nn.Module) -> Iterator[None]:
    """Look at `cancel` before every operation of torch in the block, on this thread.

    Large convolutions that need no gradient are made piece by piece, with the same result. In a backward
    pass it is looked at whenever a gradient of one of the `learning` networks is known. The block must not
    contain a `yield`, nor call a compiled network.

    Raises:
        Cancelled: `cancel` was cancelled. Gradients are then to be thrown away; weights are as they were.
    """
    token = cancel or CancelToken()

    def look(_gradient: Tensor) -> None:
        token.check()

    learned = [weights for network in learning for weights in network.parameters() if weights.requires_grad]
    hooks = [weights.register_hook(look) for weights in learned]  # type: ignore[no-untyped-call]
    try:
        with _Watch(token):
            yield
    finally:
        for hook in hooks:
            hook.remove()


class _Watch(TorchFunctionMode):
    def __init__(self, token: CancelToken) -> None:
        super().__init__()
        self._token = token

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        # What takes no tensor sets a mode of torch: one that is being left must be left.
        if args and isinstance(args[0], Tensor):
            self._token.check()
        if func is torch.conv2d and not kwargs and _can_be_cut(*args):
            return self._in_pieces(*args)
        return func(*args, **(kwargs or {}))

    def _in_pieces(self, images: Tensor, weights: Tensor, *rest: Any) -> Tensor:
        """The convolution of one image after the other, in strips of rows."""
        count, _, height, width = images.shape
        around = weights.shape[2] // 2
        rows = max(1, MULTIPLICATIONS // (width * weights.numel()))
        result: Tensor | None = None
        for number in range(count):
            for top in range(0, height, rows):
                self._token.check()
                end = min(height, top + rows)
                first = max(0, top - around)
                seen = images[number : number + 1, :, first : min(height, end + around)]
                piece = torch.conv2d(seen, weights, *rest)[:, :, top - first : end - first]
                if result is None:
                    result = _room_for(piece, (count, weights.shape[0], height, width))
                result[number : number + 1, :, top:end] = piece
        assert result is not None
        return result


def _can_be_cut(
    images: Tensor,
    weights: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> bool:
    """Whether this convolution is a long one on the CPU whose result has its input's size."""
    side = weights.shape[-1]
    square = side % 2 == 1 and weights.shape[2:] == (side, side)
    same_size = square and padding in ((side // 2, side // 2), side // 2)
    plain = stride in (1, (1, 1)) and dilation in (1, (1, 1)) and groups == 1
    inputs = (images, weights) if bias is None else (images, weights, bias)
    no_gradient = not torch.is_grad_enabled() or not any(tensor.requires_grad for tensor in inputs)
    return (
        images.device.type == "cpu"
        and images.ndim == 4
        and same_size
        and plain
        and no_gradient
        and images.shape[0] * images.shape[2] * images.shape[3] * weights.numel() > 2 * MULTIPLICATIONS
    )


def _room_for(piece: Tensor, shape: Sequence[int]) -> Tensor:
    rows_last = piece.stride(1) == 1 and piece.shape[1] > 1
    layout = torch.channels_last if rows_last else torch.contiguous_format
    return torch.empty(shape, dtype=piece.dtype, device=piece.device, memory_format=layout)
