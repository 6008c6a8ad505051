"""What figures are made of: images, outputs, scores and feature maps, each computed once and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fakd_core.data.image_files import read_image
from fakd_core.data.resize import imresize_bicubic, modcrop
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken, Image8, Progress, Scores
from fakd_core.figures.spec import BICUBIC, HR, Figure

if TYPE_CHECKING:
    from torch import Tensor

    from fakd_core.models.layers import SRNetwork

MAX_SIDE = 256
"""A larger LR image's affinities are taken in a window of this side around the position."""

Load = Callable[[str], "SRNetwork"]
OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class SourceImage:
    """`lr` is (h, w, 3) uint8; `hr` is (h·scale, w·scale, 3), or None where only the LR is known."""

    scale: int
    lr: Image8 = field(repr=False)
    hr: Image8 | None = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in HR pixels."""
        height, width = self.lr.shape[:2]
        return height * self.scale, width * self.scale


@dataclass(frozen=True)
class Window:
    """A part of the LR image, in LR pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.left + self.width)


def window_around(lr_size: tuple[int, int], y: int, x: int) -> Window:
    """All of a small image of `lr_size` (height, width), else the window centred on (y, x)."""
    height, width = (min(side, MAX_SIDE) for side in lr_size)
    top = min(max(0, y - height // 2), lr_size[0] - height)
    left = min(max(0, x - width // 2), lr_size[1] - width)
    return Window(top, left, height, width)


class FigureInputs:
    """Keeps what the last figures needed, so that another font or width costs no network's pass.

    `load` gives the network of a name, by default `catalogue.load_model`'s. For one thread at a time.
    """

    def __init__(self, load: Load | None = None) -> None:
        self._load = load
        self._loaded: dict[str, SRNetwork] = {}
        self._source: tuple[Path, int, str, int] | None = None
        self._subject: SourceImage | None = None
        self._outputs: dict[str, tuple[SRNetwork | None, Image8]] = {}
        self._scores: dict[str, tuple[Image8, Scores]] = {}
        self._taps: dict[tuple[str, Window], tuple[SRNetwork, tuple[Tensor, ...]]] = {}

    def subject(self, figure: Figure) -> SourceImage:
        """The image of `figure`; another one than before lets all that was kept go.

        Raises `DataError` for what is no image, or too small for its scale.
        """
        path = figure.image
        # A file that isn't there is for `read_image` to refuse.
        changed = path.stat().st_mtime_ns if path.exists() else 0
        source = (path, changed, figure.image_is, figure.scale)
        if self._subject is None or source != self._source:
            self._subject = _subject(read_image(path), figure.image_is == "lr", figure.scale)
            self._source = source
            self._outputs.clear()
            self._scores.clear()
            self._taps.clear()
        return self._subject

    def model(self, ref: str, scale: int) -> SRNetwork:
        """The network `ref` names; raises `ConfigError` if it enlarges by another factor than `scale`."""
        if self._load is not None:
            network = self._load(ref)
        else:
            if ref not in self._loaded:
                from fakd_core.models.references import load_model

                self._loaded[ref] = load_model(ref)
            network = self._loaded[ref]
        if network.spec.scale != scale:
            raise ConfigError(
                f"{ref} is an x{network.spec.scale} network, but the figure is for x{scale}; "
                f"choose scale {network.spec.scale} or another model"
            )
        return network

    def output(
        self, subject: SourceImage, ref: str, on_progress: OnProgress | None, cancel: CancelToken | None
    ) -> Image8:
        """What `ref` makes of the image, (H, W, 3) uint8 in HR size. Raises `Cancelled` between layers."""
        from fakd_core.inference.upscale import bicubic_upscale, upscale

        if ref == HR:
            if subject.hr is None:
                raise ConfigError("HR is not known of an LR image; give the HR image")
            return subject.hr
        model = None if ref == BICUBIC else self.model(ref, subject.scale)
        held = self._outputs.get(ref)
        if held is None or held[0] is not model:
            if model is None:
                sr = bicubic_upscale(subject.lr, subject.scale)
            else:
                sr = upscale(model, subject.lr, on_progress=on_progress, cancel=cancel)
            held = self._outputs[ref] = (model, sr)
        return held[1]

    def scores(self, subject: SourceImage, ref: str, sr: Image8) -> Scores:
        """PSNR and SSIM of the whole image by the papers' protocol."""
        from fakd_core.evaluation.metrics import psnr_y, ssim_y

        held = self._scores.get(ref)
        if held is None or held[0] is not sr:
            assert subject.hr is not None
            border = subject.scale
            scores = Scores(psnr_y(sr, subject.hr, border), ssim_y(sr, subject.hr, border))
            held = self._scores[ref] = (sr, scores)
        return held[1]

    def taps(
        self, subject: SourceImage, ref: str, window: Window, cancel: CancelToken | None
    ) -> tuple[Tensor, ...]:
        """The four feature maps (C, h, w) of `ref` over `window` of the LR image, float32 on the CPU."""
        import torch

        from fakd_core.distillation.affinity import full_precision
        from fakd_core.inference.upscale import tensor_from_image
        from fakd_core.models.layers import check_taps
        from fakd_core.runtime.cancellation import cancellable

        model = self.model(ref, subject.scale)
        check_taps(model, ref)
        held = self._taps.get((ref, window))
        if held is None or held[0] is not model:
            device = next(model.parameters()).device
            lr = tensor_from_image(subject.lr[window.rows, window.columns], device)
            with torch.inference_mode(), cancellable(cancel):
                _, maps = model.forward_features(lr)
                held = (model, tuple(full_precision(tap[0]).float().cpu() for tap in maps))
            # Another position's window is not worth its memory.
            self._taps = {key: kept for key, kept in self._taps.items() if key[1] == window}
            self._taps[ref, window] = held
        return held[1]


def _subject(image: Image8, is_lr: bool, scale: int) -> SourceImage:
    if is_lr:
        return SourceImage(scale, image, None)
    hr = modcrop(image, scale)
    if min(hr.shape[:2]) < 8 * scale:
        raise DataError(
            f"an image of {image.shape[1]}x{image.shape[0]} is too small to be reduced by {scale}; "
            "give it as an LR image (image_is = 'lr'), or take a larger one"
        )
    return SourceImage(scale, imresize_bicubic(hr, 1 / scale), hr)
