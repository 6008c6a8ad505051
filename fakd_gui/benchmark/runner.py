"""Follows a benchmark on its thread, and enters what it tells into the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fakd_core.evaluation.published import published_set
from fakd_core.evaluation.report import Cell, Group, Report, Row, Score, SetAt
from fakd_core.evaluation.results import LeftOut
from fakd_core.events import CancelToken
from fakd_gui.benchmark.work import (
    BenchmarkEvent,
    CellFailed,
    CellProgress,
    CellReady,
    Measurements,
    ModelFailed,
    ModelReady,
    Planned,
    benchmark,
)
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.session import Session


class Runner(QObject):
    """One benchmark at a time. What was measured since the app started is not measured again."""

    changed = Signal()
    """The report has other rows, sets or figures."""
    noted = Signal(object)
    """The `Cell` that tells how far it is."""
    progressed = Signal(str, str, float)
    """What is in work; the time left; the part (0..1) of the whole."""
    finished = Signal()
    """Everything was measured or has failed; not after a cancellation."""
    busy = Signal(bool)
    _reported = Signal(int, object)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._kept = Measurements()
        self._generation = 0
        self._told: set[str] = set()
        self._told_left_out: set[tuple[SetAt, LeftOut]] = set()
        self.report = Report()
        self._work = LatestWins("benchmark", self)
        self._work.result.connect(self._all_done)
        self._work.failed.connect(session.error)
        self._work.busy.connect(self.busy)
        self._reported.connect(self._receive)

    @property
    def running(self) -> bool:
        return self._work.running

    def start(self, report: Report, folders: Sequence[Path], refs: Sequence[str], scale: int) -> None:
        """Fill `report`, which has a row for each of `refs`."""
        self.report = report
        self._told.clear()
        self._told_left_out.clear()
        self._generation += 1
        generation, models, kept = self._generation, self._session.models, self._kept

        def work(token: CancelToken) -> int:
            def tell(event: BenchmarkEvent) -> None:
                self._reported.emit(generation, event)

            benchmark(folders, refs, models, scale, kept, token, tell)
            return generation

        self._work.submit(work)
        self.progressed.emit("Loading the models", "", 0.0)

    def cancel(self) -> None:
        """Stop; what is measured stays."""
        self._generation += 1
        self._work.cancel()
        self.report.notes = dict.fromkeys(self.report.notes, "cancelled")

    def _receive(self, generation: int, event: BenchmarkEvent) -> None:
        if generation != self._generation:
            return
        report = self.report
        match event:
            case ModelReady(ref, parameters, gmacs):
                report.rows[ref] = replace(report.rows[ref], parameters=parameters, gmacs=gmacs)
            case ModelFailed(ref, message):
                report.row_failures[ref] = message
                self._tell(message)
            case Planned(cells):
                report.notes = dict.fromkeys(cells, "waiting")
                for cell in cells:
                    name = Path(cell.at.data).name
                    report.groups.setdefault(cell.at, Group(published_set(name) or name))
            case CellProgress(cell, image, done, total, part, left):
                report.notes[cell] = f"{done} of {total}"
                self.noted.emit(cell)
                self.progressed.emit(f"{self._name(cell)}: {image}, {done + 1} of {total}", _left(left), part)
                return
            case CellReady(cell, group, score):
                report.groups[cell.at] = group
                report.scores[cell] = score
                report.notes.pop(cell, None)
                self._tell_left_out(cell, score)
            case CellFailed(cell, message):
                report.failures[cell] = message
                report.notes.pop(cell, None)
                self._tell(message)
        self.changed.emit()

    def _tell(self, message: str) -> None:
        """Once for each reason: a set that can't be read fails for every model."""
        if message not in self._told:
            self._told.add(message)
            self._session.error.emit(message)

    def _tell_left_out(self, cell: Cell, score: Score) -> None:
        """The first image not told of yet, and how many others: most are broken for every model."""
        new = [lost for lost in score.left_out if (cell.at, lost) not in self._told_left_out]
        self._told_left_out.update((cell.at, lost) for lost in new)
        if new:
            others = f", as were {len(new) - 1} more" if new[1:] else ""
            title = self.report.title(cell.at)
            self._tell(f"{new[0].file}: {new[0].reason} (left out of the means on {title}{others})")

    def _name(self, cell: Cell) -> str:
        return f"{self.report.rows[cell.ref].label} on {self.report.title(cell.at)}"

    def _all_done(self, generation: object) -> None:
        if generation == self._generation:
            self.finished.emit()


def empty_report(labels: Mapping[str, str], refs: Sequence[str], teacher: str, baseline: str) -> Report:
    """Rows without figures for `refs`."""
    return Report([Row(ref, labels.get(ref, ref)) for ref in refs], teacher, baseline)


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))} s left"
    if seconds < 3600:
        return f"{round(seconds / 60)} min left"
    return f"{seconds / 3600:.1f} h left"
