"""Inputs of figures: images, outputs, scores and feature maps, each computed once and cached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fakd_core.data.image_files import read_image
from fakd_core.data.resize import imresize_bicubic, modcrop
from fakd_core.errors import ConfigError, DataError
from fakd_core.evaluation.features import FeatureMaps, Window, extract_features
from fakd_core.evaluation.metrics import psnr_y, ssim_y
from fakd_core.events import CancelToken, Image8, Scores
from fakd_core.figures.spec import BICUBIC, HR, FigureSettings

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork


@dataclass(frozen=True)
class SourceImage:
    """`lr` is (h, w, 3) uint8; `hr` is (h·scale, w·scale, 3) uint8, or None if only the LR image is known."""

    scale: int
    lr: Image8 = field(repr=False)
    hr: Image8 | None = field(repr=False)

    @property
    def hr_size(self) -> tuple[int, int]:
        """(height, width) in HR pixels."""
        height, width = self.lr.shape[:2]
        return height * self.scale, width * self.scale


class FigureInputs:
    """Caches what the last figures needed: another font or width costs no pass through a network.

    Not thread-safe.

    Args:
        load: Gives the network of a model reference; by default `load_model`, called once for each.
    """

    def __init__(self, load: Callable[[str], SRNetwork] | None = None) -> None:
        self._load = load
        self._networks: dict[str, SRNetwork] = {}
        self._image: SourceImage | None = None
        self._image_key: tuple[Path, int, str, int] | None = None
        self._outputs: dict[str, tuple[SRNetwork | None, Image8]] = {}
        self._scores: dict[str, tuple[Image8, Scores]] = {}
        self._features: dict[tuple[str, Window], tuple[SRNetwork, FeatureMaps]] = {}

    def source_image(self, spec: FigureSettings) -> SourceImage:
        """The image of `spec`; with another image than before, everything cached is dropped.

        Raises:
            DataError: The file is no image, or too small for the scale.
        """
        path = spec.image
        # `read_image` refuses a file that isn't there.
        modified = path.stat().st_mtime_ns if path.exists() else 0
        key = (path, modified, spec.image_is, spec.scale)
        if self._image is None or key != self._image_key:
            self._image = _source_image(read_image(path), spec)
            self._image_key = key
            self._outputs.clear()
            self._scores.clear()
            self._features.clear()
        return self._image

    def network(self, ref: str, scale: int) -> SRNetwork:
        """The network of `ref`; raises `ConfigError` if its scale isn't `scale`."""
        if self._load is not None:
            network = self._load(ref)
        else:
            if ref not in self._networks:
                from fakd_core.runs.references import load_model

                self._networks[ref] = load_model(ref)
            network = self._networks[ref]
        if network.spec.scale != scale:
            raise ConfigError(
                f"{ref} is an x{network.spec.scale} network, but the figure is for x{scale}; "
                f"choose scale {network.spec.scale} or another model"
            )
        return network

    def output(self, image: SourceImage, ref: str, cancel: CancelToken) -> Image8:
        """The output of `ref`, (H, W, 3) uint8 in HR size. Raises `Cancelled` between layers."""
        from fakd_core.inference.upscale import bicubic_upscale, upscale

        if ref == HR:
            if image.hr is None:
                raise ConfigError("HR is not known of an LR image; give the HR image")
            return image.hr
        network = None if ref == BICUBIC else self.network(ref, image.scale)
        cached = self._outputs.get(ref)
        if cached is None or cached[0] is not network:
            if network is None:
                sr = bicubic_upscale(image.lr, image.scale)
            else:
                sr = upscale(network, image.lr, cancel=cancel)
            cached = self._outputs[ref] = (network, sr)
        return cached[1]

    def scores(self, image: SourceImage, ref: str, sr: Image8) -> Scores:
        """PSNR and SSIM of `ref`'s output `sr`, the whole image, by the papers' protocol."""
        cached = self._scores.get(ref)
        if cached is None or cached[0] is not sr:
            assert image.hr is not None
            scores = Scores(psnr_y(sr, image.hr, image.scale), ssim_y(sr, image.hr, image.scale))
            cached = self._scores[ref] = (sr, scores)
        return cached[1]

    def features(self, image: SourceImage, ref: str, *, window: Window, cancel: CancelToken) -> FeatureMaps:
        """The feature maps of `ref` over `window` of the LR image. Raises `Cancelled` between layers."""
        network = self.network(ref, image.scale)
        cached = self._features.get((ref, window))
        if cached is None or cached[0] is not network:
            cached = (network, extract_features(network, image.lr, window, name=ref, cancel=cancel))
            # The maps of another position's window aren't worth their memory.
            self._features = {key: other for key, other in self._features.items() if key[1] == window}
            self._features[ref, window] = cached
        return cached[1]


def _source_image(image: Image8, spec: FigureSettings) -> SourceImage:
    if spec.image_is == "lr":
        return SourceImage(spec.scale, image, None)
    hr = modcrop(image, spec.scale)
    if min(hr.shape[:2]) < 8 * spec.scale:
        raise DataError(
            f"an image of {image.shape[1]}x{image.shape[0]} is too small to be downscaled by {spec.scale}; "
            "give it as an LR image (image_is = 'lr'), or take a larger one"
        )
    return SourceImage(spec.scale, imresize_bicubic(hr, 1 / spec.scale), hr)
