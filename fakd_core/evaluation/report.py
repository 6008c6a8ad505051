"""A table of models by sets: the scores of an evaluation and what follows from them. Loads no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.events import (
    CellEvaluated,
    EvaluationEvent,
    EvaluationFailed,
    EvaluationPlanned,
    ImageStarted,
    ModelLoaded,
)
from fakd_core.evaluation.published import NETWORKS, published_scores
from fakd_core.evaluation.results import Cell, EvalSet, Failure, LeftOut, Result, added_metrics, coverage
from fakd_core.runs.references import model_labels

_PUBLISHED = {f"published:{network.name}": network for network in NETWORKS}
"""The paper's networks by the references of their rows."""


@dataclass(frozen=True)
class SetInfo:
    """The name of a set, and its number of images (0: not known yet)."""

    name: str
    images: int = 0


@dataclass(frozen=True)
class Row:
    """A model, by its reference. `parameters` and `gmacs` are None for bicubic, and if unknown."""

    ref: str
    label: str
    parameters: float | None = None
    gmacs: float | None = None
    remarks: tuple[str, ...] = ()
    """Choices and guesses that were made when its file was read."""

    @property
    def published(self) -> bool:
        return self.ref in _PUBLISHED


class Kind(StrEnum):
    """The quantity in a column. Parameters and GMACs belong to the model alone, the others to a set."""

    PARAMETERS = "parameters"
    GMACS = "gmacs"
    PSNR = "psnr"
    SSIM = "ssim"
    DELTA = "delta"
    GAP = "gap"
    SECONDS = "seconds"
    METRIC = "metric"


SEEN = "†"
"""The mark of scores on images that the model learned from."""

_SCORES = (Kind.PSNR, Kind.SSIM, Kind.DELTA, Kind.GAP)
MODEL_KINDS = (Kind.PARAMETERS, Kind.GMACS)
SET_KINDS = tuple(kind for kind in Kind if kind not in MODEL_KINDS)


@dataclass(frozen=True)
class Column:
    """`eval_set` is None for a quantity of the model alone; `metric` names that of an installed package."""

    kind: Kind
    eval_set: EvalSet | None = None
    metric: str = ""


class Mark(StrEnum):
    BEST = "best"
    SECOND = "second"


