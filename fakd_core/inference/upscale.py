"""Enlarges images with a network: at once if memory allows, otherwise in blended tiles."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from fakd_core.errors import CheckpointError, DataError
from fakd_core.events import CancelToken, Image8, Progress
from fakd_core.inference.tiling import DEFAULT_TILE, MIN_TILE, Floats, Span, Tiling, check_tile, cut, fade_in
from fakd_core.models.cost import activation_bytes, device_of
from fakd_core.models.meta import cpu_copy
from fakd_core.runtime.cancellation import cancellable
from fakd_core.runtime.cpu_tuning import mmap_zeros, retain_freed_memory
from fakd_core.runtime.device import copy_to, describe_device, is_out_of_memory, with_sound_kernels
from fakd_core.runtime.turns import turn

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork

MAX_ACTIVATION_BYTES = 3 << 30
"""Memory of one forward pass. A constant rather than what is free now, so that every machine gives the same
result. Every DIV2K validation image passes at once through the published networks of 64 features at x4."""

MAX_RESULT_BYTES = 4 << 30
"""Memory of a result in one array."""


@dataclass(frozen=True, eq=False)
class Tile:
    """A tile's result before its seams are blended: (h, w, 3) uint8 at (top, left), in SR pixels."""

    top: int
    left: int
    pixels: Image8 = field(repr=False)


@dataclass(frozen=True, eq=False)
class Strip:
    """The next rows of the result: (h, W·scale, 3) uint8."""

    pixels: Image8 = field(repr=False)


UpscaleEvent = Progress | Tile | Strip


def upscale(
    model: SRNetwork,
    img: Image8,
    *,
    tile: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: CancelToken | None = None,
) -> Image8:
    """Enlarge (H, W, 3) uint8 RGB to (H·scale, W·scale, 3) uint8 with `model`, in eval mode, on its device.

    Arguments and errors are those of `upscale_events`, whose strips this puts into one array; `on_progress`
    gets each `Progress`. Raises `DataError` for a result above 4 GiB, too.

    Example:
        >>> from fakd_core import load_model
        >>> from fakd_core.data.image_files import read_image
        >>> from fakd_core.inference.upscale import upscale
        >>> from fakd_core.data.folders import sample_images
        >>> lr = read_image(sample_images()[0])[:24, :32]
        >>> sr = upscale(load_model("rcan-g5-r1-c32-x4-fakd"), lr)
        >>> sr.shape, sr.dtype
        ((96, 128, 3), dtype('uint8'))
    """
    events = upscale_events(model, img, tile=tile, cancel=cancel)
    result, top = allocate_result(model, img), 0
    for event in events:
        if isinstance(event, Strip):
            result[top : top + len(event.pixels)] = event.pixels
            top += len(event.pixels)
        elif isinstance(event, Progress) and on_progress is not None:
            on_progress(event)
        # Free a strip before the next one is computed.
        del event
    return result


def allocate_result(model: SRNetwork, img: Image8) -> Image8:
    """Allocate an array for the strips of `img`'s result; raises `DataError` above 4 GiB."""
    height, width = (side * model.spec.scale for side in img.shape[:2])
    if height * width * 3 > MAX_RESULT_BYTES:
        raise DataError(
            f"expected a result of at most {MAX_RESULT_BYTES >> 30} GiB, found {width}x{height} pixels; "
            "use `fakd upscale`, which writes it strip by strip"
        )
    return np.empty((height, width, 3), dtype=np.uint8)


