"""What a benchmark found: scores by model and set, and what is read off them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from statistics import fmean

from fakd_core.evaluation.published import published_scores
from fakd_core.evaluation.results import ImageResult, LeftOut, mean_metrics

BICUBIC = "bicubic"
PUBLISHED = "published:"


@dataclass(frozen=True)
class SetAt:
    """A set at a scale; `data` is its folder, or its name where nobody knows the folder."""

    data: str
    scale: int


@dataclass(frozen=True)
class Cell:
    """One model on one set."""

    ref: str
    at: SetAt


@dataclass(frozen=True)
class Group:
    """A set's name, and how many images it has (0: not known yet)."""

    name: str
    images: int = 0


@dataclass(frozen=True)
class Row:
    """A model. `parameters` and `gmacs` are None for bicubic and where they are not known."""

    ref: str
    label: str
    parameters: float | None = None
    gmacs: float | None = None

    @property
    def published(self) -> bool:
        return self.ref.startswith(PUBLISHED)


@dataclass(frozen=True)
class Score:
    """Mean PSNR (dB), SSIM and seconds per image; `images` are those that the means are of.

    `left_out` are the set's images that could not be measured; `metrics` the means of what installed packages
    measure.
    """

    psnr: float
    ssim: float
    seconds: float | None = None
    images: tuple[ImageResult, ...] = field(default=(), repr=False)
    left_out: tuple[LeftOut, ...] = field(default=(), repr=False)
    metrics: Mapping[str, float] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(
        images: tuple[ImageResult, ...], psnr: float, ssim: float, left_out: tuple[LeftOut, ...] = ()
    ) -> Score:
        seconds = fmean(image.seconds for image in images) if images else None
        return Score(psnr, ssim, seconds, images, left_out, mean_metrics(images))

    def compares_with(self, other: Score) -> bool:
        """Whether both are means of the same images, as far as is known."""
        if not self.left_out and not other.left_out:
            return True
        mine, theirs = ({image.name for image in score.images} for score in (self, other))
        return not mine or not theirs or mine == theirs


class Kind(StrEnum):
    """What a column tells. The first two and nothing else belong to the model alone."""

    PARAMETERS = "parameters"
    GMACS = "gmacs"
    PSNR = "psnr"
    SSIM = "ssim"
    DELTA = "delta"
    GAP = "gap"
    SECONDS = "seconds"
    METRIC = "metric"


MODEL_KINDS = (Kind.PARAMETERS, Kind.GMACS)
SET_KINDS = tuple(kind for kind in Kind if kind not in MODEL_KINDS)


@dataclass(frozen=True)
class Column:
    """`at` is None for what belongs to the model alone; `metric` is the name of an installed package's."""

    kind: Kind
    at: SetAt | None = None
    metric: str = ""


class Mark(StrEnum):
    BEST = "best"
    SECOND = "second"


