"""One run between its start, or resumption, and its end: steps, validations, checkpoints.

Every batch and every draw is a pure function of (seed, step), so that a resumed run continues
exactly as if it had never stopped.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch

from fakd_core.errors import RunError
from fakd_core.events import (
    AffinityRow,
    Cancelled,
    CancelToken,
    CheckpointSaved,
    Image8,
    RunEnd,
    RunStarted,
    Scores,
    StepEnd,
    TrainEvent,
    ValidationEnd,
)
from fakd_core.models.layers import SRNetwork
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.deferred_writes import WriteFailures
from fakd_core.runs.layout import BASELINE, STUDENT, average_of
from fakd_core.runs.writer import RunWriter
from fakd_core.runtime.cancellation import cancellable
from fakd_core.runtime.cpu_tuning import trim_heap
from fakd_core.runtime.distributed import World
from fakd_core.training.batches import DistillationBatch
from fakd_core.training.learner import Learner, Losses
from fakd_core.training.schedule import learning_rate
from fakd_core.training.setup import TrainingSetup

CHECKPOINT_SECONDS = 20.0
"""A checkpoint is written at every validation, and when this long has passed since the last."""

SHORT_STEP_SECONDS = 0.3
"""A step this short is finished before it is stopped."""

MAX_SKIPPED_STEPS = 10
"""Steps in a row whose loss or gradient is not finite; after so many the run gives up."""


class TrainingRun:
    """Yields the events of a run whose models and images are loaded."""

    def __init__(
        self, config: TrainConfig, setup: TrainingSetup, record: RunWriter, token: CancelToken, world: World
    ) -> None:
        self.config = config
        self.setup = setup
        self.record = record
        self.token = token
        self.world = world
        self.step = 0
        self.validated_step = 0
        self.seconds = 0.0
        self.last_step_seconds = math.inf
        self.best: dict[str, Scores] = {}
        self.saved = time.monotonic()
        self.stop_agreed = self.save_agreed = False
        self.skipped_in_a_row = 0
        self.saved_step = -1
        self.troubles = WriteFailures()
        students = {STUDENT: setup.student}
        if config.baseline:
            students[BASELINE] = copy.deepcopy(setup.student)
        self.learners = {
            name: Learner(
                student,
                setup.loss,
                setup.device,
                setup.dtype,
                config.ema,
                world,
                config.compile,
                config.clip,
            )
            for name, student in students.items()
        }

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go back to a checkpoint; None is the start."""
        if state is not None:
            config = self.record.layout.config.name
            try:
                for name, learner in self.learners.items():
                    learner.load_state_dict(state["learners"][name])
                self.step, self.validated_step = int(state["step"]), int(state["validated_step"])
                if not 0 <= self.validated_step <= self.step:
                    raise ValueError(self.step)
                self.saved_step = self.step
                self.seconds = float(state["seconds"])
                self.best = {name: Scores(*map(float, scores)) for name, scores in state["best"].items()}
            except (KeyError, RuntimeError, ArithmeticError, ValueError, TypeError, AttributeError) as error:
                raise RunError(
                    f"{self.record.layout.folder}: its checkpoint does not fit its {config}; undo what was "
                    "changed there, or start a new run"
                ) from error
            if self.step > self.config.steps:
                raise RunError(
                    f"{self.record.layout.folder}: its checkpoint is of step {self.step}, its {config} ends "
                    f"at step {self.config.steps}; give it at least {self.step} steps there"
                )
        self.record.keep_metrics_until(self.step, self.validated_step)

    def events(self) -> Generator[TrainEvent, None, None]:
        """All events until the end of the run."""
        stopped = False
        try:
            started = self._start()
            if self.step == 0:
                self.record.append(started)
            self.record.save_crops(started.preview)
            yield started
            yield from self._train()
        except Cancelled:
            stopped = True
        if self.saved_step != self.step or self.troubles:
            self.record.finish()
            yield self._checkpoint()
        yield self._end(stopped)

    def _start(self) -> RunStarted:
        setup, config = self.setup, self.config
        bicubic = setup.validator.bicubic(self.token)
        teacher = setup.validator.evaluate(setup.teachers[0], self.token) if setup.teachers else None
        return RunStarted(
            run=config.run,
            first_step=self.step,
            steps=config.steps,
            student_parameters=sum(p.numel() for p in setup.student.parameters()),
            teacher_names=config.teacher,
            train_images=setup.train_images,
            validation_images=len(setup.validator),
            copied_tensors=setup.copied_tensors,
            device=described(setup, self.world),
            bicubic=bicubic.scores,
            teacher=teacher.scores if teacher else None,
            preview=setup.validator.preview(bicubic, teacher),
            teacher_affinity=self._affinity(setup.teachers[0]) if setup.teachers else None,
        )

    def _train(self) -> Iterator[TrainEvent]:
        while True:
            if self._validation_due():
                yield self._validate()
                yield from self._try_checkpoint()
            if self.step == self.config.steps:
                return
            self.token.wait_while_paused()
            # Alone, a stop asked for on hearing of the last step counts at once.
            if self.stop_agreed or (self.world.is_single and self.token.cancelled):
                raise Cancelled
            step = self._train_one_step()
            self.troubles.attempt("metrics", partial(self.record.append, step))
            yield step
            yield from self.troubles.notices()
            if self.save_agreed:
                yield from self._try_checkpoint()

    def _try_checkpoint(self) -> Iterator[TrainEvent]:
        """A checkpoint; where it can't be written, that is said, and the training goes on."""
        saved: list[CheckpointSaved] = []
        self.saved = time.monotonic()  # Whether it goes well or not: not again before some steps more.
        self.troubles.attempt("checkpoint", lambda: saved.append(self._checkpoint()))
        yield from saved
        yield from self.troubles.notices()

    def _validation_due(self) -> bool:
        due = self.step == self.config.steps or (
            self.step > 0 and self.step % self.config.validation_interval == 0
        )
        return due and self.validated_step != self.step

    def _train_one_step(self) -> StepEnd:
        """Raises `Cancelled` before the weights are touched: the step never was."""
        begun = time.monotonic() - self.token.paused_seconds
        config = self.config
        rate = learning_rate(config, self.step)
        with self._cancellable_step(), self.world.detect_lost_peers():
            lesson = self.setup.lessons.lesson(self.step, self.world.rank, self.world.ranks)
            mine = self.learners[STUDENT].measure(lesson)
            baseline = self.learners[BASELINE].measure(lesson.without_teacher()) if config.baseline else None
        losses, baseline_total, broken = self._agree(mine, baseline)
        self.step += 1
        if broken:
            self._skip(broken, lesson)
        else:
            self.skipped_in_a_row = 0
            for learner in self.learners.values():
                learner.apply(rate)
        seconds = time.monotonic() - self.token.paused_seconds - begun
        self.seconds += seconds
        self.last_step_seconds = seconds
        return StepEnd(
            self.step,
            config.steps,
            losses.total,
            losses.parts,
            losses.raw,
            rate,
            seconds,
            baseline_total,
            broken or None,
        )

    def _cancellable_step(self) -> AbstractContextManager[None]:
        """Where a step can be left halfway: alone, as others would wait in vain, and not compiled.

        In a short step, as on a GPU, looking would only cost time.
        """
        short = self.last_step_seconds < SHORT_STEP_SECONDS or self.setup.device.type == "cuda"
        if short or not self.world.is_single or self.config.compile:
            return nullcontext()
        return cancellable(self.token, *(learner.student for learner in self.learners.values()))

    def _agree(self, mine: Losses, baseline: Losses | None) -> tuple[Losses, float | None, str]:
        """The mean losses over all processes, and what is not finite among them or their gradients.

        At the same time they agree on whether to stop and to save.
        """
        wishes = (self.token.cancelled, time.monotonic() - self.saved > CHECKPOINT_SECONDS)
        lost = not all(learner.gradient_is_finite for learner in self.learners.values())
        totals = [losses.total for losses in (mine, baseline) if losses is not None]
        values = (*wishes, lost, *totals, *mine.parts.values(), *mine.raw.values())
        sums = iter(self.world.sum([float(value) for value in values]))
        self.stop_agreed, self.save_agreed, lost = next(sums) > 0, next(sums) > 0, next(sums) > 0
        means = (value / self.world.ranks for value in sums)
        totals = [next(means) for _ in totals]
        losses = Losses(
            totals[0], *({name: next(means) for name in named} for named in (mine.parts, mine.raw))
        )
        named = losses.parts | {"total": losses.total} | ({"baseline": totals[1]} if baseline else {})
        broken = [f"{name} is {value}" for name, value in named.items() if not math.isfinite(value)]
        if lost and not broken:
            broken = ["a gradient is not finite"]
        return losses, totals[1] if baseline else None, ", ".join(broken)

    def _skip(self, broken: str, lesson: DistillationBatch) -> None:
        """Count a step that nothing can be learned from; raises `RunError` after too many in a row."""
        self.skipped_in_a_row += 1
        if self.skipped_in_a_row < MAX_SKIPPED_STEPS:
            return
        self._checkpoint()
        raise RunError(
            f"{MAX_SKIPPED_STEPS} steps in a row could not be learned from, the last is step {self.step}: "
            f"{broken} (images: {', '.join(lesson.images)}); start again with a learning rate (lr) below "
            f"{self.config.lr:g}"
            + (", with precision fp32" if self.setup.dtype is not torch.float32 else "")
            + ("" if self.config.clip else ", or with clipped gradients (clip)")
        )

    def _students(self) -> dict[str, SRNetwork]:
        """Every network that the run makes, by the names of `ValidationEnd`."""
        students = {}
        for name, learner in self.learners.items():
            students[name] = learner.student
            if learner.average is not None:
                students[average_of(name)] = learner.average
        return students

    def _validate(self) -> ValidationEnd:
        students = self._students()
        verdicts = {
            name: self.setup.validator.evaluate(student, self.token) for name, student in students.items()
        }
        improved = {
            name
            for name, verdict in verdicts.items()
            if name not in self.best or verdict.scores.psnr > self.best[name].psnr
        }
        previews = {name: verdict.preview for name, verdict in verdicts.items()}
        if self.troubles.attempt("students", lambda: self._save_students(students, improved, previews)):
            self.best |= {name: verdicts[name].scores for name in improved}
        student = verdicts.pop(STUDENT)
        event = ValidationEnd(
            self.step,
            student.scores,
            STUDENT in improved,
            student.preview,
            {name: verdict.scores for name, verdict in verdicts.items()},
            {name: verdict.preview for name, verdict in verdicts.items()},
            self._affinity(self.setup.student),
        )
        self.troubles.attempt("metrics", partial(self.record.append, event))
        self.validated_step = self.step
        trim_heap()
        return event

    def _affinity(self, network: SRNetwork) -> AffinityRow | None:
        if not self.config.tensorboard:
            return None
        return self.setup.validator.affinity(network, max(self.config.layers))

    def _save_students(
        self, students: Mapping[str, SRNetwork], improved: Iterable[str], previews: Mapping[str, Image8]
    ) -> None:
        for name in improved:
            self.record.save_best(name, students[name])
        self.record.save_snapshots(self.step, self.config.validation_interval, students, previews)

    def _checkpoint(self) -> CheckpointSaved:
        state = {
            "step": self.step,
            "validated_step": self.validated_step,
            "seconds": self.seconds,
            "best": {name: (scores.psnr, scores.ssim) for name, scores in self.best.items()},
            "learners": {name: learner.state_dict() for name, learner in self.learners.items()},
        }
        path = self.record.save_checkpoint(state, self._students())
        self.saved, self.saved_step = time.monotonic(), self.step
        return CheckpointSaved(self.step, path)

    def _end(self, stopped: bool) -> RunEnd:
        # Whoever ends first has the others stopped by torchrun: not before the last file is written.
        self.world.any(False)
        student = self.record.layout.best_student() or self.record.layout.weights()
        return RunEnd(
            "stopped" if stopped else "completed", self.step, self.best.get(STUDENT), student, self.seconds
        )


def described(setup: TrainingSetup, world: World) -> str:
    return str(setup.device) if world.is_single else f"{world.ranks} x {setup.device.type}"