def upscale_events(
    model: SRNetwork,
    img: Image8,
    *,
    tile: int | None = None,
    cancel: CancelToken | None = None,
    show_tiles: bool = False,
) -> Iterator[UpscaleEvent]:
    """Yield the enlarged image from top to bottom in strips, and a `Progress` after each tile.

    Only one row of tiles is in memory. Each tile gets 32 pixels of margin, and neighbours are blended over 16
    pixels around the seam, so that every pixel has at least 24 pixels of context: a network with a smaller
    receptive field gives exactly its whole-image result. Networks with global pooling (RCAN, SAN) pool over
    the tile instead of the image, hence the blending; published scores are of whole images.

    If memory runs out, tiles of half the side continue after the last finished strip, at last on the CPU, and
    the `note` of a `Progress` says so.

    Args:
        model: the network, in eval mode.
        img: (H, W, 3) uint8 RGB.
        tile: side of a tile in LR pixels; None for the whole image if one pass needs at most 3 GiB, otherwise
            256, or less for the widest networks.
        cancel: checked in every layer.
        show_tiles: also yield each `Tile` once it is computed.

    Raises:
        ConfigError: `tile` is below 96.
        DataError: `img` is no such array, or even tiles of 96 need too much memory.
        Cancelled: `cancel` was cancelled.
    """
    if img.ndim != 3 or img.shape[2] != 3 or img.dtype != np.uint8 or img.size == 0:
        raise DataError(f"expected an (H, W, 3) uint8 RGB image, found shape {img.shape} of {img.dtype}")
    check_tile(tile)
    with cancellable(cancel):
        tiling = Tiling(tile or fitting_side(model, *img.shape[:2]))
    return TiledPass(model, img, tiling, cancel, show_tiles).events()


def tensor_from_image(img: Image8, device: torch.device | str = "cpu") -> torch.Tensor:
    """Convert (H, W, 3) uint8 to a (1, 3, H, W) float32 tensor in 0..255, channels last."""
    return tensor_from_images(np.ascontiguousarray(img)[None], device)


def tensor_from_images(images: Image8, device: torch.device | str) -> torch.Tensor:
    """Convert (B, H, W, 3) uint8 to a (B, 3, H, W) float32 tensor in 0..255, channels last.

    The memory layout stays the same, and 8 bits per value are copied to the device.
    """
    planes = copy_to(torch.from_numpy(images), device).permute(0, 3, 1, 2)
    return planes.to(torch.float32, memory_format=torch.channels_last)


def image_from_tensor(sr: torch.Tensor) -> Image8:
    """Convert a (3, H, W) or (1, 3, H, W) float tensor to (H, W, 3) uint8: clipped, rounded half to even."""
    planes = sr.detach().squeeze(0) if sr.ndim == 4 else sr.detach()
    if planes.ndim != 3 or planes.shape[0] != 3:
        raise DataError(f"expected a (3, H, W) or (1, 3, H, W) tensor, found {tuple(sr.shape)}")
    return np.ascontiguousarray(_to_uint8(planes.permute(1, 2, 0)))


