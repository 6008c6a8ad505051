"""Runs an evaluation on a thread and enters its events into a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fakd_core.evaluation.events import CellEvaluated, EvaluationEvent, EvaluationFailed, ImageStarted
from fakd_core.evaluation.report import Report
from fakd_core.evaluation.results import EvalSet, LeftOut
from fakd_core.events import CancelToken
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.problem import Problem
from fakd_gui.session.session import Session

if TYPE_CHECKING:
    from fakd_core.evaluation.evaluate import KnownResults


class Runner(QObject):
    """One evaluation at a time. Results of this session are not computed again."""

    changed = Signal()
    """The report has other rows, sets or results."""
    cell_progressed = Signal(object)
    """The `Cell` whose progress changed."""
    progressed = Signal(str, str, float)
    """What is being evaluated; the time left; the share (0..1) that is done."""
    finished = Signal()
    """Everything was evaluated or has failed; not after a cancellation."""
    busy = Signal(bool)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._known: KnownResults = {}
        self._announced: set[object] = set()
        self.report = Report()
        self._work = LatestWins("benchmark", self)
        self._work.yielded.connect(self._receive)
        self._work.result.connect(self.finished)
        self._work.failed.connect(session.error)
        self._work.busy.connect(self.busy)

    @property
    def running(self) -> bool:
        return self._work.running

    def start(self, report: Report, folders: Sequence[Path], scale: int) -> None:
        """Evaluate the rows of `report` on `folders`, and fill it."""
        self.report = report
        self._announced.clear()
        refs, models, known = list(report.rows), self._session.models, self._known

        def work(token: CancelToken) -> Iterator[EvaluationEvent]:
            from fakd_core.evaluation.evaluate import evaluate

            return evaluate(refs, folders, scale=scale, load=models.get, known=known, cancel=token)

        self._work.submit(work)
        self.progressed.emit("Loading the models", "", 0.0)

    def cancel(self) -> None:
        """Stop; results stay."""
        self._work.cancel()
        self.report.progress = dict.fromkeys(self.report.progress, "cancelled")

    def _receive(self, event: EvaluationEvent) -> None:
        self.report.update(event)
        match event:
            case ImageStarted(cell, image, index, images):
                self.cell_progressed.emit(cell)
                title = f"{self.report.rows[cell.ref].label} on {self.report.title(cell.eval_set)}"
                what = f"{title}: {image}, {index + 1} of {images}"
                self.progressed.emit(what, _format_time_left(event.seconds_left), event.fraction)
                return
            case CellEvaluated(cell, result):
                self._announce_left_out(cell.eval_set, result.left_out)
            case EvaluationFailed(_, error):
                self._announce(Problem.of(error))
        self.changed.emit()

    def _announce(self, problem: Problem) -> None:
        """Show each message once: a set that can't be read fails for every model."""
        if problem.text not in self._announced:
            self._announced.add(problem.text)
            self._session.report(problem)

    def _announce_left_out(self, eval_set: EvalSet, left_out: Sequence[LeftOut]) -> None:
        """Show the first new image, and the number of others: most are broken for every model."""
        new = [lost for lost in left_out if (eval_set, lost) not in self._announced]
        self._announced.update((eval_set, lost) for lost in new)
        if new:
            others = f", as were {len(new) - 1} more" if new[1:] else ""
            title = self.report.title(eval_set)
            reason = f"{new[0].reason} (left out of the means on {title}{others})"
            self._announce(Problem(f"{new[0].file}: {reason}"))


def _format_time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))} s left"
    if seconds < 3600:
        return f"{round(seconds / 60)} min left"
    return f"{seconds / 3600:.1f} h left"
