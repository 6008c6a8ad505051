"""PSNR and SSIM of models on sets of images, by the papers' protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakd_core.data.datasets import SRDataset
from fakd_core.evaluation.events import CellEvaluated, EvaluationEvent, EvaluationFailed, ImageStarted
from fakd_core.evaluation.planning import Identity, Job, failed, find_sets, load_networks, plan_jobs
from fakd_core.evaluation.results import Result
from fakd_core.evaluation.scoring import output_folders, score_images
from fakd_core.events import Cancelled, CancelToken
from fakd_core.runs.references import load_model

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork

KnownResults = MutableMapping[Identity, Result]
"""Results by model file and images."""


def evaluate(
    models: Iterable[str] | Mapping[str, SRNetwork | None],
    datasets: Iterable[str | Path | SRDataset],
    *,
    scale: int = 4,
    tile: int | None = None,
    save_dir: Path | None = None,
    replace: bool = True,
    timing: bool = False,
    load: Callable[[str], SRNetwork] = load_model,
    known: KnownResults | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[EvaluationEvent]:
    """Score every model on every set of images, set after set; `collect_results` gives just the results.

    A model or a set that can't be used is reported as `EvaluationFailed`, and the others go on; an image that
    can't be used is left out, and the result says so.

    Args:
        models: Names as `load_model` takes them, or "bicubic"; or networks by name, None for bicubic.
        datasets: Folders of HR images, benchmark or DIV2K layouts, or opened datasets. A folder is opened at
            every network's scale; an opened dataset has a scale, and every network must have the same.
        scale: Scale of the folders if there is no network, only bicubic.
        tile: As in `fakd_core.inference.upscale`.
        save_dir: Write outputs to `save_dir/<model>/<dataset>/<image>.png`.
        replace: Overwrite outputs that exist in `save_dir`.
        timing: Time a pass that takes less than 0.25 s again, without the costs of the first one.
        load: Loads a model by its name, onto the CPU by default.
        known: Results that are not to be computed again; new ones are added.
        cancel: Looked at between layers, and between strips of an image.

    Yields:
        The events of `fakd_core.evaluation.events`.

    Raises:
        ConfigError: Before any work: a set is given twice, a network's scale is not its dataset's, or the
            outputs can't be saved as `scoring.output_folders` says.
        Cancelled: `cancel` was cancelled.

    Example:
        >>> from fakd_core import evaluate
        >>> from fakd_core.evaluation.evaluate import collect_results
        >>> models = ["bicubic", "rcan-g5-r1-c32-x4-fakd"]
        >>> bicubic, student = collect_results(evaluate(models, ["samples"]))
        >>> f"{student.psnr_y - bicubic.psnr_y:+.2f} dB on {student.images} images"
        '+2.23 dB on 7 images'
    """
    token = cancel or CancelToken()
    networks = yield from load_networks(models, load, token)
    sets = find_sets(datasets, networks, scale)
    jobs = yield from plan_jobs(networks, sets, known=known or {}, token=token)
    pairs = [(job.cell.ref, job.dataset) for job in jobs]
    folders = output_folders(pairs, save_dir, replace=replace) if save_dir else {}
    estimate = _Estimate(jobs)
    for job in jobs:
        outputs = folders.get((job.cell.ref, job.dataset))
        started = partial(estimate.image_started, job)
        options = {"tile": tile, "outputs": outputs, "timing": timing}
        yield from _evaluate_job(job, started, options, known=known, token=token)
        estimate.finish(job)


def _evaluate_job(
    job: Job,
    started: Callable[[int], ImageStarted],
    options: dict[str, Any],
    *,
    known: KnownResults | None,
    token: CancelToken,
) -> Iterator[EvaluationEvent]:
    """Score a model on a set, and add the result to `known` if its files are known and it is complete."""
    try:
        result = yield from score_images(
            job.cell.ref, job.network.model, job.dataset, **options, cancel=token, started=started
        )
    except Cancelled:
        raise
    except Exception as error:  # noqa: BLE001 - the others can still be evaluated
        yield failed(error, job.cell.ref, cell=job.cell, dataset=job.dataset.name)
        return
    if known is not None and job.network.identity and not result.left_out:
        known[job.identity] = result
    yield CellEvaluated(job.cell, result)


def collect_results(events: Iterable[EvaluationEvent]) -> list[Result]:
    """Run an evaluation to its end and return its results in order; raises the first failure's error."""
    results = []
    for event in events:
        if isinstance(event, EvaluationFailed):
            raise event.error
        if isinstance(event, CellEvaluated):
            results.append(event.result)
    return results


class _Estimate:
    """Progress and remaining time of an evaluation."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._total_cost = sum(job.cost for job in jobs)
        self._total = sum(len(job.dataset) for job in jobs)
        self._cost, self._done = 0.0, 0
        self._started = time.monotonic()

    def image_started(self, job: Job, index: int) -> ImageStarted:
        images = len(job.dataset)
        cost = self._cost + job.cost * index / images
        fraction = cost / self._total_cost if self._total_cost else 0.0
        elapsed = time.monotonic() - self._started
        return ImageStarted(
            cell=job.cell,
            image=job.dataset.names[index],
            index=index,
            images=images,
            done=self._done + index,
            total=self._total,
            fraction=fraction,
            seconds_left=elapsed * (1 - fraction) / fraction if fraction and elapsed > 1 else None,
        )

    def finish(self, job: Job) -> None:
        self._cost += job.cost
        self._done += len(job.dataset)
