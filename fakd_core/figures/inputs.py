"""Inputs of figures: images, outputs, scores and feature maps, each computed once and cached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fakd_core.data.image_files import read_image
from fakd_core.data.resize import imresize_bicubic, modcrop
from fakd_core.errors import ConfigError, DataError
from fakd_core.evaluation.features import FeatureMaps, Window, extract_features
from fakd_core.evaluation.metrics import psnr_y, ssim_y
from fakd_core.events import CancelToken, Image8, Scores
from fakd_core.figures.spec import BICUBIC, HR, FigureSettings
from fakd_core.runs.references import load_model

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class SourceImage:
    """`lr` is (h, w, 3) uint8; `hr` is (h·scale, w·scale, 3) uint8, or None if only the LR image is known."""

    scale: int
    lr: Image8 = field(repr=False)
    hr: Image8 | None = field(repr=False)


class FigureInputs:
    """Caches what the last figures needed: another font or width costs no pass through a network.

    Not thread-safe. `load` gives the network of a model reference; by default `load_model`, called once for
    each.
    """

    def __init__(self, load: Callable[[str], SRNetwork] | None = None) -> None:
        self._load = load or cache(load_model)
        self._image: SourceImage | None = None
        self._image_key: tuple[Path, int, str, int] | None = None
        self._results: dict[tuple[object, ...], tuple[object, object]] = {}

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
            self._results.clear()
        return self._image

    def network(self, ref: str, scale: int) -> SRNetwork:
        """The network of `ref`; raises `ConfigError` if its scale isn't `scale`."""
        network = self._load(ref)
        if network.spec.scale != scale:
            raise ConfigError(
                f"{ref} is an x{network.spec.scale} network, but the figure is for x{scale}; "
                f"choose scale {network.spec.scale} or another model"
            )
        return network

    def output(self, image: SourceImage, ref: str, cancel: CancelToken) -> Image8:
        """The output of `ref`, (H, W, 3) uint8 in HR size. Raises `Cancelled` between layers."""
        from fakd_core.inference.upscale import upscale

        if ref == HR:
            assert image.hr is not None
            return image.hr
        if ref == BICUBIC:
            return self._once((ref,), image, lambda: imresize_bicubic(image.lr, image.scale))
        network = self.network(ref, image.scale)
        return self._once((ref,), network, lambda: upscale(network, image.lr, cancel=cancel))

    def scores(self, image: SourceImage, ref: str, sr: Image8) -> Scores:
        """PSNR and SSIM of `ref`'s output `sr`, the whole image, by the papers' protocol."""
        hr, border = image.hr, image.scale
        assert hr is not None
        return self._once(("scores", ref), sr, lambda: Scores(psnr_y(sr, hr, border), ssim_y(sr, hr, border)))

    def features(self, image: SourceImage, ref: str, *, window: Window, cancel: CancelToken) -> FeatureMaps:
        """The feature maps of `ref` over `window` of the LR image. Raises `Cancelled` between layers."""
        network = self.network(ref, image.scale)
        # The maps of another position's window aren't worth their memory.
        others = [key for key in self._results if key[0] == "features" and key[2] != window]
        for key in others:
            del self._results[key]
        return self._once(
            ("features", ref, window),
            network,
            lambda: extract_features(network, image.lr, window, name=ref, cancel=cancel),
        )

    def _once(self, key: tuple[object, ...], source: object, compute: Callable[[], T]) -> T:
        """The cached result at `key`, unless it was computed from another `source`."""
        cached = self._results.get(key)
        if cached is None or cached[0] is not source:
            cached = self._results[key] = (source, compute())
        return cached[1]  # type: ignore[return-value]


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
