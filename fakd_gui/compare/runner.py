"""The jobs of Compare: results, region scores, the difference, thumbnails, and the ranking of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from fakd_core.evaluation.ranking import ImageDifference, measure_differences
from fakd_core.events import CancelToken
from fakd_gui.compare.cache import ResultCache
from fakd_gui.compare.difference import DifferenceImage, Kind, comparison_error, draw_difference
from fakd_gui.compare.panes import DIFFERENCE
from fakd_gui.compare.results import PaneEvent, PaneResult, PaneWaiting, compute_results, measure_region
from fakd_gui.compare.state import CompareState
from fakd_gui.compare.thumbnails import read_thumbnails
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.opened_image import open_image
from fakd_gui.session.problem import Problem

MAX_SYNC_PIXELS = 250_000
"""A difference of at most this many pixels is drawn in the window's thread: it takes a frame or two."""


class CompareRunner(QObject):
    """Computes what the state needs; of each kind of job only the newest request is answered."""

    def __init__(self, state: CompareState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.cache = ResultCache()
        self.results = LatestWins("compare", self)
        """Yields the events of `compute_results`, which the state has received already."""
        self.thumbnails = LatestWins("thumbnails", self)
        """Yields each path with its picture, or None if it can't be read."""
        self.ranking = LatestWins("difference of student and teacher", self)
        """Yields `ImageDifference`s; it waits while results are computed."""
        self._regions = LatestWins("measure the region", self)
        self._differences = LatestWins("draw the difference", self)
        self._region_is_stale = False
        self.results.yielded.connect(self._receive)
        self.results.busy.connect(self.ranking.set_paused)
        self.results.result.connect(lambda _: self.measure_region())
        self._regions.result.connect(state.set_region_scores)
        self._regions.busy.connect(self._measure_again)
        self._differences.result.connect(state.set_difference_image)
        self._differences.failed.connect(self._fail_difference)
        for job in (self.results, self._regions, self.thumbnails, self.ranking):
            job.failed.connect(state.session.report)
        state.session.models.device_changed.connect(lambda _: self.compute() if self.results.wanted else None)
        state.region_changed.connect(self.measure_region)
        state.panes_changed.connect(self.draw_difference)
        state.reported.connect(lambda _: self.draw_difference())

    # -- results

    def compute(self) -> None:
        """Compute the missing results of the open image."""
        state, models, image = self._state, self._state.session.models, self._state.image
        if image is None:
            return
        keys = state.result_keys
        self._report_missing("Waiting")
        known = {**self.cache.results_of(image), **state.results}
        self.results.submit(
            lambda token: compute_results(image, keys, models=models, known=known, token=token)
        )

    def cancel(self) -> None:
        """Stop computing; finished results stay."""
        self.results.cancel()
        self._report_missing("Cancelled")

    def _report_missing(self, reason: str) -> None:
        for key in self._state.result_keys:
            if key not in self._state.results:
                self._state.receive(PaneWaiting(key, reason))

    def _receive(self, event: PaneEvent) -> None:
        if isinstance(event, PaneResult) and self._state.image is not None:
            self.cache.add(self._state.image, event)
        self._state.receive(event)

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
        if DIFFERENCE not in state.keys or pair is None or state.current_difference() is not None:
            return
        self._differences.cancel()
        draw = partial(draw_difference, *pair, difference, crop_border=state.image.scale)
        error = comparison_error(*pair, difference.kind)
        # SSIM's library takes half a second to import: never in the window's thread.
        at_once = difference.kind is not Kind.SSIM and pair[0][:, :, 0].size <= MAX_SYNC_PIXELS
        if at_once and not error:
            state.set_difference_image(draw(token=CancelToken()))
            return
        state.set_difference_image(DifferenceImage(*pair, difference, error=error))
        if not error:
            self._differences.submit(lambda token: draw(token=token))

    def _fail_difference(self, problem: Problem) -> None:
        image = self._state.difference_image
        # The job may be that of an earlier difference: one that was drawn at once can't stop it.
        if image is not None and image.overlay is None and not image.error:
            self._state.set_difference_image(replace(image, error=problem.text))
            self._state.session.report(problem)

    # -- the filmstrip

    def read_thumbnails(self, paths: Sequence[Path], pixel_ratio: float) -> None:
        """Read one thumbnail after the other for a screen of `pixel_ratio`."""
        self.thumbnails.submit(lambda token: read_thumbnails(paths, pixel_ratio, token))

    def rank(self, paths: Sequence[Path]) -> str:
        """Measure how much the outputs of the first shown student and the teacher differ on each image.

        Returns the names of the two; empty, with a report, if there is no student or no teacher.
        """
        state, session = self._state, self._state.session
        models, teacher, scale, is_lr = session.models, session.teacher, session.scale, session.is_lr
        student = next(iter(session.library.students("Compare")), None)
        if not student or not teacher:
            session.report("Choose a teacher and add a student: the images are sorted by their difference.")
            return ""

        def work(token: CancelToken) -> Iterator[ImageDifference]:
            networks = models.get(student), models.get(teacher)
            return measure_differences(
                paths, networks, read_lr=lambda path: open_image(path, scale, is_lr).lr, token=token
            )

        self.ranking.submit(work)
        return f"{state.label(student)} − {state.label(teacher)}"
