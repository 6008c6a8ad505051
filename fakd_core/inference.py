"""Upscaling whole images with a network: in one piece where it fits, in blended tiles where not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken, Image8, Progress
from fakd_core.images import imresize_bicubic

if TYPE_CHECKING:
    from fakd_core.models import SRNetwork

OnProgress = Callable[[Progress], None]

OVERLAP = 32
"""LR pixels that a tile sees beyond the part it is responsible for."""

BLEND = 16
"""LR pixels, centred on a seam, over which one tile fades into the next."""

MIN_TILE = 2 * OVERLAP + 2 * BLEND
DEFAULT_TILE = 256

# The largest feature map is n_feats channels at the output size; an EDSR or RCAN of 64 features
# reaches this limit at x4 for an LR image of 512x512.
_WHOLE_IMAGE_BYTES = 1 << 30


def upscale(
    model: SRNetwork,
    img: Image8,
    tile: int | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelToken | None = None,
) -> Image8:
    """Enlarge (H, W, 3) uint8 RGB to (H·scale, W·scale, 3) uint8 with `model`, on the model's device.

    `tile` is the side in LR pixels of the square the network sees at once; None takes the whole image
    while its largest feature map stays below 1 GiB, else tiles of 256. Each tile sees 32 pixels beyond
    its part, and neighbours fade into one another over 16 pixels around the seam, so that every pixel
    kept has at least 24 pixels of context: a network whose receptive field reaches no farther gives
    exactly its whole-image result. Networks with global pooling (RCAN, SAN) see each tile's statistics
    instead of the image's, hence the fade; published scores are of whole images.

    Only a strip of one row of tiles is held as floats. `on_progress` counts tiles. Raises `ConfigError`
    for a tile below 96, `Cancelled` once `cancel` is cancelled (looked at before every layer).
    """
    if img.ndim != 3 or img.shape[2] != 3 or img.dtype != np.uint8 or img.size == 0:
        raise DataError(f"expected an (H, W, 3) uint8 RGB image, found shape {img.shape} of {img.dtype}")
    if tile is not None and tile < MIN_TILE:
        raise ConfigError(
            f"tile must be at least {MIN_TILE} LR pixels (it overlaps by {OVERLAP}), found {tile}"
        )
    height, width = img.shape[:2]
    side = tile or (max(height, width) if _fits_whole(model, height, width) else DEFAULT_TILE)
    rows, columns = _cut(height, side), _cut(width, side)
    scale = model.spec.scale
    result = np.empty((height * scale, width * scale, 3), dtype=np.uint8)
    done, total = 0, len(rows) * len(columns)
    tail: npt.NDArray[np.float32] | None = None
    with stoppable(model, cancel):
        for row in rows:
            strip = np.empty(((row.keep_end - row.keep_start) * scale, width * scale, 3), dtype=np.float32)
            for column in columns:
                if cancel is not None:
                    cancel.raise_if_cancelled()
                piece = _run(model, img, row, column)
                start = column.keep_start * scale
                if column.keep_start:
                    _fade_in(strip[:, start : start + BLEND * scale].swapaxes(0, 1), piece.swapaxes(0, 1))
                strip[:, start : start + piece.shape[1]] = piece
                done += 1
                if on_progress is not None:
                    on_progress(Progress(done, total, "tiles"))
            if tail is not None:
                _fade_in(tail, strip)
            # The last rows wait for the next strip, which fades in over them.
            settled = len(strip) - (BLEND * scale if row.end < height else 0)
            tail = strip[settled:].copy()
            start = row.keep_start * scale
            result[start : start + settled] = _to_uint8(torch.from_numpy(strip[:settled]))
    return result


def bicubic_upscale(img: Image8, scale: int) -> Image8:
    """MATLAB's bicubic enlargement of (H, W, 3) uint8: the baseline of every table."""
    return imresize_bicubic(img, scale)


