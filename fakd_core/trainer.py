"""Training a student by feature-affinity distillation, as a generator of events.

Every batch and every draw is a pure function of (seed, step), so that a resumed run continues
exactly as if it had never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fakd_core.config import TrainConfig
from fakd_core.device import autocast
from fakd_core.errors import RunError
from fakd_core.events import (
    Cancelled,
    CancelToken,
    CheckpointSaved,
    RunEnd,
    RunStarted,
    Scores,
    StepEnd,
    TrainEvent,
    ValidationEnd,
)
from fakd_core.losses import LossBreakdown
from fakd_core.run_record import BEST, CONFIG, STUDENT, RunRecord, read_config
from fakd_core.schedule import learning_rate
from fakd_core.training_setup import TrainingSetup, anchored, prepare

CHECKPOINT_SECONDS = 20.0
"""A checkpoint is written at every validation, and when this long has passed since the last."""


def train(config: TrainConfig, token: CancelToken | None = None) -> Iterator[TrainEvent]:
    """Start the run `config` describes. Nothing is written before everything is loaded and checked.

    Cancelling `token` ends the run after the current step with a checkpoint and a `RunEnd` that says
    "stopped"; leaving the generator does not write one.

    Raises:
        FakdError: a setting, model, image or the run folder can't be used, or the loss is not finite.
    """
    RunRecord.check_free(config.run)
    config = anchored(config)
    setup = prepare(config)
    record = RunRecord.create(config, str(setup.device), setup.data_fingerprint)
    with record.locked():
        yield from _Run(config, setup, record, token or CancelToken()).events()


def resume_training(run: Path, token: CancelToken | None = None) -> Iterator[TrainEvent]:
    """Continue the run in folder `run` from its last checkpoint, exactly as it would have gone on.

    Raises:
        FakdError: as `train`; `RunError` if the training images have changed since, or while another
            process goes on with the same run.
    """
    config = read_config(run)
    record = RunRecord(run)
    with record.locked():
        yield from _resume(config, record, token or CancelToken())


def _resume(config: TrainConfig, record: RunRecord, token: CancelToken) -> Iterator[TrainEvent]:
    setup = prepare(config)
    if record.fingerprint() != setup.data_fingerprint:
        raise RunError(
            f"{config.train_data}: the training images changed since the run {record.folder} began; "
            "start a new run"
        )
    active = _Run(config, setup, record, token)
    active.restore(record.load_checkpoint())
    yield from active.events()


class _Run:
    """One run between its start, or resumption, and its end."""

    def __init__(
        self, config: TrainConfig, setup: TrainingSetup, record: RunRecord, token: CancelToken
    ) -> None:
        self.config = config
        self.setup = setup
        self.record = record
        self.token = token
        self.step = 0
        self.validated_step = 0
        self.seconds = 0.0
        self.best: Scores | None = None
        trained = [p for p in setup.student.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=config.lr, betas=(0.9, 0.999), eps=1e-8, fused=True)
        self.scaler = torch.amp.GradScaler(setup.device.type, enabled=setup.dtype is torch.float16)

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go back to a checkpoint; None is the start."""
        if state is not None:
            try:
                self.setup.student.load_state_dict(state["student"])
                self.optimizer.load_state_dict(state["optimizer"])
                self.scaler.load_state_dict(state["scaler"])
                self.step, self.validated_step = int(state["step"]), int(state["validated_step"])
                self.seconds = state["seconds"]
                self.best = Scores(*state["best"]) if state["best"] else None
            except (KeyError, RuntimeError, ValueError, TypeError) as error:
                raise RunError(
                    f"{self.record.folder}: its checkpoint does not fit its {CONFIG}; undo what was changed "
                    "there, or start a new run"
                ) from error
        self.record.keep_metrics_until(self.step, self.validated_step)

    def events(self) -> Iterator[TrainEvent]:
        """All events until the end of the run."""
        try:
            started = self._start()
            if self.step == 0:
                self.record.append(started)
            yield started
            yield from self._train()
        except Cancelled:
            yield self._checkpoint()
            yield self._end(stopped=True)
            return
        yield self._end(stopped=False)

    def _start(self) -> RunStarted:
        setup, config = self.setup, self.config
        bicubic = setup.validator.bicubic()
        teacher = setup.validator.judge(setup.teachers[0], self.token) if setup.teachers else None
        return RunStarted(
            run=config.run,
            first_step=self.step,
            steps=config.steps,
            student_parameters=sum(p.numel() for p in setup.student.parameters()),
            teacher_names=config.teacher,
            train_images=setup.train_images,
            validation_images=len(setup.validator),
            copied_tensors=setup.copied_tensors,
            device=str(setup.device),
            bicubic=bicubic.scores,
            teacher=teacher.scores if teacher else None,
            preview=setup.validator.preview(bicubic, teacher),
        )

    def _train(self) -> Iterator[TrainEvent]:
        saved = time.monotonic()
        while True:
            if self._validation_due():
                yield self._validate()
                yield self._checkpoint()
                saved = time.monotonic()
            if self.step == self.config.steps:
                return
            self.token.wait_while_paused()
            self.token.raise_if_cancelled()
            event = self._train_one_step()
            self.record.append(event)
            yield event
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                yield self._checkpoint()
                saved = time.monotonic()

    def _validation_due(self) -> bool:
        due = self.step == self.config.steps or (
            self.step > 0 and self.step % self.config.validation_interval == 0
        )
        return due and self.validated_step != self.step

    def _train_one_step(self) -> StepEnd:
        begun = time.monotonic()
        config, setup = self.config, self.setup
        lr, hr = (setup.on_device(torch.from_numpy(batch)) for batch in setup.sampler.batch(self.step))
        rate = learning_rate(config, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self._loss(lr, hr)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss.total).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimizer)
        self.scaler.update()
        total = float(loss.total.detach())
        if not math.isfinite(total):
            raise RunError(
                f"the loss is {total} at step {self.step + 1}; start again with --lr below {config.lr:g}"
                + (" or --precision fp32" if setup.dtype is not torch.float32 else "")
            )
        self.step += 1
        seconds = time.monotonic() - begun
        self.seconds += seconds
        parts = {name: float(value.detach()) for name, value in loss.parts.items()}
        raw = {name: float(value.detach()) for name, value in loss.raw.items()}
        return StepEnd(self.step, config.steps, total, parts, raw, rate, seconds)

    def _loss(self, lr: Tensor, hr: Tensor) -> LossBreakdown:
        setup = self.setup
        if not setup.teachers:
            with autocast(setup.device, setup.dtype):
                sr = setup.student(lr)
            return setup.loss(sr.float(), None, hr, None, None)
        chosen = np.random.default_rng((self.config.seed, self.step, 1)).integers(len(setup.teachers))
        with autocast(setup.device, setup.dtype):
            with torch.no_grad():
                teacher_sr, teacher_maps = setup.teachers[chosen].forward_features(lr)
            student_sr, student_maps = setup.student.forward_features(lr)
        return setup.loss(student_sr.float(), teacher_sr.float(), hr, student_maps, teacher_maps)

    def _validate(self) -> ValidationEnd:
        verdict = self.setup.validator.judge(self.setup.student, self.token)
        best = self.best is None or verdict.scores.psnr > self.best.psnr
        if best:
            self.best = verdict.scores
            self.record.save_best(self.setup.student)
        self.record.save_preview(self.step, verdict.preview)
        event = ValidationEnd(self.step, verdict.scores, best, verdict.preview)
        self.record.append(event)
        self.validated_step = self.step
        return event

    def _checkpoint(self) -> CheckpointSaved:
        state = {
            "step": self.step,
            "validated_step": self.validated_step,
            "seconds": self.seconds,
            "best": (self.best.psnr, self.best.ssim) if self.best else None,
            "student": self.setup.student.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        return CheckpointSaved(self.step, self.record.save_checkpoint(state, self.setup.student))

    def _end(self, stopped: bool) -> RunEnd:
        best = self.record.folder / BEST
        student = best if best.exists() else self.record.folder / STUDENT
        return RunEnd("stopped" if stopped else "completed", self.step, self.best, student, self.seconds)
