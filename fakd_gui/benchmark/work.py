"""One benchmark: every model on every set, a row reported as soon as it is known. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from fakd_core.errors import FakdError
from fakd_core.events import Cancelled, CancelToken, Progress
from fakd_gui.jobs import describe
from fakd_gui.session import ModelCache

if TYPE_CHECKING:
    from fakd_core.models import SRNetwork

BICUBIC = "bicubic"


@dataclass(frozen=True)
class Task:
    """One row of the table: one model on one set."""

    folder: Path
    ref: str


@dataclass(frozen=True)
class RowStarted:
    task: Task


@dataclass(frozen=True)
class RowProgress:
    task: Task
    progress: Progress


@dataclass(frozen=True)
class RowReady:
    """PSNR in dB and SSIM on Y by the papers' protocol, means over `images`; `seconds` per image."""

    task: Task
    dataset: str
    scale: int
    images: int
    psnr: float
    ssim: float
    seconds: float
    parameters: int


@dataclass(frozen=True)
class RowFailed:
    task: Task
    message: str


RowEvent = RowStarted | RowProgress | RowReady | RowFailed


def tasks_of(folders: Sequence[Path], refs: Sequence[str]) -> list[Task]:
    """Set after set, and of each set model after model."""
    return [Task(folder, ref) for folder in folders for ref in refs]


def benchmark(
    tasks: Sequence[Task],
    models: ModelCache,
    scale: int,
    token: CancelToken,
    report: Callable[[RowEvent], None],
) -> None:
    """Work through `tasks`; one that fails doesn't stop the others. Bicubic enlarges by `scale`.

    Raises `Cancelled`.
    """
    for task in tasks:
        token.raise_if_cancelled()
        report(RowStarted(task))
        try:
            report(_evaluate(task, models, scale, token, report))
        except Cancelled:
            raise
        except FakdError as error:
            report(RowFailed(task, str(error)))
        except Exception as error:  # noqa: BLE001 - the other rows can still be measured
            report(RowFailed(task, describe(error)))


def _evaluate(
    task: Task, models: ModelCache, scale: int, token: CancelToken, report: Callable[[RowEvent], None]
) -> RowReady:
    from fakd_core.datasets import open_dataset
    from fakd_core.evaluation import evaluate

    model: SRNetwork | None = None if task.ref == BICUBIC else models.get(task.ref)
    factor = scale if model is None else int(model.spec.scale)
    (result,) = evaluate(
        {task.ref: model},
        open_dataset(task.folder, factor),
        on_progress=lambda progress: report(RowProgress(task, progress)),
        cancel=token,
    )
    parameters = 0 if model is None else sum(weight.numel() for weight in model.parameters())
    seconds = fmean(image.seconds for image in result.per_image)
    return RowReady(
        task, result.dataset, factor, result.images, result.psnr_y, result.ssim_y, seconds, parameters
    )
