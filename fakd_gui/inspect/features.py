"""The feature maps of the models to inspect, and the SA losses computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fakd_core.errors import CheckpointError, ConfigError
from fakd_core.evaluation.features import FeatureMaps, Window, extract_features, sa_loss
from fakd_core.events import CancelToken
from fakd_core.runs.references import model_file, split_taps, with_taps
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.opened_image import OpenedImage

Origin = tuple[str, int]
"""A weights file, with its taps, and its modification time in ns: identifies what maps were made of."""
Source = tuple[str, Path | None]
"""A model to inspect by its name in the session, and its weights if they are a checkpoint's."""
LossKey = tuple[Origin, Origin, Window, int, int]
"""Teacher, student, part of the image, layer, and stride of the lattice of positions."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SourceMaps(FeatureMaps):
    """The feature maps of a model, and what they were made of."""

    origin: Origin

    def loss_key(self, student: Origin, layer: int, stride: int) -> LossKey:
        """The key of the loss of `student` to these maps, a teacher's."""
        return self.origin, student, self.window, layer, stride


def extract_maps(
    source: Source,
    *,
    image: OpenedImage,
    window: Window,
    models: ModelCache,
    cache: Mapping[tuple[Origin, Window], SourceMaps],
    cancel: CancelToken,
) -> SourceMaps:
    """The feature maps of `source` over `window`, unless `cache` has them; call from a worker thread only.

    Raises:
        CheckpointError: The weights are gone or can't be loaded.
        ConfigError: The model's scale isn't the image's.
        FeatureTapError: The model has no feature maps.
        Cancelled: `cancel` was cancelled.
    """
    cancel.raise_if_cancelled()
    ref, file = source
    weights = file or model_file(ref)
    try:
        origin = (with_taps(str(weights), split_taps(ref)[1]), weights.stat().st_mtime_ns)
    except FileNotFoundError:
        raise CheckpointError(
            f"{weights}: this checkpoint is gone (a run keeps fewer as it goes on); choose another"
        ) from None
    if (cached := cache.get((origin, window))) is not None:
        return cached
    # Checkpoints of a run are inspected in passing: their weights would only fill the model cache.
    model = models.get(ref) if file is None else models.load(file)
    if model.spec.scale != image.scale:
        raise ConfigError(
            f"{ref} enlarges by {model.spec.scale}, but the image was opened for "
            f"x{image.scale}; choose a model for x{image.scale}"
        )
    maps = extract_features(model, image.lr, window, name=ref, cancel=cancel)
    cancel.raise_if_cancelled()
    return SourceMaps(**vars(maps), origin=origin)


@dataclass(frozen=True)
class SALoss:
    """Mean absolute difference of all affinities, 0..2: exact, or estimated on a lattice of positions."""

    value: float
    exact: bool

    @property
    def text(self) -> str:
        return f"{'' if self.exact else '≈ '}{self.value:.4f}"


def sa_losses(
    teacher: SourceMaps, student: SourceMaps, layers: Iterable[int], stride: int
) -> dict[LossKey, SALoss]:
    """The losses on every `stride`-th position: on the lattice of a window they take milliseconds."""
    return {
        teacher.loss_key(student.origin, layer, stride): SALoss(
            sa_loss(student, teacher, layer, stride=stride), exact=stride == 1
        )
        for layer in layers
    }
