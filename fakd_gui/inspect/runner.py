"""Turns the state into jobs: feature maps once per model and image, losses and matrices from them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fakd_core.evaluation.features import MAX_EXACT_POSITIONS, Floats, Window, lattice_stride, window_around
from fakd_core.events import Cancelled, CancelToken, Progress
from fakd_core.models.spec import TAP_COUNT
from fakd_core.runs.references import split_taps
from fakd_gui.inspect.features import LossKey, Origin, SALoss, Source, SourceMaps, extract_maps, sa_losses
from fakd_gui.inspect.matrices import make_matrices, region_around, with_differences
from fakd_gui.inspect.state import NO_WINDOW, InspectState
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.problem import Problem

MAX_CACHE_BYTES = 512 << 20
"""Cached feature maps of models shown before: going back over checkpoints is immediate."""


@dataclass(frozen=True, eq=False)
class Extracted:
    """The feature maps of a model, or why there are none; of a surveyed checkpoint its losses too."""

    ref: str
    maps: SourceMaps | Problem = field(repr=False)
    losses: Mapping[LossKey, SALoss] | None = None


class InspectRunner(QObject):
    """Holds the results for the image shown; every signal comes on the GUI thread."""

    losses_changed = Signal()
    progressed = Signal(object)
    """The `Progress` of the feature maps, by model."""
    model_ready = Signal()
    """The feature maps of a model are there; those of others may follow."""
    finished = Signal()
    """The feature maps of all models are there, or in `failures`."""
    idle = Signal()

    def __init__(self, state: InspectState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self.features: dict[str, SourceMaps] = {}
        """The feature maps of the models that are inspected, by reference; all over the same window."""
        self.failures: dict[str, Problem] = {}
        """The reason why feature maps are missing, by reference."""
        self._losses: dict[LossKey, SALoss] = {}
        """All known losses for the image shown."""
        self._cache: OrderedDict[tuple[Origin, Window], SourceMaps] = OrderedDict()
        self._origins: dict[str, Origin] = {}
        """The origins of checkpoints, by file."""
        self.extracting = LatestWins("feature maps", self)
        self.extracting.result.connect(lambda _: self._finish())
        self._surveying = LatestWins("checkpoints", self)
        self.losses = LatestWins("SA loss", self)
        self.losses.yielded.connect(self._add_losses)
        self.matrices = LatestWins("matrices", self)
        for worker in (self.extracting, self._surveying):
            worker.yielded.connect(self._take)
            worker.busy.connect(lambda busy: None if busy else self.idle.emit())
        for worker in (self.extracting, self._surveying, self.matrices, self.losses):
            worker.failed.connect(state.session.error)

        state.session.models.device_changed.connect(
            lambda _: self.extract() if self.extracting.wanted else None
        )

    @property
    def maps(self) -> SourceMaps | None:
        """The feature maps of the first model, which stand for the window and the layers of all."""
        return next(iter(self.features.values()), None)

    @property
    def window(self) -> Window:
        """The part of the image that is inspected; empty while there are no feature maps."""
        return NO_WINDOW if self.maps is None else self.maps.window

    @property
    def _shown(self) -> dict[str, SourceMaps]:
        """The feature maps of the models shown."""
        return {ref: self.features[ref] for ref in self._state.models if ref in self.features}

    @property
    def _teacher(self) -> SourceMaps | None:
        return self.features.get(self._state.teacher)

    def extract(self) -> None:
        """Compute missing feature maps; `model_ready` follows for each model, then `finished`."""
        image, query, window = self._state.image, self._state.query, self.window
        assert image is not None
        if not window.contains_pixel(*query):
            window = window_around(image.lr.shape[:2], *query)
        self.failures = {}
        self._submit(self.extracting, self._state.sources, window)

    def survey(self) -> None:
        """Compute missing losses of all checkpoints; `losses_changed` follows for each."""
        if self._teacher is not None:
            checkpoints = self._state.timeline.checkpoints.values()
            sources = list(chain.from_iterable(files.items() for files in checkpoints))
            self._submit(self._surveying, sources, self._teacher.window, self._teacher)

    def _submit(
        self, worker: LatestWins, sources: Sequence[Source], window: Window, teacher: SourceMaps | None = None
    ) -> None:
        """Extract the feature maps of `sources`; with a `teacher`, estimate their losses too."""
        image, models, cache = self._state.image, self._state.session.models, dict(self._cache)
        assert image is not None
        extract = partial(extract_maps, image=image, window=window, models=models, cache=cache)

        def work(cancel: CancelToken) -> Iterator[Progress | Extracted]:
            for number, source in enumerate(sources):
                yield Progress(number, len(sources), source[0])
                try:
                    maps, losses = extract(source, cancel=cancel), None
                    if teacher is not None:
                        losses = sa_losses(teacher, maps, range(TAP_COUNT), lattice_stride(window))
                except Cancelled:
                    raise
                except Exception as error:  # noqa: BLE001 - the other models can still be shown
                    # A running training deletes checkpoints: a survey leaves out those that fail.
                    if teacher is None:
                        yield Extracted(source[0], Problem.of(error))
                else:
                    yield Extracted(source[0], maps, losses)

        worker.submit(work)

    def forget_image(self) -> None:
        """Drop everything: another image is shown."""
        for worker in (self._surveying, self.matrices, self.losses):
            worker.cancel()
        for results in (self._cache, self._origins, self._losses):
            results.clear()
        self.features = {}

    def cancel(self) -> None:
        """Stop computing; results that are there stay."""
        for worker in (self.extracting, self._surveying, self.losses):
            worker.cancel()

    def rows(self) -> dict[str, Floats]:
        """Affinity rows (h, w) of the shown pixel by model, and the students' differences to the teacher's.

        Milliseconds, on the calling thread.
        """
        state, pixel = self._state, self._state.shown_pixel
        if not self.window.contains_pixel(*pixel):
            return {}
        rows = {ref: maps.affinity_row(state.layer, *pixel) for ref, maps in self._shown.items()}
        return with_differences(rows, state.teacher)

    def request_losses(self) -> None:
        """Compute missing SA losses of the students shown; `losses_changed` follows for each.

        Estimates at all layers, the one shown first, and then exact values.
        """
        state, teacher = self._state, self._teacher
        students = [maps for ref, maps in self._shown.items() if ref != state.teacher]
        if teacher is None or not students:
            return
        strides = {lattice_stride(teacher.window)}
        # Exact values would slow a running training down.
        if state.session.training is None and teacher.window.positions <= MAX_EXACT_POSITIONS:
            strides.add(1)
        missing = [
            (student, layer, stride)
            for stride in sorted(strides, reverse=True)
            for layer in sorted(range(TAP_COUNT), key=lambda layer: layer != state.layer)
            for student in students
            if teacher.loss_key(student.origin, layer, stride) not in self._losses
        ]

        def work(token: CancelToken) -> Iterator[dict[LossKey, SALoss]]:
            for student, layer, stride in missing:
                token.raise_if_cancelled()
                yield sa_losses(teacher, student, [layer], stride)

        # Also if nothing is missing: the running request is for other models.
        self.losses.submit(work)

    def loss(self, student: str, layer: int) -> SALoss | None:
        """The best known SA loss of `student`."""
        maps = self.features.get(student)
        if self._teacher is None or maps is None:
            return None
        exact = self._losses.get(self._teacher.loss_key(maps.origin, layer, 1))
        return exact or self._estimate(maps.origin, layer)

    def checkpoint_losses(self) -> dict[str, dict[int, SALoss]]:
        """The known losses of the run's checkpoints at the layer shown, by student and step.

        All of them are estimates, so that they compare.
        """
        losses: dict[str, dict[int, SALoss]] = {}
        for step, files in self._state.timeline.checkpoints.items():
            for ref, file in files.items():
                loss = self._estimate(self._origins.get(str(file)), self._state.layer)
                if loss is not None:
                    losses.setdefault(ref, {})[step] = loss
        return losses

    def _estimate(self, student: Origin | None, layer: int) -> SALoss | None:
        if self._teacher is None or student is None:
            return None
        return self._losses.get(self._teacher.loss_key(student, layer, lattice_stride(self.window)))

    def _add_losses(self, losses: dict[LossKey, SALoss]) -> None:
        self._losses |= losses
        self.losses_changed.emit()

    def request_matrices(self) -> None:
        """Compute the matrices of the region, the result of `matrices`.

        A region that lies outside the inspected window is replaced by one around the pixel.
        """
        state, window, region = self._state, self.window, self._state.region
        if not state.matrix_shown or not self.features:
            return
        if not window.contains(region):
            # The change of the region requests its matrices.
            state.set_region(region_around(*state.query, window))
            return
        choice = {"teacher": state.teacher, "layer": state.layer, "region": region, "style": state.style}
        compute = partial(make_matrices, self._shown, **choice)
        self.matrices.submit(lambda _: compute())

    def _take(self, event: Progress | Extracted) -> None:
        match event:
            case Progress():
                self.progressed.emit(event)
            case Extracted(ref, Problem() as problem):
                self.failures[ref] = problem
            case Extracted(ref, maps, None):
                if maps.note:
                    self._state.session.report(f"{self._state.label(ref)}: {maps.note}")
                # Maps over different windows are not shown together.
                same = {other: held for other, held in self.features.items() if held.window == maps.window}
                self.features = {**same, ref: maps}
                self._add_to_cache(maps)
                self.model_ready.emit()
            case Extracted(_, maps, losses):
                self._add_to_cache(maps)
                self._add_losses(losses)

    def _finish(self) -> None:
        refs = [ref for ref, _ in self._state.sources if ref not in self.failures]
        # Models that were added meanwhile have no maps yet.
        self.features = {ref: self.features[ref] for ref in refs if ref in self.features}
        self.finished.emit()

    def _add_to_cache(self, maps: SourceMaps) -> None:
        self._origins[maps.origin[0]] = maps.origin
        self._cache[maps.origin, maps.window] = maps
        self._cache.move_to_end((maps.origin, maps.window))
        # A running training deletes checkpoints: their maps are of no use any more.
        for key in [key for key in self._cache if not Path(split_taps(key[0][0])[0]).exists()]:
            del self._cache[key]
        while len(self._cache) > 1 and sum(held.nbytes for held in self._cache.values()) > MAX_CACHE_BYTES:
            self._cache.popitem(last=False)