@dataclass(eq=False)
class TiledPass:
    """Enlarges one image tile by tile."""

    _model: SRNetwork
    _img: Image8
    _tiling: Tiling
    _cancel: CancelToken | None = None
    _show_tiles: bool = False
    _done = 0
    _total = 0

    def events(self) -> Iterator[UpscaleEvent]:
        """Yield what `upscale_events` does, for any tiling."""
        height, width = self._img.shape[:2]
        top, above = 0, None
        # All tiles need the same memory; a single pass would only keep more than it needs.
        tiled = max(height, width) > self._tiling.side
        with retain_freed_memory() if tiled else nullcontext():
            while top < height:
                rows, columns = cut(top, height, self._tiling), cut(0, width, self._tiling)
                done_before, self._total = self._done, self._done + len(rows) * len(columns)
                try:
                    strip, above = yield from self._row(rows[0], columns, above)
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                else:
                    top = rows[0].end
                    yield Strip(strip)
                    del strip
                    continue
                # The failed pass's tensors are free only here, without the error's traceback.
                self._done = done_before
                yield self._save_memory()

    def _row(
        self, row: Span, columns: list[Span], above: Floats | None
    ) -> Generator[UpscaleEvent, None, tuple[Image8, Floats]]:
        """Compute the finished rows of a row of tiles as uint8, and those to be blended with the next.

        `above` are the rows that the previous row of tiles left to be blended.
        """
        scale = self._model.spec.scale
        fade = self._tiling.blend * scale
        height, width = (row.keep_end - row.keep_start) * scale, columns[-1].end * scale
        finished = height - (fade if row.end < len(self._img) else 0)
        strip = mmap_zeros((finished, width, 3), np.uint8)
        below = mmap_zeros((height - finished, width, 3), np.float32)
        edge: Floats | None = None
        # The last columns of a tile wait likewise to be blended with its neighbour.
        for column in columns:
            piece = with_sound_kernels(partial(self._tile, row, column))
            if self._show_tiles:
                pixels = _to_uint8(torch.from_numpy(piece))
                yield Tile(row.keep_start * scale, column.keep_start * scale, pixels)
            if edge is not None:
                fade_in(edge, piece.swapaxes(0, 1))
            ready = piece.shape[1] - (fade if column.end * scale < width else 0)
            edge = piece[:, ready:].swapaxes(0, 1).copy()
            kept = slice(column.keep_start * scale, column.keep_start * scale + ready)
            if above is not None:
                fade_in(above[:, kept], piece[:, :ready])
            strip[:, kept] = _to_uint8(torch.from_numpy(piece[:finished, :ready]))
            below[:, kept] = piece[finished:, :ready]
            self._done += 1
            yield self._progress()
        return strip, below

    def _tile(self, row: Span, column: Span) -> Floats:
        """Compute one tile and return the part of its output that is used, (h, w, 3)."""
        visible = self._img[row.see_start : row.see_end, column.see_start : column.see_end]
        device, scale = device_of(self._model), self._model.spec.scale
        if self._cancel is not None:
            self._cancel.check()
        top, left = (row.keep_start - row.see_start) * scale, (column.keep_start - column.see_start) * scale
        bottom, right = (row.keep_end - row.see_start) * scale, (column.keep_end - column.see_start) * scale
        with turn(device), torch.inference_mode(), cancellable(self._cancel):
            sr = self._model(tensor_from_image(visible, device))[0]
            kept: Floats = sr[:, top:bottom, left:right].permute(1, 2, 0).float().cpu().numpy()
        return kept

    def _save_memory(self) -> Progress:
        side, device = min(self._tiling.side, max(self._img.shape[:2])), device_of(self._model)
        if side <= MIN_TILE and device.type != "cpu":
            self._model = cpu_copy(self._model)
            return self._progress(f"{describe_device(device)} ran out of memory, continuing on the CPU")
        if side <= MIN_TILE:
            raise DataError(
                f"not enough memory for tiles of {side} LR pixels, the smallest there are; "
                "close other programs or take a smaller network"
            )
        self._tiling = replace(self._tiling, side=max(MIN_TILE, side // 2))
        return self._progress(
            f"out of memory with {side} LR pixels at once, continuing with {self._tiling.side}"
        )

    def _progress(self, note: str = "") -> Progress:
        return Progress(self._done, self._total, "tiles", note)


def fitting_side(model: SRNetwork, height: int, width: int) -> int:
    """Side of the tiles for an LR image of that size: the longer one of the image if one pass fits.

    An image no larger than one that fitted isn't estimated again.
    """
    fitted = _fitted.setdefault(model, set())
    if any(height <= rows and width <= columns for rows, columns in tuple(fitted)):
        return max(height, width)
    if activation_bytes(model, height, width) <= MAX_ACTIVATION_BYTES:
        fitted.add((height, width))
        return max(height, width)
    side = DEFAULT_TILE
    while side > MIN_TILE and activation_bytes(model, side, side) > MAX_ACTIVATION_BYTES:
        side = max(MIN_TILE, side // 2)
    return side


_fitted: WeakKeyDictionary[SRNetwork, set[tuple[int, int]]] = WeakKeyDictionary()


def _to_uint8(values: torch.Tensor) -> Image8:
    result: Image8 = values.clamp(0, 255).round().to(torch.uint8).cpu().numpy()
    return result


_rejecting = ContextVar("_rejecting", default=False)


@contextmanager
def reject_non_finite(model: SRNetwork, name: str) -> Iterator[None]:
    """Check every output of `model` inside the block, and of no other thread that uses it.

    Raises:
        CheckpointError: a pixel is infinite or NaN; the message calls the model `name`.
    """

    def check(_model: torch.nn.Module, _inputs: tuple[Any, ...], sr: torch.Tensor) -> None:
        if _rejecting.get() and not bool(sr.isfinite().all()):
            raise CheckpointError(
                f"{name}: expected an image, found infinite or NaN pixels; "
                "its weights are damaged or diverged, take another checkpoint"
            )

    handle = model.register_forward_hook(check)
    outside = _rejecting.set(True)
    try:
        yield
    finally:
        _rejecting.reset(outside)
        handle.remove()
