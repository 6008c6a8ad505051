"""The models to inspect, and their feature maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fakd_core.errors import CheckpointError, ConfigError
from fakd_core.evaluation.features import FeatureMaps, Window, extract_features
from fakd_core.events import CancelToken
from fakd_core.runs.references import load_model, model_file, split_taps, with_taps
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.opened_image import OpenedImage

Origin = tuple[str, int]
"""A weights file, with its taps, and its modification time in ns: identifies what maps were made of."""


@dataclass(frozen=True)
class Source:
    """A model to inspect, by its name in the session; `file` holds the weights if they are a checkpoint's."""

    ref: str
    file: Path | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class SourceMaps(FeatureMaps):
    """The feature maps of a source."""

    origin: Origin


def extract_maps(
    source: Source,
    cancel: CancelToken,
    *,
    image: OpenedImage,
    window: Window,
    models: ModelCache,
    cache: Mapping[tuple[Origin, Window], SourceMaps],
) -> SourceMaps:
    """The feature maps of `source` over `window`, unless `cache` has them; call from a worker thread only.

    Raises:
        CheckpointError: The weights are gone or can't be loaded.
        ConfigError: The model's scale isn't the image's.
        FeatureTapError: The model has no feature maps.
        Cancelled: `cancel` was cancelled.
    """
    cancel.raise_if_cancelled()
    file = source.file or model_file(source.ref)
    try:
        origin = (with_taps(str(file), split_taps(source.ref)[1]), file.stat().st_mtime_ns)
    except FileNotFoundError:
        raise CheckpointError(
            f"{file}: this checkpoint is gone (a run keeps fewer as it goes on); choose another"
        ) from None
    if (cached := cache.get((origin, window))) is not None:
        return cached
    # Checkpoints of a run are inspected in passing: their weights would only fill the model cache.
    model = models.get(source.ref) if source.file is None else load_model(source.file)
    if model.spec.scale != image.scale:
        raise ConfigError(
            f"{source.ref} enlarges by {model.spec.scale}, but the image was opened for "
            f"x{image.scale}; choose a model for x{image.scale}"
        )
    maps = extract_features(model, image.lr, window, name=source.ref, cancel=cancel)
    cancel.raise_if_cancelled()
    return SourceMaps(**vars(maps), origin=origin)
