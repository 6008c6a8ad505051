"""What a long job says while it works, and how it is asked to pause or stop."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

Image8 = npt.NDArray[np.uint8]
AffinityRow = npt.NDArray[np.float32]
"""(h, w): cosine similarities of the middle of the preview crop to all its low-resolution positions."""


class Cancelled(Exception):
    """Raised inside a job when its token was cancelled; not an error."""


class CancelToken:
    """Thread-safe request to pause or to stop; the worker heeds it several times a second."""

    def __init__(self) -> None:
        self.paused_seconds = 0.0
        """How long the worker has been held in all."""
        self._cancelled = threading.Event()
        self._may_run = threading.Event()
        self._may_run.set()

    def cancel(self) -> None:
        self._cancelled.set()
        self._may_run.set()

    def pause(self) -> None:
        self._may_run.clear()

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
            begun = time.monotonic()
            self._may_run.wait()
            self.paused_seconds += time.monotonic() - begun

    def raise_if_cancelled(self) -> None:
        if self.cancelled:
            raise Cancelled

    def check(self) -> None:
        """Block while paused; raise `Cancelled` once cancelled."""
        self.wait_while_paused()
        self.raise_if_cancelled()


@dataclass(frozen=True)
class Scores:
    """Mean PSNR in dB and SSIM over images, on Y by the papers' protocol."""

    psnr: float
    ssim: float


@dataclass(frozen=True)
class Preview:
    """One validation crop, every array HxWx3 uint8 of the same size; `teacher` is None without a teacher."""

    name: str
    bicubic: Image8
    hr: Image8
    teacher: Image8 | None


@dataclass(frozen=True)
class RunStarted:
    """Everything is loaded and checked; training begins after `first_step` finished steps.

    `teacher_affinity` is the teacher's at the last tap that is compared, in a run that TensorBoard follows.
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
    teacher_affinity: AffinityRow | None = field(default=None, repr=False)


@dataclass(frozen=True)
class StepEnd:
    """One optimiser step. `parts` are weighted and sum to `total`; `raw` are the same losses unweighted.

    `baseline` is the loss of the student trained without a teacher beside it, where there is one. `skipped`
    says which loss or gradient was not finite: the step left the weights as they were.
    """

    step: int
    steps: int
    total: float
    parts: dict[str, float]
    raw: dict[str, float]
    lr: float
    seconds: float
    baseline: float | None = None
    skipped: str | None = None


@dataclass(frozen=True)
class ValidationEnd:
    """The student on the held-out images after `step` steps; `preview` is its output for the preview crop.

    `others` and `other_previews` tell the same of what the run trains beside the student, by name: "ema",
    its moving average; "baseline", the student trained without a teacher; "baseline-ema", its average.
    `affinity` is the student's, as `RunStarted.teacher_affinity` the teacher's.
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
    """Something to know while the run goes on: what could not be written, or what was used instead."""

    text: str


@dataclass(frozen=True)
class RunEnd:
    """The run ended: all steps done, or stopped by the token with everything saved."""

    outcome: Literal["completed", "stopped"]
    step: int
    best: Scores | None
    student_file: Path
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Generic progress of a job: `done` of `total` units, and what is being worked on.

    `note` is for the user to read, once: what the job had to do otherwise than asked.
    """

    done: int
    total: int
    what: str = ""
    note: str = ""


TrainEvent = Progress | RunStarted | StepEnd | ValidationEnd | CheckpointSaved | Notice | RunEnd
