"""The thread that makes what the panes show: one comparison at a time, the newest wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QObject, Signal

from fakd_core.events import CancelToken
from fakd_gui.compare.work import PaneEvent, PaneFailed, PaneReady, compare
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.opened_image import OpenedImage


class Comparison(QObject):
    """Only what belongs to the newest request is reported."""

    reported = Signal(object)
    """A `PaneEvent`."""
    finished = Signal()
    """Every pane is done or has failed; not after a cancellation."""
    busy = Signal(bool)
    failed = Signal(object)
    _told = Signal(int, object)

    def __init__(self, models: ModelCache, parent: QObject) -> None:
        super().__init__(parent)
        self._models = models
        self._generation = 0
        self.done = 0
        self.total = 0
        self._work = LatestWins("compare", self)
        self._work.result.connect(self._ended)
        self._work.failed.connect(self.failed)
        self._work.busy.connect(self.busy)
        # Emitted by the thread, received by the window's.
        self._told.connect(self._receive)

    @property
    def running(self) -> bool:
        return self._work.running

    def start(self, image: OpenedImage, keys: Sequence[str], held: Mapping[str, PaneReady]) -> None:
        """Make what `keys` show of `image`; what is `held` and still right is reported as it is."""
        self._generation += 1
        generation, models = self._generation, self._models
        self.done, self.total = 0, len(keys)

        def work(token: CancelToken) -> int:
            compare(image, keys, models, held, token, lambda event: self._told.emit(generation, event))
            return generation

        self._work.submit(work)

    def cancel(self) -> None:
        self._generation += 1
        self._work.cancel()

    def _receive(self, generation: int, event: PaneEvent) -> None:
        if generation != self._generation:
            return
        if isinstance(event, PaneFailed) or (isinstance(event, PaneReady) and event.final):
            self.done += 1
        self.reported.emit(event)

    def _ended(self, generation: object) -> None:
        if generation == self._generation:
            self.finished.emit()
