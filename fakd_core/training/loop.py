"""The training loop: steps, validations and checkpoints, from the start or a checkpoint to the end of a run.

Patches and teachers are drawn by seed and step alone, so that a resumed run continues exactly.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from fakd_core.errors import RunError
from fakd_core.events import (
    RAW,
    Cancelled,
    CancelToken,
    CheckpointSaved,
    Notice,
    Progress,
    RunEnd,
    RunStarted,
    Scores,
    StepEnd,
    TrainEvent,
    ValidationEnd,
    run_to_end,
)
from fakd_core.models.cost import device_of
from fakd_core.models.layers import SRNetwork
from fakd_core.runs.layout import BASELINE, STUDENT, average_of
from fakd_core.runs.writer import RunWriter
from fakd_core.runtime.cancellation import cancellable
from fakd_core.runtime.cpu_tuning import trim_heap
from fakd_core.runtime.distributed import World
from fakd_core.runtime.turns import turn
from fakd_core.training.batches import DistillationBatch
from fakd_core.training.schedule import describe_new_steps
from fakd_core.training.setup import TrainingSetup
from fakd_core.training.validation import ValidationResult

SHORT_STEP_SECONDS = 0.3
"""A step shorter than this is finished before the run is stopped."""

MAX_SKIPPED_STEPS = 10
"""Consecutive steps with a non-finite loss or gradient after which the run gives up."""


class TrainingLoop:
    """Trains the students of a run, whose batches are prepared, and yields its events."""

    def __init__(self, *, setup: TrainingSetup, writer: RunWriter, token: CancelToken, world: World) -> None:
        self._setup = setup
        self._writer = writer
        self._token = token
        self._world = world
        self._learners = {name: setup.make_learner(net) for name, net in setup.students.items()}
        self._device = device_of(setup.students[STUDENT])
        self._step = 0
        self._validated_step = 0
        self._saved_step = -1
        self._seconds = 0.0
        self._best: dict[str, Scores] = {}
        self._blank: frozenset[int] = frozenset()
        """Positions of the validation images that bicubic reproduces exactly."""
        self._last_step_seconds = math.inf
        self._consecutive_skips = 0
        self._stop_agreed = self._save_agreed = False

    @property
    def step(self) -> int:
        """The number of finished steps."""
        return self._step

    def restore(self, state: Mapping[str, Any] | None) -> str:
        """Return to a checkpoint; None is the start. Raises `RunError` if it doesn't fit the settings.

        Returns:
            A notice of what another number of steps does to the learning rate; empty if it is the same.
        """
        notice = ""
        if state is not None:
            folder, config = self._writer.layout.folder, self._writer.layout.config.name
            try:
                self._load_state(state)
                before = int(state.get("steps", self._setup.steps))  # Older versions didn't save it.
            except (KeyError, RuntimeError, ArithmeticError, ValueError, TypeError, AttributeError) as error:
                raise RunError(
                    f"{folder}: its checkpoint does not fit its {config}; undo what was changed there, or "
                    "start a new run"
                ) from error
            if self._step > self._setup.steps:
                raise RunError(
                    f"{folder}: its checkpoint is of step {self._step}, its {config} ends at step "
                    f"{self._setup.steps}; give it at least {self._step} steps there"
                )
            notice = describe_new_steps(
                self._setup.learning_rate, self._step, before=before, steps=self._setup.steps
            )
        self._writer.discard_after(self._step, self._validated_step)
        return notice

    def events(self) -> Generator[TrainEvent, None, None]:
        """Run to the end."""
        stopped = False
        try:
            with self._world.detect_lost_peers():
                yield from self._start()
                yield from self._train()
        except Cancelled:
            stopped = True
        except BaseException:
            self._writer.write_table()
            raise
        if self._saved_step != self._step or self._writer.failures:
            with turn(self._device):
                path = self._writer.finish(self._state(), self._networks())
            yield CheckpointSaved(self._step, path)
        self._writer.write_table()
        yield from self._writer.failures.notices()
        yield self._end(stopped)

    def _start(self) -> Iterator[Progress | Notice | RunStarted]:
        setup, validator = self._setup, self._setup.images.validator
        bicubic = yield from validator.score_bicubic(self._token)
        self._blank = bicubic.exact
        teachers = yield from self._score_teachers()
        teacher = next(iter(teachers), None)
        affinity = validator.affinity(setup.teachers[0], setup.affinity_tap) if setup.teachers else None
        started = RunStarted(
            run=self._writer.layout.folder,
            first_step=self._step,
            steps=setup.steps,
            student_parameters=sum(p.numel() for p in setup.students[STUDENT].parameters()),
            teacher_names=setup.teacher_names,
            train_images=setup.images.train_images,
            validation_images=validator.images,
            copied_tensors=setup.copied_tensors,
            device=setup.device,
            bicubic=bicubic.scores,
            teacher=teacher.scores if teacher else None,
            preview=validator.preview(bicubic, teacher),
            lr_origin=setup.images.lr_origin,
            teacher_affinity=affinity,
        )
        if self._step == 0:
            self._writer.append(started)
        self._writer.save_crops(started.preview)
        yield started
        if self._blank:
            yield Notice(validator.describe_blank(self._blank))
        for name, result in zip(setup.teacher_names, teachers, strict=True):
            if result.scores.psnr < bicubic.scores.psnr:
                yield Notice(
                    f"{name} reaches {result.scores.psnr:.2f} dB on the validation images, less than bicubic "
                    f"({bicubic.scores.psnr:.2f} dB): a student may learn nothing good from it; check that "
                    "it is made for images downscaled by bicubic, or choose another teacher"
                )

    def _score_teachers(self) -> Generator[Progress, None, list[ValidationResult]]:
        results, validator = [], self._setup.images.validator
        for network in self._setup.teachers:
            scoring = validator.evaluate(network, self._token, "the teacher", left_out=self._blank)
            results.append((yield from scoring))
        return results

    def _train(self) -> Iterator[TrainEvent]:
        while True:
            if self._validation_due():
                yield self._validate()
                yield from self._checkpoint()
            if self._step == self._setup.steps:
                return
            self._wait_or_stop()
            with turn(self._device):
                step = self._train_one_step()
            self._writer.append(step)
            yield step
            yield from self._writer.failures.notices()
            if self._consecutive_skips == MAX_SKIPPED_STEPS:
                yield from self._checkpoint()
                raise self._divergence(step)
            if self._save_agreed:
                yield from self._checkpoint()

    def _wait_or_stop(self) -> None:
        """Wait while paused; raise `Cancelled` to stop: a single process at once, several when they agree."""
        if self._world.is_single:
            self._token.check()
        else:
            self._token.wait_while_paused()
            if self._stop_agreed:
                raise Cancelled

    def _train_one_step(self) -> StepEnd:
        """Raises `Cancelled` before the weights are changed: the step then never happened."""
        setup, world = self._setup, self._world
        start = time.perf_counter() - self._token.paused_seconds  # monotonic() has 16 ms on Windows.
        lr = setup.learning_rate(self._step)
        with self._cancellable_step():
            batch = setup.batches.batch(self._step, world.rank, world.ranks)
            losses, finite = self._measure(batch)
        losses, skipped = self._agree(losses, finite)
        self._step += 1
        for learner in self._learners.values():
            if skipped is None:
                learner.apply(lr)
            else:
                learner.skip()
        self._consecutive_skips = 0 if skipped is None else self._consecutive_skips + 1
        seconds = self._last_step_seconds = time.perf_counter() - self._token.paused_seconds - start
        self._seconds += seconds
        return StepEnd(
            step=self._step, steps=setup.steps, losses=losses, lr=lr, seconds=seconds, skipped=skipped
        )

    def _measure(self, batch: DistillationBatch) -> tuple[dict[str, float], bool]:
        """Measure the student as `Learner.measure` does; the baseline adds its total loss as "baseline"."""
        losses, finite = self._learners[STUDENT].measure(batch)
        if BASELINE in self._learners:
            others, also_finite = self._learners[BASELINE].measure(batch.ground_truth())
            losses[BASELINE] = others["total"]
            finite = finite and also_finite
        return losses, finite

    def _cancellable_step(self) -> AbstractContextManager[None]:
        """Let a long step be left halfway; in a short one, polling would only cost time."""
        if self._setup.interruptible and self._last_step_seconds >= SHORT_STEP_SECONDS:
            return cancellable(self._token, *self._setup.students.values())
        return nullcontext()

    def _agree(self, losses: dict[str, float], finite: bool) -> tuple[dict[str, float], str | None]:
        """Average the losses over all processes, and agree on stopping, saving and skipping the step.

        Returns:
            The mean losses, and what is not finite, if the step must be skipped.
        """
        flags = (self._token.cancelled, self._writer.checkpoint_due, not finite)
        sums = self._world.sum([*map(float, flags), *losses.values()])
        self._stop_agreed, self._save_agreed, lost_gradient = (count > 0 for count in sums[: len(flags)])
        means = (value / self._world.ranks for value in sums[len(flags) :])
        losses = dict(zip(losses, means, strict=True))
        broken = [
            f"{name} is {loss}"
            for name, loss in losses.items()
            if not math.isfinite(loss) and not name.startswith(RAW)
        ]
        if lost_gradient and not broken:
            broken = ["a gradient is not finite"]
        return losses, ", ".join(broken) or None

    def _divergence(self, step: StepEnd) -> RunError:
        images = self._setup.batches.image_names(step.step - 1, self._world.rank, self._world.ranks)
        return RunError(
            f"{MAX_SKIPPED_STEPS} steps in a row could not be learned from, the last is step {step.step}: "
            f"{step.skipped} (images: {', '.join(images)}); {self._setup.advice}"
        )

    def _validation_due(self) -> bool:
        last = self._step == self._setup.steps
        due = last or (self._step > 0 and self._step % self._setup.validation_interval == 0)
        return due and self._validated_step != self._step

    def _validate(self) -> ValidationEnd:
        networks, setup = self._networks(), self._setup
        results = {
            name: run_to_end(
                setup.images.validator.evaluate(network, self._token, name, left_out=self._blank)
            )
            for name, network in networks.items()
        }
        scores = {name: result.scores for name, result in results.items()}
        previews = {name: result.preview for name, result in results.items()}
        improved = {
            name for name in scores if name not in self._best or scores[name].psnr > self._best[name].psnr
        }
        with turn(self._device):
            saved = self._writer.save_students(
                step=self._step,
                interval=setup.validation_interval,
                networks=networks,
                previews=previews,
                improved=improved,
            )
        if saved:
            self._best |= {name: scores[name] for name in improved}
        event = ValidationEnd(
            step=self._step,
            student=scores.pop(STUDENT),
            best=STUDENT in improved,
            preview=previews.pop(STUDENT),
            others=scores,
            other_previews=previews,
            affinity=setup.images.validator.affinity(networks[STUDENT], setup.affinity_tap),
        )
        self._writer.append(event)
        self._validated_step = self._step
        trim_heap()
        return event

    def _checkpoint(self) -> Iterator[CheckpointSaved | Notice]:
        with turn(self._device):
            path = self._writer.save_checkpoint(self._state(), self._networks())
        if path is not None:
            self._saved_step = self._step
            yield CheckpointSaved(self._step, path)
        yield from self._writer.failures.notices()

    def _networks(self) -> dict[str, SRNetwork]:
        """The students and their averages, by the names of `ValidationEnd`."""
        networks = {}
        for name, learner in self._learners.items():
            networks[name] = learner.student
            if learner.average is not None:
                networks[average_of(name)] = learner.average
        return networks

    def _state(self) -> dict[str, Any]:
        return {
            "step": self._step,
            "validated_step": self._validated_step,
            "steps": self._setup.steps,
            "seconds": self._seconds,
            "best": {name: (scores.psnr, scores.ssim) for name, scores in self._best.items()},
            "learners": {name: learner.state_dict() for name, learner in self._learners.items()},
        }

    def _load_state(self, state: Mapping[str, Any]) -> None:
        for name, learner in self._learners.items():
            learner.load_state_dict(state["learners"][name])
        self._step, self._validated_step = int(state["step"]), int(state["validated_step"])
        if not 0 <= self._validated_step <= self._step:
            raise ValueError(self._step)
        self._saved_step = self._step
        self._seconds = float(state["seconds"])
        self._best = {name: Scores(*map(float, scores)) for name, scores in state["best"].items()}

    def _end(self, stopped: bool) -> RunEnd:
        # torchrun stops all processes when the first one ends: none ends before the last file is written.
        self._world.any(False)
        layout = self._writer.layout
        return RunEnd(
            outcome="stopped" if stopped else "completed",
            step=self._step,
            best=self._best.get(STUDENT),
            student_file=layout.best_student() or layout.weights(),
            seconds=self._seconds,
        )