def tensor_from_image(img: Image8, device: torch.device | str = "cpu") -> torch.Tensor:
    """(H, W, 3) uint8 as a (1, 3, H, W) float32 tensor in 0..255, channels last (faster convolutions)."""
    tensor = torch.from_numpy(np.ascontiguousarray(img)).to(device).permute(2, 0, 1).unsqueeze(0)
    return tensor.to(torch.float32, memory_format=torch.channels_last)


def image_from_tensor(sr: torch.Tensor) -> Image8:
    """(3, H, W) or (1, 3, H, W) of any float type as (H, W, 3) uint8: clipped, rounded half to even."""
    planes = sr.detach().squeeze(0) if sr.ndim == 4 else sr.detach()
    if planes.ndim != 3 or planes.shape[0] != 3:
        raise DataError(f"expected a (3, H, W) or (1, 3, H, W) tensor, found {tuple(sr.shape)}")
    return np.ascontiguousarray(_to_uint8(planes.permute(1, 2, 0)))


@dataclass(frozen=True)
class _Span:
    """One tile along one axis, in LR pixels: responsible for start..end, keeps and sees more."""

    start: int
    end: int
    keep_start: int
    keep_end: int
    see_start: int
    see_end: int


def _cut(size: int, tile: int) -> list[_Span]:
    """Even parts whose tiles, overlap included, are at most `tile` long."""
    parts = 1 if size <= tile else -(-size // (tile - 2 * OVERLAP))
    cuts = [size * part // parts for part in range(parts + 1)]
    half = BLEND // 2
    return [
        _Span(
            start,
            end,
            start - half if start else 0,
            end + half if end < size else size,
            max(0, start - OVERLAP),
            min(size, end + OVERLAP),
        )
        for start, end in pairwise(cuts)
    ]


def _run(model: SRNetwork, img: Image8, row: _Span, column: _Span) -> npt.NDArray[np.float32]:
    """The kept part of one tile's output, (h, w, 3) float."""
    seen = img[row.see_start : row.see_end, column.see_start : column.see_end]
    with torch.inference_mode():
        sr = model(tensor_from_image(seen, next(model.parameters()).device))[0]
    scale = model.spec.scale
    top, left = (row.keep_start - row.see_start) * scale, (column.keep_start - column.see_start) * scale
    bottom, right = (row.keep_end - row.see_start) * scale, (column.keep_end - column.see_start) * scale
    kept: npt.NDArray[np.float32] = sr[:, top:bottom, left:right].permute(1, 2, 0).float().cpu().numpy()
    return kept


def _fade_in(old: npt.NDArray[np.float32], new: npt.NDArray[np.float32]) -> None:
    """Make the first len(old) rows of `new` a fade from `old` to `new`; equal inputs stay equal."""
    length = len(old)
    weights = ((np.arange(length, dtype=np.float32) + 0.5) / length)[:, None, None]
    new[:length] = old + (new[:length] - old) * weights


def _to_uint8(values: torch.Tensor) -> Image8:
    result: Image8 = values.clamp(0, 255).round().to(torch.uint8).cpu().numpy()
    return result


def _fits_whole(model: SRNetwork, height: int, width: int) -> bool:
    return height * width * model.spec.scale**2 * model.spec.n_feats * 4 <= _WHOLE_IMAGE_BYTES


@contextmanager
def stoppable(model: SRNetwork, cancel: CancelToken | None) -> Iterator[None]:
    """Look at `cancel` before every layer: one forward pass can take longer than a person waits for Stop.

    `Cancelled` is raised inside the block, for passes on this thread only.
    """
    if cancel is None:
        yield
        return
    worker = threading.get_ident()

    def look(_layer: torch.nn.Module, _inputs: tuple[Any, ...]) -> None:
        # Another thread may use the same network; this token is none of its business.
        if threading.get_ident() == worker:
            cancel.raise_if_cancelled()

    handles = [layer.register_forward_pre_hook(look) for layer in model.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
