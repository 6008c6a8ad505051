"""Events of long-running jobs, and their cancel token."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Image8: TypeAlias = "npt.NDArray[np.uint8]"
AffinityRow: TypeAlias = "npt.NDArray[np.float32]"
"""(h, w): cosine similarities of the middle of the preview crop to all its low-resolution positions."""

RAW = "raw "
"""Prefix of the losses before weighting."""


class Cancelled(Exception):
    """Raised inside a job when its token was cancelled; not an error."""


class CancelToken:
    """Thread-safe request to pause or to stop; the worker polls it several times a second."""

    def __init__(self) -> None:
        self.paused_seconds = 0.0
        """The total time the worker was paused."""
        self._cancelled = threading.Event()
        self._may_run = threading.Event()
        self._may_run.set()

    def cancel(self) -> None:
        self._cancelled.set()
        self._may_run.set()

    def pause(self) -> None:
        """Have the worker wait for `resume`; without effect once cancelled."""
        self._may_run.clear()
        if self.cancelled:
            self._may_run.set()

    def resume(self) -> None:
        self._may_run.set()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    @property
    def paused(self) -> bool:
        return not self._may_run.is_set()

    def wait_while_paused(self) -> None:
        """Block while paused; return at once when running or cancelled."""
        if not self._may_run.is_set():
            start = time.monotonic()
            self._may_run.wait()
            self.paused_seconds += time.monotonic() - start

    def raise_if_cancelled(self) -> None:
        if self.cancelled:
            raise Cancelled

    def check(self) -> None:
        """Block while paused; raise `Cancelled` once cancelled."""
        self.wait_while_paused()
        self.raise_if_cancelled()


Result = TypeVar("Result")


def run_to_end(job: Generator[object, None, Result]) -> Result:
    """Run a job, ignoring its events, and return its result."""
    while True:
        try:
            next(job)
        except StopIteration as end:
            result: Result = end.value
            return result


@dataclass(frozen=True)
class Scores:
    """Mean PSNR in dB and SSIM over images, on Y by the papers' protocol."""

    psnr: float
    """Infinite if every image was reproduced exactly, or a mean includes such an image."""
    ssim: float


def format_score(value: float, spec: str) -> str:
    """Format `value` by `spec`, such as '.2f'; an infinite PSNR, of equal images, is ∞."""
    return "∞" if value == math.inf else f"{value:{spec}}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Preview:
    """One validation crop, every array HxWx3 uint8 of the same size; `teacher` is None without a teacher."""

    name: str
    bicubic: Image8
    hr: Image8
    teacher: Image8 | None


@dataclass(frozen=True, eq=False, kw_only=True)
class RunStarted:
    """Everything is loaded and checked; training begins after `first_step` finished steps.

    `teacher_affinity` is that of the teacher's last compared tap; it is computed for TensorBoard only.
    """

    run: Path
    first_step: int
    steps: int
    student_parameters: int
    teacher_names: tuple[str, ...]
    train_images: int
    validation_images: int
    copied_tensors: int
    device: str
    bicubic: Scores
    teacher: Scores | None
    preview: Preview
    lr_origin: str = ""
    """The origin of the LR images in words."""
    teacher_affinity: AffinityRow | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class StepEnd:
    """One optimiser step.

    Attributes:
        losses: By name: "total", the weighted parts that sum to it ("DS", "TS" and the recipe's terms), each
            part before weighting ("raw DS", ...), and "baseline", the loss of the student trained beside it
            without a teacher, if there is one.
        lr: The learning rate of this step.
        seconds: How long it took, pauses excluded.
        skipped: Which loss or gradient was not finite: the step left the weights unchanged.
    """

    step: int
    steps: int
    losses: dict[str, float]
    lr: float
    seconds: float
    skipped: str | None = None


def weighted_parts(losses: Mapping[str, float]) -> dict[str, float]:
    """The parts that sum to "total", from the losses of a step."""
    others = ("total", "baseline")
    return {name: loss for name, loss in losses.items() if name not in others and not name.startswith(RAW)}


@dataclass(frozen=True, eq=False, kw_only=True)
class ValidationEnd:
    """The student on the held-out images after `step` steps; `preview` is its output for the preview crop.

    `others` and `other_previews` hold the same for the networks that the run trains beside the student, by
    name: "ema", its moving average; "baseline", the student trained without a teacher; "baseline-ema", its
    average. `affinity` is the student's counterpart of `RunStarted.teacher_affinity`.
    """

    step: int
    student: Scores
    best: bool
    preview: Image8 = field(repr=False)
    others: dict[str, Scores] = field(default_factory=dict)
    other_previews: dict[str, Image8] = field(default_factory=dict, repr=False)
    affinity: AffinityRow | None = field(default=None, repr=False)


@dataclass(frozen=True)
class CheckpointSaved:
    step: int
    path: Path


@dataclass(frozen=True)
class Notice:
    """Something the user should know while the run continues: a failed write, or what was used instead."""

    text: str


@dataclass(frozen=True, kw_only=True)
class RunEnd:
    """The run ended: all steps done, or stopped by the token with everything saved."""

    outcome: Literal["completed", "stopped"]
    step: int
    best: Scores | None
    student_file: Path
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Progress of a job: `done` of `total` units, and what is being processed.

    `note` is shown to the user once: what the job did differently than requested.
    """

    done: int
    total: int
    what: str = ""
    note: str = ""


TrainEvent = Progress | RunStarted | StepEnd | ValidationEnd | CheckpointSaved | Notice | RunEnd