class Report:
    """Rows (models), groups (sets at a scale) and the scores where they meet.

    `teacher` is what differences are measured to, `baseline` where the gap to the teacher begins; both
    are refs of rows and may be missing.
    """

    def __init__(self, rows: Iterable[Row] = (), teacher: str = "", baseline: str = BICUBIC) -> None:
        self.rows = {row.ref: row for row in rows}
        self.groups: dict[SetAt, Group] = {}
        self.scores: dict[Cell, Score] = {}
        self.notes: dict[Cell, str] = {}
        """How far a cell is that has no score yet."""
        self.failures: dict[Cell, str] = {}
        self.row_failures: dict[str, str] = {}
        self.teacher = teacher
        self.baseline = baseline
        self.measured: datetime | None = None
        """When, if it was not just now."""

    def columns(self, kinds: Iterable[Kind]) -> list[Column]:
        """The columns of `kinds`: what belongs to the model, then set after set."""
        kinds = set(kinds)
        columns = [Column(kind) for kind in MODEL_KINDS if kind in kinds]
        metrics = self.metrics() if Kind.METRIC in kinds else []
        for at in self.groups:
            columns += [Column(kind, at) for kind in SET_KINDS if kind in kinds and kind is not Kind.METRIC]
            columns += [Column(Kind.METRIC, at, name) for name in metrics]
        return columns

    def metrics(self) -> list[str]:
        """What installed packages measured, by name."""
        return list(dict.fromkeys(name for score in self.scores.values() for name in score.metrics))

    def set_name(self, at: SetAt) -> str:
        """The set's name, with its folder's before it where two sets would look alike."""
        name = self.groups[at].name
        alike = [other for other in self.groups if (self.groups[other].name, other.scale) == (name, at.scale)]
        return name if len(alike) == 1 else f"{Path(at.data).parent.name}/{name}"

    def title(self, at: SetAt) -> str:
        """'Set5 ×4'."""
        return f"{self.set_name(at)} ×{at.scale}"

    def same_images(self, at: SetAt) -> bool:
        """Whether all means on a set are of the same images."""
        scores = [score for cell, score in self.scores.items() if cell.at == at]
        return all(score.compares_with(scores[0]) for score in scores)

    def published(self) -> list[Row]:
        """The paper's networks, as rows, where a set of the report is among the paper's."""
        found = {
            network: Row(_published_ref(network.name), network.name, network.parameters, network.gmacs)
            for at, group in self.groups.items()
            for network in published_scores(group.name, at.scale)
        }
        return list(found.values())

    def score(self, ref: str, at: SetAt) -> Score | None:
        if ref.startswith(PUBLISHED):
            scores = published_scores(self.groups[at].name, at.scale) if at in self.groups else {}
            for network, score in scores.items():
                if _published_ref(network.name) == ref:
                    return Score(score.psnr, score.ssim)
            return None
        return self.scores.get(Cell(ref, at))

    def value(self, row: Row, column: Column) -> float | None:
        """The number in a cell, in the unit of its column; None where there is none."""
        if column.at is None:
            return row.parameters if column.kind is Kind.PARAMETERS else row.gmacs
        score = self.score(row.ref, column.at)
        if score is None:
            return None
        match column.kind:
            case Kind.PSNR:
                return score.psnr
            case Kind.SSIM:
                return score.ssim
            case Kind.SECONDS:
                return score.seconds
            case Kind.DELTA:
                return self._delta(row.ref, column.at, score)
            case Kind.METRIC:
                return score.metrics.get(column.metric)
            case _:
                return self._gap(row.ref, column.at, score)

    def mark(self, row: Row, column: Column) -> Mark | None:
        """Best or second best of a set, among the measured models but the teacher.

        Equal as shown is equal; among two models nobody is second, and where the means are of different
        images nobody is best.
        """
        if column.kind not in (Kind.PSNR, Kind.SSIM) or row.published or row.ref == self.teacher:
            return None
        if column.at is not None and not self.same_images(column.at):
            return None
        values = [self.value(other, column) for other in self.rows.values() if other.ref != self.teacher]
        known = [shown(column.kind, value) for value in values if value is not None]
        ranks = sorted({value for value in known}, key=_as_number, reverse=True)
        mine = shown(column.kind, self.value(row, column))
        if len(known) < 2 or mine not in ranks[:2]:
            return None
        if mine == ranks[0]:
            return Mark.BEST
        return Mark.SECOND if len(known) > 2 else None

    def failure(self, row: Row, at: SetAt | None) -> str:
        """Why there is no score; empty where nothing failed."""
        whole = self.row_failures.get(row.ref, "")
        return whole or (self.failures.get(Cell(row.ref, at), "") if at is not None else "")

    def _delta(self, ref: str, at: SetAt, score: Score) -> float | None:
        teacher = self.score(self._teacher_of(ref), at)
        if teacher is None or ref == self._teacher_of(ref) or not score.compares_with(teacher):
            return None
        return _finite(score.psnr - teacher.psnr)

    def _gap(self, ref: str, at: SetAt, score: Score) -> float | None:
        """In percent. None for the teacher and the baseline themselves, and where there is no gap."""
        ends = (self._baseline_of(ref), self._teacher_of(ref))
        baseline, teacher = (self.score(end, at) for end in ends)
        if baseline is None or teacher is None or ref in ends or teacher.psnr <= baseline.psnr:
            return None
        if not (score.compares_with(teacher) and score.compares_with(baseline)):
            return None
        return _finite(100 * (score.psnr - baseline.psnr) / (teacher.psnr - baseline.psnr))

    def _teacher_of(self, ref: str) -> str:
        """A published student is measured by its own teacher."""
        return _sibling(ref, "teacher") if ref.startswith(PUBLISHED) else self.teacher

    def _baseline_of(self, ref: str) -> str:
        """The paper tells of no bicubic by this protocol: there its gap is unknown."""
        if not ref.startswith(PUBLISHED):
            return self.baseline
        return "" if self.baseline == BICUBIC else _sibling(ref, "student")


def shown(kind: Kind, value: float | None) -> str:
    """A number as people read it, without its unit; empty for None."""
    if value is None:
        return ""
    if math.isinf(value):
        return "∞"
    match kind:
        case Kind.PARAMETERS:
            return f"{value / 1e6:.2f}"
        case Kind.GMACS:
            return f"{value:.2f}"
        case Kind.PSNR:
            return f"{value:.3f}"
        case Kind.SSIM:
            return f"{value:.4f}"
        case Kind.DELTA:
            return f"{value:+.3f}"
        case Kind.GAP:
            return f"{value:.0f}"
        case Kind.METRIC:
            return f"{value:.5g}"
        case _:
            return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _as_number(text: str) -> float:
    return float(text.replace("∞", "inf"))


def _published_ref(name: str) -> str:
    return f"{PUBLISHED}{name}"


def _sibling(ref: str, role: str) -> str:
    method = ref.removeprefix(PUBLISHED).split()[0]
    return _published_ref(f"{method} {role}")
