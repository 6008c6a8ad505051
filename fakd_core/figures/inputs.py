"""What figures are made of: images, outputs, scores and feature maps, each computed once and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fakd_core.data.image_files import read_image
from fakd_core.data.resize import imresize_bicubic, modcrop
from fakd_core.errors import ConfigError, DataError
from fakd_core.evaluation.features import FeatureMaps, Window, extract_features
from fakd_core.events import CancelToken, Image8, Progress, Scores
from fakd_core.figures.spec import BICUBIC, HR, Figure

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork

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
        self._features: dict[tuple[str, Window], tuple[SRNetwork, FeatureMaps]] = {}

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
            self._features.clear()
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

    def features(
        self, subject: SourceImage, ref: str, window: Window, cancel: CancelToken | None
    ) -> FeatureMaps:
        """The feature maps of `ref` over `window` of the LR image. Raises `Cancelled` between layers."""
        model = self.model(ref, subject.scale)
        held = self._features.get((ref, window))
        if held is None or held[0] is not model:
            held = (model, extract_features(model, subject.lr, window, name=ref, cancel=cancel))
            # The maps of another position's window aren't worth their memory.
            self._features = {key: kept for key, kept in self._features.items() if key[1] == window}
            self._features[ref, window] = held
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
