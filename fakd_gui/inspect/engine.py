"""The inspector's work on threads: feature maps once per model and image, then rows and losses from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_gui.inspect.features import (
    Features,
    Row,
    Window,
    affinity_loss,
    affinity_rows,
    extract,
    window_around,
)
from fakd_gui.jobs import LatestWins, describe
from fakd_gui.opened_image import OpenedImage
from fakd_gui.session import ModelCache


@dataclass(frozen=True)
class Extracted:
    """Feature maps by model, and why those of other models are missing."""

    image: OpenedImage = field(repr=False)
    features: dict[str, Features]
    failures: dict[str, str]


@dataclass(frozen=True)
class Rows:
    """The affinities of `query` (y, x) at tap `layer`, by model; computed from `features`."""

    features: dict[str, Features]
    rows: dict[str, Row]
    layer: int
    query: tuple[int, int]


@dataclass(frozen=True)
class _Losses:
    features: dict[str, Features]
    losses: dict[tuple[str, int], float | None]


class AffinityEngine(QObject):
    """Holds the feature maps of the image shown; every result comes as a signal, on the GUI thread."""

    extracted = Signal(object)
    rows_ready = Signal(object)
    losses_ready = Signal()
    working_on = Signal(str)
    """The model whose feature maps are being computed."""
    idle = Signal()
    """No feature maps are being computed any more."""
    failed = Signal(str)

    def __init__(self, models: ModelCache, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self.features: dict[str, Features] = {}
        self.losses: dict[tuple[str, int], float | None] = {}
        """The SA loss of the window by (student, layer); None where it is too large to compute."""
        self._image: OpenedImage | None = None
        self._wanted: Callable[[], None] | None = None
        self._extracting = self._worker("feature maps", self._take_features)
        self._extracting.busy.connect(lambda busy: None if busy else self.idle.emit())
        self._rowing = self._worker("affinity rows", self._take_rows)
        self._losing = self._worker("SA loss", self._take_losses)

    @property
    def computing_rows(self) -> bool:
        return self._rowing.running

    def forget(self) -> None:
        """Drop everything: another image is shown."""
        self._image = None
        self.features = {}
        self.losses = {}

    def holds(self, y: int, x: int) -> bool:
        """Whether there are feature maps, and over a window with the LR pixel (y, x) in it."""
        return bool(self.features) and all(held.window.holds(y, x) for held in self.features.values())

    def extract(self, image: OpenedImage, refs: Sequence[str], query: tuple[int, int]) -> None:
        """Compute the maps of `refs` that are missing; `extracted` follows, whichever models fail."""
        self._image = image
        held, models = dict(self.features), self._models
        window = self._window(image, query)

        def work(token: CancelToken) -> Extracted:
            features, failures = {}, {}
            for ref in dict.fromkeys(refs):
                self.working_on.emit(ref)
                try:
                    model = models.get(ref)
                    known = held.get(ref)
                    if known is None or known.model is not model or known.window != window:
                        known = extract(model, image, window, token, ref)
                    features[ref] = known
                except FakdError as error:
                    failures[ref] = str(error)
                except (OSError, RuntimeError, MemoryError) as error:
                    failures[ref] = describe(error)
            return Extracted(image, features, failures)

        self._extracting.submit(work)

    def request_rows(self, refs: Sequence[str], layer: int, query: tuple[int, int]) -> None:
        """Compute the maps of `query`; `rows_ready` follows, at least for the last request."""
        # Not submitted while one runs: a drag would overtake every row before it is shown.
        if self._rowing.running:
            self._wanted = lambda: self.request_rows(refs, layer, query)
            return
        self._wanted = None
        features = {ref: held for ref, held in self.features.items() if ref in refs}
        if not features or not self.holds(*query):
            return

        def work(token: CancelToken) -> Rows:
            return Rows(features, affinity_rows(features, layer, *query), layer, query)

        self._rowing.submit(work)

    def request_losses(self, teacher: str, students: Sequence[str], layer: int) -> None:
        """Compute the SA losses of one layer that are missing; `losses_ready` follows."""
        features, known = self.features, self.losses
        missing = [ref for ref in students if ref in features and (ref, layer) not in known]
        if teacher not in features or not missing:
            return

        def work(token: CancelToken) -> _Losses:
            losses = {}
            for ref in missing:
                token.raise_if_cancelled()
                losses[ref, layer] = affinity_loss(features[teacher], features[ref], layer)
            return _Losses(features, losses)

        self._losing.submit(work)

    def cancel(self) -> None:
        self._wanted = None
        for worker in (self._extracting, self._rowing, self._losing):
            worker.cancel()

    def cancel_extraction(self) -> None:
        self._extracting.cancel()

    def _worker(self, name: str, receive: Callable[[object], None]) -> LatestWins:
        worker = LatestWins(name, self)
        worker.result.connect(receive)
        worker.failed.connect(self.failed)
        return worker

    def _window(self, image: OpenedImage, query: tuple[int, int]) -> Window:
        """The window held already, as long as the query lies in it."""
        for held in self.features.values():
            if held.window.holds(*query):
                return held.window
        return window_around(image.lr.shape[:2], *query)

    def _take_features(self, result: object) -> None:
        assert isinstance(result, Extracted)
        if result.image is not self._image:
            return
        if any(self.features.get(ref) is not held for ref, held in result.features.items()):
            self.losses = {}
        self.features = result.features
        self.extracted.emit(result)

    def _take_rows(self, result: object) -> None:
        assert isinstance(result, Rows)
        if all(self.features.get(ref) is held for ref, held in result.features.items()):
            self.rows_ready.emit(result)
        if self._wanted is not None:
            self._wanted()

    def _take_losses(self, result: object) -> None:
        assert isinstance(result, _Losses)
        if result.features is self.features:
            self.losses.update(result.losses)
            self.losses_ready.emit()
