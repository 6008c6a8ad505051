"""The difference of two models' outputs, image by image, to look at the largest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fakd_core.errors import FakdError
from fakd_core.evaluation.metrics import mae_y
from fakd_core.events import CancelToken, Image8

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork


@dataclass(frozen=True)
class ImageDifference:
    """The mean absolute luma difference of two outputs for `path`, in grey levels.

    It is None with a `reason` if the image can't be read or upscaled.
    """

    path: Path
    mean: float | None
    reason: str = ""


def measure_differences(
    paths: Iterable[Path],
    models: tuple[SRNetwork, SRNetwork],
    *,
    read_lr: Callable[[Path], Image8],
    token: CancelToken,
) -> Iterator[ImageDifference]:
    """Upscale the image of each path with both models and measure how far the outputs are apart.

    `read_lr` reads the (H, W, 3) uint8 LR image of a path; a `FakdError` becomes the image's reason and the
    others follow. Raises `Cancelled` once `token` is cancelled.
    """
    from fakd_core.inference.upscale import upscale

    for path in paths:
        token.check()
        try:
            lr = read_lr(path)
            first, second = (upscale(model, lr, cancel=token) for model in models)
            mean = mae_y(first, second, cancel=token)
        except FakdError as error:
            yield ImageDifference(path, None, str(error))
        else:
            yield ImageDifference(path, mean)
