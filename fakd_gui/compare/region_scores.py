"""Measures a region over and over while it moves: the newest numbers as soon as the thread is free."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal

from fakd_core.events import CancelToken, Image8
from fakd_gui.compare.work import PaneReady, Region, RegionScores, measure_region
from fakd_gui.session.jobs import LatestWins


class RegionMeasurer(QObject):
    """Numbers follow a region that is dragged: a measurement under way is finished, not overtaken."""

    measured = Signal(object, object)
    """The `Region`, and its `RegionScores` by pane."""
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._next: tuple[Mapping[str, PaneReady], Image8, Region] | None = None
        self._work = LatestWins("measure the region", self)
        self._work.result.connect(self._take)
        self._work.failed.connect(self.failed)
        self._work.busy.connect(self._go_on)

    def measure(self, results: Mapping[str, PaneReady], hr: Image8, region: Region) -> None:
        """`measured` follows, unless another region is asked for before this one's turn."""
        self._next = (dict(results), hr, region)
        self._go_on(self._work.running)

    def forget(self) -> None:
        """Measure nothing any more."""
        self._next = None
        self._work.cancel()

    def _go_on(self, busy: bool) -> None:
        if busy or self._next is None:
            return
        (results, hr, region), self._next = self._next, None

        def work(token: CancelToken) -> tuple[Region, dict[str, RegionScores]]:
            return region, measure_region(results, hr, region, token)

        self._work.submit(work)

    def _take(self, found: object) -> None:
        assert isinstance(found, tuple)
        self.measured.emit(*found)
