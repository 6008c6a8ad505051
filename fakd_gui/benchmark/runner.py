"""The jobs of the Benchmark workspace: evaluations, reading and keeping tables, finding a cell's images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fakd_core.assets import reference_results
from fakd_core.data.resize import BICUBIC
from fakd_core.errors import DataError
from fakd_core.evaluation.events import CellEvaluated, EvaluationEvent, EvaluationFailed, ImageStarted
from fakd_core.evaluation.report import Report
from fakd_core.evaluation.report_file import read_report, to_document
from fakd_core.evaluation.results import EvalSet, LeftOut
from fakd_core.events import CancelToken
from fakd_core.files import config_folder, write_text
from fakd_core.runs.references import bundled_models, split_taps
from fakd_gui.benchmark.state import BenchmarkState
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.problem import Problem
from fakd_gui.session.run_folders import follow_run

if TYPE_CHECKING:
    from fakd_core.evaluation.evaluate import KnownResults

LAST = "benchmark.json"
"""The last table, among the user's settings."""
FIRST_REFERENCE = "rcan-x4"
"""The bundled models' table that a first start shows."""


def family_title(family: str) -> str:
    """'RCAN ×4' for 'rcan-x4'."""
    return family.replace("-x", " ×").upper()


class BenchmarkRunner(QObject):
    """Fills the state's report, one evaluation at a time. Results of this session are not computed again."""

    cell_progressed = Signal(object)
    """The `Cell` whose progress changed."""
    progressed = Signal(str, str, float)
    """The model and image in work; the time left; the share (0..1) that is done."""
    finished = Signal()
    """Everything was measured or has failed; not after a cancellation."""

    def __init__(self, state: BenchmarkState) -> None:
        super().__init__(state)
        self.state = state
        self._session = state.session
        self._known: KnownResults = {}
        self._announced: set[object] = set()
        self.evaluation = LatestWins("benchmark", self)
        self.evaluation.yielded.connect(self._receive)
        self.evaluation.result.connect(self._finish)
        self._reading = LatestWins("read results", self)
        self._reading.result.connect(self._show_read)
        self._keeping = LatestWins("keep the last table", self)
        self._finding = LatestWins("find the images of a set", self)
        self._finding.result.connect(self._show_in_compare)
        for jobs in (self.evaluation, self._reading, self._keeping, self._finding):
            jobs.failed.connect(self._session.error)
        self._session.run_moved.connect(self._move_run)
        self._session.models.device_changed.connect(
            lambda _: self._start() if self.evaluation.wanted else None
        )

    def _move_run(self, run: Path, to: Path | None) -> None:
        """Follow a run that was renamed; results of one that is gone stay, as do those that still come."""
        if to is not None and not self.evaluation.running:
            self.state.list_images(None)
            self.state.report.rename_models(lambda ref: str(follow_run(ref, run, to)))
            self.state.report_changed.emit()

    # -- evaluations ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Measure the shown models on the checked sets; `finished` follows."""
        if self.evaluation.running or not self.state.is_ready:
            return
        self._announced.clear()
        self._start()

    def _start(self) -> None:
        refs, models, known = list(self.state.new_report().rows), self._session.models, self._known
        folders, scale = self.state.checked_folders, self._session.scale

        def work(token: CancelToken) -> Iterator[EvaluationEvent]:
            from fakd_core.evaluation.evaluate import evaluate

            return evaluate(refs, folders, scale=scale, load=models.get, known=known, cancel=token)

        self.evaluation.submit(work)
        self.progressed.emit("Loading the models", "", 0.0)

    def cancel(self) -> None:
        """Stop; results stay."""
        self.evaluation.cancel()
        report = self.state.report
        report.progress = dict.fromkeys(report.progress, "cancelled")
        self.state.results_changed.emit()
        self._keep()

    def _receive(self, event: EvaluationEvent) -> None:
        report = self.state.report
        report.update(event)
        match event:
            case ImageStarted(cell, image, index, images):
                from fakd_core.training.estimate import format_duration  # Loads torch.

                self.cell_progressed.emit(cell)
                title = f"{report.rows[cell.ref].label} on {report.title(cell.eval_set)}"
                seconds = event.seconds_left
                left = "" if seconds is None else f"{format_duration(max(1, seconds))} left"
                self.progressed.emit(f"{title}: {image}, {index + 1} of {images}", left, event.fraction)
                return
            case CellEvaluated(cell, result):
                self._announce_left_out(cell.eval_set, result.left_out)
            case EvaluationFailed(error=error):
                self._announce(Problem.of(error))
        self.state.results_changed.emit()

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
            title = self.state.report.title(eval_set)
            reason = f"{new[0].reason} (left out of the means on {title}{others})"
            self._announce(Problem(f"{new[0].file}: {reason}", Path(new[0].file)))

    def _finish(self) -> None:
        self.state.results_changed.emit()
        self._keep()
        self.finished.emit()

    # -- tables --------------------------------------------------------------------------------------

    def open(self, path: Path, source: str | None = None) -> None:
        """Show the table in `path`, saved or printed by `fakd evaluate --json`; `source` names it."""
        self._reading.submit(lambda token: (read_report(path), path.name if source is None else source), path)

    def open_last(self) -> None:
        """Show the last table, or the bundled models' if there is none."""
        last = config_folder() / LAST
        if last.is_file():
            self.open(last, "")
        else:
            self.open_reference(FIRST_REFERENCE)

    def open_reference(self, family: str) -> None:
        """Show the scores of the bundled models of `family` on the papers' sets."""
        self.open(reference_results()[family], f"Reference results of {family_title(family)}")

    def _show_read(self, read: tuple[Report, str]) -> None:
        if not self.evaluation.running:
            self.state.show_report(*read)

    def _keep(self) -> None:
        """Write the table for the next start."""
        if not self.state.report.results:
            return
        document, path = to_document(self.state.report, datetime.now()), config_folder() / LAST

        def work(token: CancelToken) -> None:
            try:
                write_text(path, json.dumps(document, allow_nan=False))
            except OSError as error:
                raise DataError(
                    f"{path}: can't be written ({error.strerror}); "
                    "the next start won't show the table: save it"
                ) from None

        self._keeping.submit(work, path)

    # -- images --------------------------------------------------------------------------------------

    def show_in_compare(self, first: int) -> None:
        """Show the listed images in Compare, in their order, with number `first` open."""
        images, cell = self.state.images, self.state.image_cell
        if cell is None or not 0 <= first < len(images):
            return
        folder, scale = self.state.local_folder(cell.eval_set), cell.eval_set.scale

        def work(token: CancelToken) -> tuple[str, list[Path], list[str], int]:
            from fakd_core.data.datasets import open_dataset

            dataset = open_dataset(folder, scale)
            files = dict(zip(dataset.names, dataset.hr_files, strict=True))
            found = [image for image in images if image.name in files]
            start = found.index(images[first]) if images[first] in found else 0
            return cell.ref, [files[image.name] for image in found], [image.label for image in found], start

        self._finding.submit(work)

    def _show_in_compare(self, found: tuple[str, list[Path], list[str], int]) -> None:
        ref, paths, labels, start = found
        session = self._session
        if ref in bundled_models() or ref == BICUBIC or Path(split_taps(ref)[0]).exists():
            session.library.show([session.library.add(ref)], ["Compare"])
        session.set_is_lr(False)
        session.show_images(paths, labels)
        if start:
            session.open_image(paths[start])
