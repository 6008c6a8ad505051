"""The inspector's work: feature maps on a thread, once per model and image; rows from them at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fakd_core.errors import FakdError
from fakd_core.evaluation.features import Floats, Window, lattice_stride, sa_loss, window_around
from fakd_core.events import Cancelled, CancelToken
from fakd_core.models.spec import TAP_COUNT
from fakd_core.runs.references import split_taps
from fakd_gui.inspect.losses import LossTable, SALoss, loss_key
from fakd_gui.inspect.sources import Origin, Source, SourceMaps, extract_maps
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.problem import Problem

KEPT_BYTES = 512 << 20
"""Feature maps of models shown before that are kept: scrubbing back over checkpoints is immediate."""


@dataclass(frozen=True)
class Extracted:
    """Why the feature maps of some models are missing; those of the others are in the engine."""

    image: OpenedImage = field(repr=False)
    features: dict[str, SourceMaps]
    failures: dict[str, Problem]


class AffinityEngine(QObject):
    """Holds the feature maps of the image shown; every result comes as a signal, on the GUI thread."""

    progressed = Signal(str, int, int)
    """The model whose feature maps are being computed, how many are done, of how many."""
    model_ready = Signal(str)
    extracted = Signal(object)
    idle = Signal()
    """No feature maps are being computed any more."""
    failed = Signal(object)
    _made = Signal(object, object, object)

    def __init__(self, models: ModelCache, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self.features: dict[str, SourceMaps] = {}
        self.losses = LossTable(self)
        self.losses.failed.connect(self.failed)
        self._origins: dict[str, Origin] = {}
        """Of checkpoints, by file."""
        self._kept: OrderedDict[tuple[Origin, Window], SourceMaps] = OrderedDict()
        self._image: OpenedImage | None = None
        self._sources: list[Source] = []
        self._extracting = LatestWins("feature maps", self)
        self._extracting.result.connect(self._take_all)
        self._extracting.failed.connect(self.failed)
        self._extracting.busy.connect(lambda busy: None if busy else self.idle.emit())
        self._surveying = LatestWins("checkpoints", self)
        self._surveying.failed.connect(self.failed)
        self._surveying.busy.connect(lambda busy: None if busy else self.idle.emit())
        self._made.connect(self._take_one)

    @property
    def computing(self) -> bool:
        return self._extracting.running

    def forget(self) -> None:
        """Drop everything: another image is shown."""
        self._image = None
        self.features = {}
        self._kept.clear()
        self._origins.clear()
        self._surveying.cancel()
        self.losses.forget()

    def holds(self, y: int, x: int) -> bool:
        """Whether there are feature maps, and over a window with the LR pixel (y, x) in it."""
        return bool(self.features) and all(
            held.window.contains_pixel(y, x) for held in self.features.values()
        )

    @property
    def window(self) -> Window | None:
        return next((held.window for held in self.features.values()), None)

    def extract(self, image: OpenedImage, sources: Sequence[Source], query: tuple[int, int]) -> None:
        """Compute the maps of `sources` that are missing; `extracted` follows, whichever models fail.

        `model_ready` comes for each as it is done; until then the model's former maps stay.
        """
        self._image, self._sources = image, list(sources)
        window = self._window(image, query)
        models, kept = self._models, dict(self._kept)

        def work(token: CancelToken) -> Extracted:
            features: dict[str, SourceMaps] = {}
            failures: dict[str, Problem] = {}
            for number, source in enumerate(sources):
                self.progressed.emit(source.ref, number, len(sources))
                try:
                    made = extract_maps(source, image, window, models=models, cache=kept, cancel=token)
                except Cancelled:
                    raise
                except Exception as error:  # noqa: BLE001 - the other models can still be shown
                    failures[source.ref] = Problem.of(error)
                else:
                    token.raise_if_cancelled()
                    features[source.ref] = made
                    self._made.emit(image, source, made)
            return Extracted(image, features, failures)

        self._extracting.submit(work)

    def survey(self, sources: Sequence[Source], teacher: str) -> None:
        """Compute the losses of `sources` (checkpoints, say) that are missing, without showing them.

        `losses.changed` follows for each.
        """
        image, target = self._image, self.features.get(teacher)
        if image is None or target is None:
            return
        models, kept, stride = self._models, dict(self._kept), lattice_stride(target.window)

        def work(token: CancelToken) -> None:
            for number, source in enumerate(sources):
                self.progressed.emit(source.ref, number, len(sources))
                try:
                    made = extract_maps(source, image, target.window, models=models, cache=kept, cancel=token)
                except (FakdError, OSError):
                    continue  # A run that goes on has removed it meanwhile.
                losses = [
                    SALoss(sa_loss(made, target, layer, stride), stride == 1) for layer in range(TAP_COUNT)
                ]
                token.raise_if_cancelled()
                self._made.emit(image, source, (made, target, losses))

        self._surveying.submit(work)

    def rows(self, refs: Sequence[str], layer: int, query: tuple[int, int]) -> dict[str, Floats]:
        """The affinities of `query` (y, x) at tap `layer` by model: milliseconds, on the calling thread."""
        return {
            ref: held.affinity_row(layer, *query)
            for ref, held in self.features.items()
            if ref in refs and held.window.contains_pixel(*query)
        }

    def request_losses(self, teacher: str, students: Sequence[str], layer: int, exactly: bool) -> None:
        """Compute the SA losses that are missing; `losses.changed` follows."""
        held = [self.features[ref] for ref in students if ref in self.features]
        target = self.features.get(teacher)
        if target is not None and held and all(one.window == target.window for one in held):
            self.losses.request(target, held, layer, exactly)

    def loss(self, teacher: str, student: str, layer: int) -> SALoss | None:
        """What is known of the SA loss of the maps held."""
        if teacher not in self.features or student not in self.features:
            return None
        return self.losses.loss(loss_key(self.features[teacher], self.features[student]), layer)

    def estimate(self, source: Source, teacher: str, layer: int) -> float | None:
        """What is known of the loss of a checkpoint, shown or not; comparable with the run's others."""
        origin, target = self._origins.get(str(source.file)), self.features.get(teacher)
        if origin is None or target is None:
            return None
        return self.losses.estimate((target.origin, origin, target.window), layer)

    def clear(self) -> None:
        """Nothing is inspected any more; what was computed is kept."""
        self.cancel()
        self._sources, self.features = [], {}

    def cancel(self) -> None:
        for worker in (self._extracting, self._surveying, self.losses):
            worker.cancel()

    def cancel_extraction(self) -> None:
        self._extracting.cancel()

    def _window(self, image: OpenedImage, query: tuple[int, int]) -> Window:
        """The window held already, as long as the query lies in it."""
        window = self.window
        return (
            window if window and window.contains_pixel(*query) else window_around(image.lr.shape[:2], *query)
        )

    def _take_one(self, image: OpenedImage, source: Source, made: object) -> None:
        if image is not self._image:
            return
        if isinstance(made, SourceMaps):
            if source in self._sources:
                # Maps over different windows are not shown together.
                self.features = {
                    other: held for other, held in self.features.items() if held.window == made.window
                }
                self.features[source.ref] = made
                self._keep(made)
                self.model_ready.emit(source.ref)
            return
        assert isinstance(made, tuple)
        features, target, losses = made
        self._keep(features)
        for layer, loss in enumerate(losses):
            self.losses.add_estimate(loss_key(target, features), layer, loss)

    def _take_all(self, result: object) -> None:
        assert isinstance(result, Extracted)
        if result.image is self._image:
            self.features = result.features
            self.extracted.emit(result)

    def _keep(self, made: SourceMaps) -> None:
        self._origins[made.origin[0]] = made.origin
        self._kept[made.origin, made.window] = made
        self._kept.move_to_end((made.origin, made.window))
        # A run keeps few checkpoints as it goes on: nobody comes back to the others.
        for key in [key for key in self._kept if not Path(split_taps(key[0][0])[0]).exists()]:
            del self._kept[key]
        while len(self._kept) > 1 and sum(held.nbytes for held in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)
