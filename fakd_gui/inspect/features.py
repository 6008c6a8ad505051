"""Feature maps and affinity rows for the inspector. No Qt; runs in jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken, Image8
from fakd_gui.convert import array_from_tensor
from fakd_gui.opened_image import OpenedImage

if TYPE_CHECKING:
    from torch import Tensor

    from fakd_core.models import SRNetwork

MAX_SIDE = 256
"""A larger LR image is inspected in a window of this side around the query.

Four maps of 64 channels are 67 MB then.
"""

MAX_LOSS_POSITIONS = 128 * 128
"""The SA loss of the whole window costs positions² · channels; above this it takes many seconds."""

Row = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """The part of the LR image whose feature maps are held, in LR pixels."""

    top: int
    left: int
    height: int
    width: int

    def holds(self, y: int, x: int) -> bool:
        return 0 <= y - self.top < self.height and 0 <= x - self.left < self.width


@dataclass(frozen=True)
class Features:
    """One model's output and its four maps (C, h, w) over `window`."""

    model: SRNetwork = field(repr=False)
    window: Window
    sr: Image8 = field(repr=False)
    maps: tuple[Tensor, ...] = field(repr=False)

    @property
    def tap_names(self) -> tuple[str, ...]:
        return self.model.spec.tap_names


def window_around(lr_size: tuple[int, int], y: int, x: int) -> Window:
    """The whole image of `lr_size` (height, width) if it is small, else the window centred on (y, x)."""
    height, width = (min(size, MAX_SIDE) for size in lr_size)
    top = min(max(0, y - height // 2), lr_size[0] - height)
    left = min(max(0, x - width // 2), lr_size[1] - width)
    return Window(top, left, height, width)


def extract(model: SRNetwork, image: OpenedImage, window: Window, token: CancelToken, name: str) -> Features:
    """Run `model` once on `window` of the LR image.

    Raises `ConfigError` for a model of another scale, `Cancelled` between two layers.
    """
    import torch

    from fakd_core.inference import image_from_tensor, stoppable, tensor_from_image

    if model.spec.scale != image.scale:
        raise ConfigError(
            f"{name} enlarges by {model.spec.scale}, but the image was opened for x{image.scale}; "
            f"choose a model for x{image.scale}"
        )
    rows = slice(window.top, window.top + window.height)
    columns = slice(window.left, window.left + window.width)
    lr = tensor_from_image(image.lr[rows, columns], next(model.parameters()).device)
    with torch.inference_mode(), stoppable(model, token):
        sr, maps = model.forward_features(lr)
    # Channels first in memory: a row of affinities then is one pass over contiguous planes.
    planes = tuple(feature_map[0].float().cpu().contiguous() for feature_map in maps)
    return Features(model, window, image_from_tensor(sr), planes)


def affinity_rows(features: Mapping[str, Features], layer: int, y: int, x: int) -> dict[str, Row]:
    """The affinity of the LR pixel (y, x) to every pixel of the window, (h, w) in -1..1, by model."""
    from fakd_core.affinity import affinity_row

    return {
        key: array_from_tensor(affinity_row(held.maps[layer], y - held.window.top, x - held.window.left))
        for key, held in features.items()
    }


def affinity_loss(teacher: Features, student: Features, layer: int) -> float | None:
    """The SA loss (unweighted) of one layer over the window; None where it would take too long."""
    import torch

    from fakd_core.affinity import spatial_affinity_loss

    if teacher.window.height * teacher.window.width > MAX_LOSS_POSITIONS:
        return None
    with torch.inference_mode():
        return float(spatial_affinity_loss(student.maps[layer][None], teacher.maps[layer][None]))
