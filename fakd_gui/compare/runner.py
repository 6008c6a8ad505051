"""The jobs of Compare: results, region scores, the difference, thumbnails, and the ranking of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fakd_core.errors import DataError
from fakd_core.evaluation.ranking import ImageDifference, measure_differences
from fakd_core.events import CancelToken, Image8
from fakd_gui.compare.cache import ResultCache
from fakd_gui.compare.difference import (
    Difference,
    DifferenceImage,
    Kind,
    check_comparable,
    draw_difference,
)
from fakd_gui.compare.panes import DIFFERENCE
from fakd_gui.compare.results import (
    PaneFailed,
    PaneResult,
    PaneWaiting,
    compute_results,
    measure_region,
)
from fakd_gui.compare.state import CompareState
from fakd_gui.compare.thumbnails import read_thumbnails
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.opened_image import open_image
from fakd_gui.session.problem import Problem

MAX_SYNC_PIXELS = 250_000
"""A difference of at most this many pixels is drawn in the window's thread: it takes a frame or two."""


class CompareRunner(QObject):
    """Computes what the state needs; of each kind of job only the newest request is answered."""

    finished = Signal()
    """Every pane has its result or has failed; not emitted after a cancellation."""
    busy = Signal(bool)
    """Results are being computed."""
    thumbnail_read = Signal(object)
    """A `Thumbnail`."""
    ranking_started = Signal(str)
    """The names of the two models between which images are ranked."""
    difference_measured = Signal(object)
    """An `ImageDifference` of the ranking."""
    ranking_ended = Signal(bool)
    """The ranking is complete (True), or it failed or can't be started (False)."""

    def __init__(self, state: CompareState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.cache = ResultCache()
        self.done = self.total = 0
        """Panes of the running or last computation."""
        self._results = LatestWins("compare", self)
        self._regions = LatestWins("measure the region", self)
        self._differences = LatestWins("draw the difference", self)
        self._thumbnails = LatestWins("thumbnails", self)
        self._ranking = LatestWins("difference of student and teacher", self)
        self._region_is_stale = False
        self._drawing: tuple[Image8, Image8, Difference] | None = None
        """The difference requested last; it is not requested again if it failed."""
        self._results.yielded.connect(self._receive)
        self._results.busy.connect(self._ranking.set_paused)
        self._results.busy.connect(self.busy)
        self._results.result.connect(lambda _: self._finish())
        self._regions.result.connect(state.set_region_scores)
        self._regions.busy.connect(self._measure_again)
        self._differences.result.connect(self._take_difference)
        self._differences.failed.connect(self._fail_difference)
        self._thumbnails.yielded.connect(self.thumbnail_read)
        self._ranking.yielded.connect(self.difference_measured)
        self._ranking.result.connect(lambda _: self.ranking_ended.emit(True))
        self._ranking.failed.connect(lambda _: self.ranking_ended.emit(False))
        for job in (self._results, self._regions, self._thumbnails, self._ranking):
            job.failed.connect(state.session.report)
        state.region_changed.connect(self.measure_region)
        state.panes_changed.connect(self.draw_difference)
        state.reported.connect(lambda _: self.draw_difference())

    # -- results

    @property
    def running(self) -> bool:
        """True while results are computed."""
        return self._results.running

    def compute(self) -> None:
        """Compute the missing results of the open image; `finished` follows."""
        state, models, image = self._state, self._state.session.models, self._state.image
        if image is None:
            return
        keys = state.result_keys
        for key in keys:
            if key not in state.results:
                state.receive(PaneWaiting(key, "Waiting"))
        known = {**self.cache.results_of(image), **state.results}
        self.done, self.total = 0, len(keys)
        self._results.submit(
            lambda token: compute_results(image, keys, models=models, known=known, token=token)
        )

    def cancel(self) -> None:
        """Stop computing; finished results stay."""
        self._results.cancel()
        for key in self._state.result_keys:
            if key not in self._state.results:
                self._state.receive(PaneWaiting(key, "Cancelled"))

    def _receive(self, event: object) -> None:
        state = self._state
        if isinstance(event, PaneFailed) or (isinstance(event, PaneResult) and event.final):
            self.done += 1
        if isinstance(event, PaneResult) and state.image is not None:
            self.cache.add(state.image, event)
        state.receive(event)

    def _finish(self) -> None:
        self.measure_region()
        self.finished.emit()

    # -- the region

    def measure_region(self) -> None:
        """Measure all results inside the region.

        A running measurement is finished first, so that figures appear while the region is dragged.
        """
        image, region = self._state.image, self._state.region
        if region is None or image is None or image.hr is None:
            self._region_is_stale = False
            self._regions.cancel()
            return
        self._region_is_stale = self._regions.running
        if not self._region_is_stale:
            results, hr = dict(self._state.results), image.hr
            self._regions.submit(lambda token: measure_region(results, hr, region, token=token))

    def _measure_again(self, busy: bool) -> None:
        if not busy and self._region_is_stale:
            self.measure_region()

    # -- the difference

    def draw_difference(self) -> None:
        """Draw the chosen difference if it isn't drawn yet: small ones at once, others on a thread."""
        state, pair, difference = self._state, self._state.difference_pixels(), self._state.difference
        if DIFFERENCE not in state.keys or pair is None or state.image is None:
            return
        if (drawn := state.current_difference()) is not None:
            self._stop_drawing()
            if state.difference_error:
                state.set_difference_image(drawn)
            return
        (a, b), crop_border = pair, state.image.scale
        try:
            check_comparable(a, b, difference.kind)
        except DataError as error:
            self._stop_drawing()
            state.set_difference_image(None, str(error))
            return
        # SSIM's library takes half a second to import: never in the window's thread.
        if difference.kind is not Kind.SSIM and a.shape[0] * a.shape[1] <= MAX_SYNC_PIXELS:
            self._stop_drawing()
            token = CancelToken()
            state.set_difference_image(
                draw_difference(a, b, difference, crop_border=crop_border, token=token)
            )
        elif not self._is_drawing(a, b, difference):
            self._drawing = a, b, difference
            state.set_difference_image(None)
            self._differences.submit(
                lambda token: draw_difference(a, b, difference, crop_border=crop_border, token=token)
            )

    def _is_drawing(self, a: Image8, b: Image8, difference: Difference) -> bool:
        drawing = self._drawing
        return drawing is not None and drawing[0] is a and drawing[1] is b and drawing[2] == difference

    def _stop_drawing(self) -> None:
        self._drawing = None
        self._differences.cancel()

    def _take_difference(self, drawn: DifferenceImage) -> None:
        self._state.set_difference_image(drawn)

    def _fail_difference(self, problem: Problem) -> None:
        if self._drawing is not None:
            self._state.set_difference_image(None, problem.text)
            self._state.session.report(problem)

    # -- the filmstrip

    def read_thumbnails(self, paths: Sequence[Path], pixel_ratio: float) -> None:
        """Read one thumbnail after the other for a screen of `pixel_ratio`."""
        paths = list(paths)
        self._thumbnails.submit(lambda token: read_thumbnails(paths, pixel_ratio, token))

    def rank(self, paths: Sequence[Path]) -> None:
        """Measure how much the outputs of student and teacher differ on each image.

        It waits while results are computed.
        """
        session, paths, pair = self._state.session, list(paths), self._state.ranking_pair
        models, scale, is_lr = session.models, session.scale, session.is_lr
        if pair is None:
            session.report("Choose a teacher and add a student: the images are sorted by their difference.")
            self.ranking_ended.emit(False)
            return
        self.ranking_started.emit(" − ".join(map(self._state.label, pair)))

        def work(token: CancelToken) -> Iterator[ImageDifference]:
            networks = models.get(pair[0]), models.get(pair[1])
            return measure_differences(
                paths, networks, read_lr=lambda path: open_image(path, scale, is_lr).lr, token=token
            )

        self._ranking.submit(work)

    def cancel_ranking(self) -> None:
        self._ranking.cancel()