class Report:
    """Rows (models), sets, and the results where they meet.

    `teacher` is the model that differences are relative to, `baseline` the one where the gap to the teacher
    begins; both are references of rows and may be missing.
    """

    def __init__(self, rows: Iterable[Row] = (), teacher: str = "", baseline: str = BICUBIC) -> None:
        self.rows = {row.ref: row for row in rows}
        self.sets: dict[EvalSet, SetInfo] = {}
        self.results: dict[Cell, Result] = {}
        self.progress: dict[Cell, str] = {}
        """Progress of the cells that have no result yet, for users."""
        self.failures: dict[Cell, Failure] = {}
        self.model_failures: dict[str, Failure] = {}
        self.teacher = teacher
        self.baseline = baseline
        self.measured: datetime | None = None
        """Time of the evaluation; None for one of this session."""

    def update(self, event: EvaluationEvent) -> None:
        """Enter an event of an evaluation of this report's rows."""
        match event:
            case ModelLoaded(ref, parameters, gmacs, remarks):
                row = self.rows[ref]
                self.rows[ref] = replace(row, parameters=parameters, gmacs=gmacs, remarks=remarks)
            case EvaluationPlanned(cells, set_names):
                self.progress = dict.fromkeys(cells, "waiting")
                for eval_set in dict.fromkeys(cell.eval_set for cell in cells):
                    self.sets.setdefault(eval_set, SetInfo(set_names[eval_set]))
            case ImageStarted(cell=cell, index=index, images=images):
                self.progress[cell] = f"{index} of {images}"
            case CellEvaluated(cell, result):
                self.sets[cell.eval_set] = SetInfo(result.dataset, result.images_in_set)
                self.results[cell] = result
                self.progress.pop(cell, None)
            case EvaluationFailed(failure=failure, cell=None):
                self.model_failures[failure.model] = failure
            case EvaluationFailed(failure=failure, cell=Cell() as cell):
                self.failures[cell] = failure
                self.progress.pop(cell, None)

    def rename_models(self, follow: Callable[[str], str]) -> None:
        """Replace the reference of each model by what `follow` makes of it."""

        def moved(cell: Cell) -> Cell:
            return replace(cell, ref=follow(cell.ref))

        self.rows = {follow(ref): replace(row, ref=follow(ref)) for ref, row in self.rows.items()}
        self.results = {
            moved(cell): replace(result, model=follow(result.model)) for cell, result in self.results.items()
        }
        self.progress = {moved(cell): text for cell, text in self.progress.items()}
        self.failures = {moved(cell): failure for cell, failure in self.failures.items()}
        self.model_failures = {follow(ref): failure for ref, failure in self.model_failures.items()}
        self.teacher, self.baseline = follow(self.teacher), follow(self.baseline)

    def columns(self, kinds: Iterable[Kind]) -> list[Column]:
        """The columns of `kinds`: those of the model, then set after set."""
        kinds = set(kinds)
        columns = [Column(kind) for kind in MODEL_KINDS if kind in kinds]
        metrics = self.metrics() if Kind.METRIC in kinds else []
        for eval_set in self.sets:
            of_set = [kind for kind in SET_KINDS if kind in kinds and kind is not Kind.METRIC]
            columns += [Column(kind, eval_set) for kind in of_set]
            columns += [Column(Kind.METRIC, eval_set, name) for name in metrics]
        return columns

    def metrics(self) -> list[str]:
        """Names of the metrics of installed packages."""
        return added_metrics(self.results.values())

    def set_name(self, eval_set: EvalSet) -> str:
        """The set's name, with its parent folder's before it if two sets would look alike."""
        name = self.sets[eval_set].name
        alike = [
            other for other, info in self.sets.items() if (info.name, other.scale) == (name, eval_set.scale)
        ]
        return name if len(alike) == 1 else f"{Path(eval_set.data).parent.name}/{name}"

    def title(self, eval_set: EvalSet) -> str:
        """'Set5 ×4'."""
        return f"{self.set_name(eval_set)} ×{eval_set.scale}"

    def same_images(self, eval_set: EvalSet) -> bool:
        """True if all means on a set are over the same images."""
        results = self._on(eval_set)
        return all(result.compares_with(results[0]) for result in results)

    def image_count(self, eval_set: EvalSet) -> str:
        """'5 images', '1 image', '4 of 5 images' if the means are over fewer; empty if unknown."""
        images = self.sets[eval_set].images
        counts = [result.images for result in self._on(eval_set)] or [images]
        least, most = min(counts), max(counts)
        count = coverage(most, images) if least == most else f"{least}–{most} of {images}"
        return f"{count} {'image' if images == 1 else 'images'}" if images else ""

    def remark(self, row: Row, column: Column) -> str:
        """The addition to a value in its cell; empty for most.

        '† (31.204)' if the model learned from some of the images, with the mean over the others, if there are
        any; ' (3 of 5)' after a PSNR if the means on its set are not over the same images, or not over all.
        """
        eval_set = column.eval_set
        result = self.results.get(Cell(row.ref, eval_set)) if eval_set else None
        if eval_set is None or result is None or self.value(row, column) is None:
            return ""
        text = ""
        if result.seen and column.kind in _SCORES:
            text = SEEN
            if result.unseen and column.kind in (Kind.PSNR, Kind.SSIM):
                unseen = result.unseen.psnr_y if column.kind is Kind.PSNR else result.unseen.ssim_y
                text += f" ({format_value(column.kind, unseen)})"
        if column.kind is Kind.PSNR and (result.infinite_psnr or not self.same_images(eval_set)):
            finite = result.images - len(result.infinite_psnr)
            text += f" ({finite} of {self.sets[eval_set].images})"
        return text

    def left_out(self, eval_set: EvalSet) -> dict[LeftOut, list[str]]:
        """The images of a set that were left out, each with the models that lack it."""
        found: dict[LeftOut, list[str]] = {}
        for result in self._on(eval_set):
            for lost in result.left_out:
                found.setdefault(lost, []).append(result.model)
        return found

    def published(self) -> list[Row]:
        """The paper's networks, as rows, if a set of the report is among the paper's."""
        if not any(published_scores(info.name, eval_set.scale) for eval_set, info in self.sets.items()):
            return []
        return [Row(ref, one.name, one.parameters, one.gmacs) for ref, one in _PUBLISHED.items()]

    def result(self, ref: str, eval_set: EvalSet) -> Result | None:
        """The result in a cell; a published one has no images."""
        if ref not in _PUBLISHED:
            return self.results.get(Cell(ref, eval_set))
        if eval_set not in self.sets:
            return None
        name, scale = self.sets[eval_set].name, eval_set.scale
        score = published_scores(name, scale).get(_PUBLISHED[ref])
        return Result(ref, name, scale, 0, score.psnr, score.ssim) if score else None

    def value(self, row: Row, column: Column) -> float | None:
        """The number in a cell, in its column's unit; None if there is none."""
        if column.eval_set is None:
            return row.parameters if column.kind is Kind.PARAMETERS else row.gmacs
        result = self.result(row.ref, column.eval_set)
        if result is None:
            return None
        match column.kind:
            case Kind.PSNR:
                return result.psnr_y
            case Kind.SSIM:
                return result.ssim_y
            case Kind.SECONDS:
                return result.seconds
            case Kind.DELTA:
                return self._delta(row.ref, column.eval_set, result)
            case Kind.METRIC:
                return result.metrics.get(column.metric)
            case _:
                return self._gap(row.ref, column.eval_set, result)

    def mark(self, row: Row, column: Column) -> Mark | None:
        """Best or second best on a set, among the measured models without the teacher.

        Values that look equal count as equal; of two models none is second, and if the means are over
        different images none is best. A model that was trained on some of the images is neither.
        """
        if column.kind not in (Kind.PSNR, Kind.SSIM) or row.published:
            return None
        if column.eval_set is not None and not self.same_images(column.eval_set):
            return None
        rivals = [other for other in self.rows.values() if self._may_be_best(other, column.eval_set)]
        if row not in rivals:
            return None
        values = [self.value(other, column) for other in rivals]
        known = [format_value(column.kind, value) for value in values if value is not None]
        ranks = sorted(set(known), key=lambda text: float(text.replace("∞", "inf")), reverse=True)
        mine = format_value(column.kind, self.value(row, column))
        if len(known) < 2 or mine not in ranks[:2]:
            return None
        if mine == ranks[0]:
            return Mark.BEST
        return Mark.SECOND if len(known) > 2 else None

    def failure(self, row: Row, eval_set: EvalSet | None) -> Failure | None:
        """The reason why a cell has no result; None if nothing failed."""
        found = self.model_failures.get(row.ref)
        return found or (self.failures.get(Cell(row.ref, eval_set)) if eval_set else None)

    def _may_be_best(self, row: Row, eval_set: EvalSet | None) -> bool:
        result = self.results.get(Cell(row.ref, eval_set)) if eval_set else None
        return row.ref != self.teacher and not (result and "training" in result.seen)

    def _on(self, eval_set: EvalSet) -> list[Result]:
        return [result for cell, result in self.results.items() if cell.eval_set == eval_set]

    def _delta(self, ref: str, eval_set: EvalSet, result: Result) -> float | None:
        teacher = self.result(self._teacher_of(ref), eval_set)
        if teacher is None or ref == self._teacher_of(ref) or not result.compares_with(teacher):
            return None
        return _finite(result.psnr_y - teacher.psnr_y)

    def _gap(self, ref: str, eval_set: EvalSet, result: Result) -> float | None:
        """In percent. None for the teacher and the baseline themselves, and if there is no gap."""
        ends = (self._baseline_of(ref), self._teacher_of(ref))
        baseline, teacher = (self.result(end, eval_set) for end in ends)
        if baseline is None or teacher is None or ref in ends or teacher.psnr_y <= baseline.psnr_y:
            return None
        if not (result.compares_with(teacher) and result.compares_with(baseline)):
            return None
        return _finite(100 * (result.psnr_y - baseline.psnr_y) / (teacher.psnr_y - baseline.psnr_y))

    def _teacher_of(self, ref: str) -> str:
        """A published student is compared with its own teacher."""
        return _sibling(ref, "teacher") if ref in _PUBLISHED else self.teacher

    def _baseline_of(self, ref: str) -> str:
        """The paper has no bicubic by this protocol, so its students' gap to it is unknown."""
        if ref not in _PUBLISHED:
            return self.baseline
        return "" if self.baseline == BICUBIC else _sibling(ref, "student")


def row_labels(refs: Iterable[str]) -> dict[str, str]:
    """Short names for rows, by reference."""
    return {ref: "Bicubic" if ref == BICUBIC else label for ref, label in model_labels(refs).items()}


def format_value(kind: Kind, value: float | None) -> str:
    """A value as tables show it, without its unit; empty for None."""
    if value is None:
        return ""
    return "∞" if math.isinf(value) else _FORMATS[kind](value)


_FORMATS: dict[Kind, Callable[[float], str]] = {
    Kind.PARAMETERS: lambda value: f"{value / 1e6:.2f}",
    Kind.GMACS: "{:.2f}".format,
    Kind.PSNR: "{:.3f}".format,
    Kind.SSIM: "{:.4f}".format,
    Kind.DELTA: "{:+.3f}".format,
    Kind.GAP: "{:.0f}".format,
    Kind.SECONDS: lambda value: f"{value:.3f}" if value < 10 else f"{value:.1f}",
    Kind.METRIC: "{:.5g}".format,
}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _sibling(ref: str, role: str) -> str:
    """The published network `role` of the same method as `ref`."""
    return f"published:{_PUBLISHED[ref].method} {role}"
