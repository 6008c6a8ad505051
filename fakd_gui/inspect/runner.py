"""Turns the state into jobs: feature maps once per model and image, losses and matrices from them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fakd_core.evaluation.features import Floats, Window, window_around
from fakd_core.events import Cancelled, CancelToken, Progress
from fakd_core.runs.references import split_taps
from fakd_gui.inspect.losses import LossKey, LossTable, SALoss, estimate_losses
from fakd_gui.inspect.matrices import make_matrices, region_around, with_differences
from fakd_gui.inspect.sources import Origin, Source, SourceMaps, extract_maps
from fakd_gui.inspect.state import InspectState
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.problem import Problem

MAX_CACHE_BYTES = 512 << 20
"""Of feature maps of models shown before: going back over checkpoints is immediate."""


@dataclass(frozen=True, eq=False)
class Extracted:
    """The feature maps of a model, or why there are none; with a teacher its losses by layer too."""

    ref: str
    maps: SourceMaps | Problem = field(repr=False)
    losses: Mapping[LossKey, SALoss] = field(default_factory=dict)


class InspectRunner(QObject):
    """Holds the results for the image shown; every signal comes on the GUI thread."""

    progressed = Signal(object)
    """The `Progress` of the feature maps, by model."""
    model_ready = Signal()
    """The feature maps of a model are there; those of others may follow."""
    finished = Signal()
    """The feature maps of all models are there, or in `failures`."""
    idle = Signal()
    matrices_ready = Signal(object)
    failed = Signal(object)

    def __init__(self, state: InspectState, models: ModelCache, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._models = models
        self.features: dict[str, SourceMaps] = {}
        """The feature maps of the models that are inspected, by reference; all over the same window."""
        self.failures: dict[str, Problem] = {}
        """Why feature maps are missing, by reference."""
        self.losses = LossTable(self)
        self._cache: OrderedDict[tuple[Origin, Window], SourceMaps] = OrderedDict()
        self._origins: dict[str, Origin] = {}
        """Of checkpoints, by file."""
        self.extracting = LatestWins("feature maps", self)
        self.extracting.yielded.connect(self._take_extraction)
        self.extracting.result.connect(lambda _: self._finish())
        self._surveying = LatestWins("checkpoints", self)
        self._surveying.yielded.connect(self._take_survey)
        self._matrices = LatestWins("matrices", self)
        self._matrices.result.connect(self.matrices_ready)
        for worker in (self.extracting, self._surveying):
            worker.busy.connect(lambda busy: None if busy else self.idle.emit())
        for worker in (self.extracting, self._surveying, self._matrices, self.losses):
            worker.failed.connect(self.failed)

    @property
    def computing(self) -> bool:
        """Whether feature maps are being computed."""
        return self.extracting.running

    @property
    def maps(self) -> SourceMaps | None:
        """The feature maps of the first model, which stand for the window and the layers of all."""
        return next(iter(self.features.values()), None)

    @property
    def window(self) -> Window | None:
        """The part of the image that is inspected; None while there are no feature maps."""
        return None if self.maps is None else self.maps.window

    def covers(self, y: int, x: int) -> bool:
        """Whether there are feature maps, over a window with the LR pixel (y, x)."""
        return self.window is not None and self.window.contains_pixel(y, x)

    # -- feature maps --------------------------------------------------------------------------------

    def extract(self) -> None:
        """Compute missing feature maps; `model_ready` follows for each model, then `finished`."""
        image, query, window = self._state.image, self._state.query, self.window
        assert image is not None
        if window is None or not window.contains_pixel(*query):
            window = window_around(image.lr.shape[:2], *query)
        self.failures = {}
        self._submit(self.extracting, self._state.sources, window)

    def survey(self) -> None:
        """Compute missing losses of all checkpoints; `losses.changed` follows for each."""
        teacher = self.features.get(self._state.teacher)
        if teacher is not None:
            sources = list(chain(*self._state.timeline.checkpoints.values()))
            self._submit(self._surveying, sources, teacher.window, teacher)

    def _submit(
        self, worker: LatestWins, sources: list[Source], window: Window, teacher: SourceMaps | None = None
    ) -> None:
        """Extract the feature maps of `sources`; with a `teacher`, estimate their losses too."""
        image, models, cache = self._state.image, self._models, dict(self._cache)
        assert image is not None

        def work(cancel: CancelToken) -> Iterator[Progress | Extracted]:
            for number, source in enumerate(sources):
                yield Progress(number, len(sources), source.ref)
                try:
                    maps = extract_maps(
                        source, cancel, image=image, window=window, models=models, cache=cache
                    )
                    losses = {} if teacher is None else estimate_losses(teacher, maps)
                except Cancelled:
                    raise
                except Exception as error:  # noqa: BLE001 - the other models can still be shown
                    yield Extracted(source.ref, Problem.of(error))
                else:
                    yield Extracted(source.ref, maps, losses)

        worker.submit(work)

    def clear(self) -> None:
        """Stop, and drop the results; feature maps stay cached."""
        self.cancel()
        self.features, self.failures = {}, {}

    def forget_image(self) -> None:
        """Drop everything: another image is shown."""
        self._surveying.cancel()
        self._matrices.cancel()
        self.features = {}
        self._cache.clear()
        self._origins.clear()
        self.losses.clear()

    def cancel(self) -> None:
        """Stop computing; results that are there stay."""
        for worker in (self.extracting, self._surveying, self.losses):
            worker.cancel()

    # -- rows, losses and matrices -------------------------------------------------------------------

    def rows(self) -> dict[str, Floats]:
        """Affinity rows (h, w) of the shown pixel by model, and the students' differences to the teacher's.

        Milliseconds, on the calling thread.
        """
        state = self._state
        if not self.covers(*state.shown_pixel):
            return {}
        rows = {
            ref: self.features[ref].affinity_row(state.layer, *state.shown_pixel)
            for ref in state.models
            if ref in self.features
        }
        return with_differences(rows, state.teacher)

    def request_losses(self) -> None:
        """Compute missing SA losses of the students shown; `losses.changed` follows for each."""
        teacher = self.features.get(self._state.teacher)
        students = [self.features[ref] for ref in self._state.students if ref in self.features]
        if teacher is not None and students:
            # Exact values would slow a running training down.
            exact = self._state.session.training is None
            self.losses.request(teacher, students, layer=self._state.layer, exact=exact)

    def loss(self, student: str, layer: int) -> SALoss | None:
        """The best known SA loss of `student`."""
        teacher, maps = self.features.get(self._state.teacher), self.features.get(student)
        return None if teacher is None or maps is None else self.losses.loss(teacher, maps.origin, layer)

    def checkpoint_loss(self, source: Source, layer: int) -> SALoss | None:
        """The estimated SA loss of a checkpoint, shown or not; comparable with the run's others."""
        origin, teacher = self._origins.get(str(source.file)), self.features.get(self._state.teacher)
        return None if origin is None or teacher is None else self.losses.estimate(teacher, origin, layer)

    def request_matrices(self) -> None:
        """Compute the matrices of the region; `matrices_ready` follows.

        A region that lies outside the inspected window is replaced by one around the pixel.
        """
        state, window = self._state, self.window
        if not state.matrix_shown or window is None:
            return
        region = state.region
        if region is None or not window.contains(region):
            region = region_around(*state.query, window)
            state.set_region(region)
        compute = partial(
            make_matrices,
            dict(self.features),
            teacher=state.teacher,
            students=state.students,
            layer=state.layer,
            region=region,
            style=state.style,
        )
        self._matrices.submit(lambda _: compute())

    # -- results of the jobs -------------------------------------------------------------------------

    def _take_extraction(self, event: Progress | Extracted) -> None:
        match event:
            case Progress():
                self.progressed.emit(event)
            case Extracted(ref, Problem() as problem):
                self.failures[ref] = problem
            case Extracted(ref, maps):
                # Maps over different windows are not shown together.
                same = {other: held for other, held in self.features.items() if held.window == maps.window}
                self.features = {**same, ref: maps}
                self._add_to_cache(maps)
                self.model_ready.emit()

    def _finish(self) -> None:
        refs = [source.ref for source in self._state.sources if source.ref not in self.failures]
        self.features = {ref: self.features[ref] for ref in refs}
        self.finished.emit()

    def _take_survey(self, event: Progress | Extracted) -> None:
        # A running training deletes checkpoints: those that fail are left out.
        match event:
            case Progress():
                self.progressed.emit(event)
            case Extracted(_, SourceMaps() as maps, losses):
                self._add_to_cache(maps)
                self.losses.add(losses)

    def _add_to_cache(self, maps: SourceMaps) -> None:
        self._origins[maps.origin[0]] = maps.origin
        self._cache[maps.origin, maps.window] = maps
        self._cache.move_to_end((maps.origin, maps.window))
        # A running training deletes checkpoints: their maps are of no use any more.
        for key in [key for key in self._cache if not Path(split_taps(key[0][0])[0]).exists()]:
            del self._cache[key]
        while len(self._cache) > 1 and sum(held.nbytes for held in self._cache.values()) > MAX_CACHE_BYTES:
            self._cache.popitem(last=False)
