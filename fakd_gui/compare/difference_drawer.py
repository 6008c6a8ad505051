"""PatchSpecs differences, large ones and SSIM's map on a thread; the last one is kept."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from fakd_core.errors import DataError
from fakd_core.events import CancelToken, Image8
from fakd_gui.compare.difference import AT_ONCE_PIXELS, SSIM_RADIUS, Difference, Drawn, Kind, draw_difference
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.problem import Problem


class DifferenceDrawer(QObject):
    changed = Signal()
    """What was asked for last is drawn."""
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.drawn: Drawn | None = None
        self._wanted: tuple[Image8, Image8, Difference] | None = None
        self._problem = ""
        """Why what is wanted could not be drawn: not tried again and again."""
        self._work = LatestWins("draw the difference", self)
        self._work.result.connect(self._take)
        self._work.failed.connect(self._fail)

    def of(self, a: Image8, b: Image8, difference: Difference) -> Drawn | None:
        """The picture of this difference, if it is the last one drawn."""
        return self.drawn if self.drawn is not None and self.drawn.shows(a, b, difference) else None

    def draw(self, a: Image8, b: Image8, difference: Difference, crop_border: int) -> Drawn | None:
        """The picture (see `draw_difference`), or None while a thread draws it; `changed` follows then.

        Raises as `draw_difference`, and `DataError` with the reason where the thread failed.
        """
        found = self.of(a, b, difference)
        if found is not None:
            return found
        # SSIM's library takes half a second to load: never in the window's thread.
        ssim = difference.kind is Kind.SSIM
        quick = not ssim and a.shape[0] * a.shape[1] <= AT_ONCE_PIXELS
        refused = a.shape != b.shape or (ssim and min(a.shape[:2]) <= 2 * SSIM_RADIUS)
        if quick or refused:
            # What a thread may still draw is not wanted any more, and neither is why it can't.
            self._wanted = None
            self._work.cancel()
            self.drawn = draw_difference(a, b, difference, crop_border, CancelToken())
            return self.drawn
        if self._wants(a, b, difference):
            if self._problem:
                raise DataError(self._problem)
            if self._work.running:
                return None
        self._wanted, self._problem = (a, b, difference), ""
        self._work.submit(lambda token: draw_difference(a, b, difference, crop_border, token))
        return None

    def _wants(self, a: Image8, b: Image8, difference: Difference) -> bool:
        wanted = self._wanted
        return wanted is not None and wanted[0] is a and wanted[1] is b and wanted[2] == difference

    def _fail(self, problem: Problem) -> None:
        if self._wanted is None:
            return
        self._problem = problem.text
        self.failed.emit(problem)

    def _take(self, drawn: object) -> None:
        assert isinstance(drawn, Drawn)
        self.drawn = drawn
        self.changed.emit()
