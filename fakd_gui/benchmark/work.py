"""One benchmark: every model on every set, told image by image. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fakd_core.errors import DataError, FakdError
from fakd_core.evaluation.report import BICUBIC, Cell, Group, Score, SetAt
from fakd_core.events import Cancelled, CancelToken, Progress
from fakd_gui.session.jobs import describe
from fakd_gui.session.model_cache import ModelCache

if TYPE_CHECKING:
    from fakd_core.data.datasets import SRDataset
    from fakd_core.models.layers import SRNetwork

SECONDS_PER_GMAC, SECONDS_PER_MEGAPIXEL = 0.02, 0.6
"""Rough cost of a network's pass and of scoring, for the time left; what was measured so far corrects it."""

PAPER_LR_PIXELS = 36 * 64


@dataclass(frozen=True)
class ModelReady:
    """A model is loaded: its learned numbers and GMACs at the papers' size (None: bicubic)."""

    ref: str
    parameters: float | None
    gmacs: float | None


@dataclass(frozen=True)
class ModelFailed:
    ref: str
    message: str


@dataclass(frozen=True)
class Planned:
    """What will be measured, in order; what was measured before comes as `CellReady` at once."""

    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class CellProgress:
    """`image` is in work, `done` of `total` are; `part` (0..1) of the whole, and seconds `left` if known."""

    cell: Cell
    image: str
    done: int
    total: int
    part: float
    left: float | None


@dataclass(frozen=True)
class CellReady:
    cell: Cell
    group: Group
    score: Score


@dataclass(frozen=True)
class CellFailed:
    cell: Cell
    message: str


BenchmarkEvent = ModelReady | ModelFailed | Planned | CellProgress | CellReady | CellFailed
Report = Callable[[BenchmarkEvent], None]
Fingerprint = tuple[object, ...]


class Measurements(dict[Fingerprint, tuple[Group, Score]]):
    """What was measured since the app started, by model file, images and scale; the protocol is fixed."""


@dataclass(frozen=True)
class _Network:
    """A loaded model, or None for bicubic."""

    ref: str
    model: SRNetwork | None
    gmacs: float
    fingerprint: Fingerprint


@dataclass(frozen=True)
class _Job:
    cell: Cell
    network: _Network
    dataset: SRDataset
    fingerprint: Fingerprint
    cost: float


def benchmark(
    folders: Sequence[Path],
    refs: Sequence[str],
    models: ModelCache,
    scale: int,
    kept: Measurements,
    token: CancelToken,
    report: Report,
) -> None:
    """Measure `refs` on `folders`, set after set, but for what is `kept`; new scores are kept, too.

    What fails doesn't stop the others. What was measured without some images is not kept: another time they
    may be whole. Bicubic enlarges by the models' scales, or by `scale` where there is no other model. Raises
    `Cancelled`.
    """
    networks = _load(refs, models, token, report)
    scales = list(dict.fromkeys(int(one.model.spec.scale) for one in networks if one.model)) or [scale]
    pairs = [
        (Cell(network.ref, SetAt(str(folder), factor)), network)
        for folder in folders
        for factor in scales
        for network in networks
        if network.model is None or network.model.spec.scale == factor
    ]
    report(Planned(tuple(cell for cell, _ in pairs)))
    jobs = _plan(pairs, kept, token, report)
    clock = _Clock(sum(job.cost for job in jobs))
    for job in jobs:
        token.raise_if_cancelled()
        try:
            group, score = _measure(job, clock, token, report)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - the others can still be measured
            report(CellFailed(job.cell, _message(error)))
        else:
            if not score.left_out:
                kept[job.fingerprint] = group, score
            report(CellReady(job.cell, group, score))
        clock.finish(job.cost)


class _Clock:
    """How far the work is and how long it will take, in units of which only the ratios matter."""

    def __init__(self, total: float) -> None:
        self._total = total
        self._began = time.perf_counter()
        self._finished = 0.0

    def finish(self, cost: float) -> None:
        self._finished += cost

    def look(self, cost: float, within: float) -> tuple[float, float | None]:
        """The part that is done, and the seconds left, `within` (0..1) a job of `cost`."""
        done = self._finished + cost * within
        part = done / self._total if self._total else 0.0
        elapsed = time.perf_counter() - self._began
        return part, elapsed * (1 - part) / part if part and elapsed > 1 else None


