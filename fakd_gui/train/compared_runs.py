"""The runs that are laid over the shown one, read in the background and kept while they are compared."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fakd_core.errors import RunError
from fakd_core.events import CancelToken
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.series import RunSeries, read_series
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.session import Session

Read = dict[Path, tuple[float, RunSeries]]
"""By run: when its metrics were written last, and what was in them."""


class Comparison(QObject):
    """Follows `session.compared`."""

    changed = Signal(list)
    """The runs and their curves, in the order in which they were chosen."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._read: Read = {}
        self._reader = LatestWins("read the runs to compare", self)
        self._reader.result.connect(self._take)
        self._reader.failed.connect(session.error)
        session.compared_changed.connect(self._load)

    @property
    def runs(self) -> list[tuple[Path, RunSeries]]:
        return [(run, self._read[run][1]) for run in self._session.compared if run in self._read]

    def _load(self, wanted: list[Path]) -> None:
        known = dict(self._read)
        if not wanted:
            self._reader.cancel()
            self._take(({}, []))
            return

        def work(token: CancelToken) -> tuple[Read, list[str]]:
            read, problems = {}, []
            for run in wanted:
                token.raise_if_cancelled()
                try:
                    written = RunLayout(run).metrics.stat().st_mtime
                    held = known.get(run)
                    fresh = held if held and held[0] == written else None
                    read[run] = fresh or (written, read_series(run))
                except (OSError, RunError) as error:
                    problems.append(
                        f"{run.name} can't be compared: {getattr(error, 'strerror', 0) or error}."
                    )
            return read, problems

        self._reader.submit(work)

    def _take(self, result: object) -> None:
        assert isinstance(result, tuple)
        self._read, problems = result
        for problem in problems:
            self._session.report(problem)
        self.changed.emit(self.runs)
