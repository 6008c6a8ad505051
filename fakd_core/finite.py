"""Networks whose output is no image: an infinite or NaN pixel would be written as a black or white one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fakd_core.errors import CheckpointError

if TYPE_CHECKING:
    import torch

    from fakd_core.models import SRNetwork


@contextmanager
def finite_outputs(model: SRNetwork, name: str) -> Iterator[None]:
    """Look at what `model` gives inside the block, on this thread.

    Raises `CheckpointError`, which calls the model `name`, where a pixel is infinite or NaN.
    """
    worker = threading.get_ident()

    def look(_model: torch.nn.Module, _inputs: tuple[Any, ...], sr: torch.Tensor) -> None:
        # Another thread may use the same network; its images are none of this one's business.
        if threading.get_ident() == worker and not bool(sr.isfinite().all()):
            raise CheckpointError(
                f"{name}: expected an image, found infinite or NaN pixels; "
                "its weights are damaged or diverged, take another checkpoint"
            )

    handle = model.register_forward_hook(look)
    try:
        yield
    finally:
        handle.remove()