def _load(refs: Sequence[str], models: ModelCache, token: CancelToken, report: Report) -> list[_Network]:
    from fakd_core.models.cost import profile
    from fakd_core.models.references import model_file

    networks = []
    for ref in refs:
        token.raise_if_cancelled()
        if ref == BICUBIC:
            networks.append(_Network(ref, None, 0.0, (BICUBIC,)))
            report(ModelReady(ref, None, None))
            continue
        try:
            model, file = models.get(ref), model_file(ref).resolve()
            facts, about = profile(model), file.stat()
        except Exception as error:  # noqa: BLE001 - the others can still be measured
            report(ModelFailed(ref, _message(error)))
            continue
        networks.append(_Network(ref, model, facts.gmacs, (str(file), about.st_size, about.st_mtime_ns)))
        report(ModelReady(ref, facts.parameters, facts.gmacs))
    return networks


def _plan(
    pairs: Sequence[tuple[Cell, _Network]], kept: Measurements, token: CancelToken, report: Report
) -> list[_Job]:
    """What is left to measure; what is kept and what can't be opened is reported."""
    jobs, opened = [], dict[SetAt, tuple["SRDataset", Fingerprint, float] | str]()
    for cell, network in pairs:
        token.raise_if_cancelled()
        if cell.at not in opened:
            opened[cell.at] = _open(cell.at, token)
        found = opened[cell.at]
        if isinstance(found, str):
            report(CellFailed(cell, found))
            continue
        dataset, images, pixels = found
        fingerprint = (*network.fingerprint, *images)
        if fingerprint in kept:
            report(CellReady(cell, *kept[fingerprint]))
            continue
        passes = network.gmacs * pixels / dataset.scale**2 / PAPER_LR_PIXELS
        cost = SECONDS_PER_GMAC * passes + SECONDS_PER_MEGAPIXEL * pixels / 1e6
        jobs.append(_Job(cell, network, dataset, fingerprint, cost))
    return jobs


def _open(at: SetAt, token: CancelToken) -> tuple[SRDataset, Fingerprint, float] | str:
    """The set, what tells it from others, and its HR pixels; or why it can't be opened."""
    from fakd_core.data.datasets import fingerprint, open_dataset

    try:
        dataset = open_dataset(Path(at.data), at.scale)
        files = [path for path in (*dataset.hr_files, *dataset.lr_files) if path is not None]
        newest = max(path.stat().st_mtime_ns for path in files)
        images: Fingerprint = (at.data, fingerprint(dataset), newest)
    except Exception as error:  # noqa: BLE001 - other sets may open
        return _message(error)
    pixels = 0
    for path in dataset.hr_files:
        token.raise_if_cancelled()
        pixels += _pixels(path)
    return dataset, images, float(pixels)


def _pixels(file: Path) -> int:
    """As many as the header says; a broken image takes no time."""
    from fakd_core.data.image_files import image_size

    try:
        width, height = image_size(file)
    except (DataError, OSError):
        return 0
    return width * height


def _measure(job: _Job, clock: _Clock, token: CancelToken, report: Report) -> tuple[Group, Score]:
    from fakd_core.evaluation.evaluate import evaluate

    def tell(done: int) -> None:
        names = job.dataset.names
        if done < len(names):
            look = clock.look(job.cost, done / len(names))
            report(CellProgress(job.cell, names[done], done, len(names), *look))

    def follow(progress: Progress) -> None:
        tell(progress.done)

    tell(0)
    (result,) = evaluate({job.cell.ref: job.network.model}, job.dataset, on_progress=follow, cancel=token)
    score = Score.of(result.per_image, result.psnr_y, result.ssim_y, result.left_out)
    return Group(result.dataset, len(job.dataset)), score


def _message(error: Exception) -> str:
    return str(error) if isinstance(error, FakdError) else describe(error)
