"""Loads and checks everything a run needs; the one place where its settings are taken apart."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from fakd_core.data.folders import SAMPLES
from fakd_core.data.patches import PatchSampler
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.distillation.recipe import Recipe
from fakd_core.distillation.upcycling import Upcycling
from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken, Notice, Progress
from fakd_core.models.external.network import SpandrelNetwork
from fakd_core.models.factory import create_model
from fakd_core.models.initialization import Seeded, change_scale, copy_matching_layers
from fakd_core.models.layers import SRNetwork
from fakd_core.models.seen_images import merge_seen
from fakd_core.models.spec import ModelSpec
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.layout import BASELINE, STUDENT
from fakd_core.runs.references import anchored_ref, has_weights, load_model, resolve_spec, split_taps
from fakd_core.runtime.cancellation import cancellable
from fakd_core.runtime.device import choose_device, choose_precision
from fakd_core.runtime.distributed import SINGLE_PROCESS, World
from fakd_core.runtime.turns import turn
from fakd_core.training.batches import BatchSource, OnlineTeacherBatches
from fakd_core.training.cached_batches import CachedTeacherBatches
from fakd_core.training.fastest_precision import find_fastest_precision
from fakd_core.training.images import TrainingImages, open_images
from fakd_core.training.learner import Learner
from fakd_core.training.sanity_check import check_gradient_flow
from fakd_core.training.schedule import Schedule, learning_rate


@dataclass(frozen=True, eq=False)
class TrainingSetup:
    """The parts of a run, on their device, as the training loop needs them.

    Attributes:
        students: The student, and its baseline if there is one, by name.
        make_learner: Makes the learner of a student. In several processes all call it at the same time.
        learning_rate: The learning rate at a step (0-based), also in a run of another number of steps.
        affinity_tap: The tap whose affinities TensorBoard shows; None without TensorBoard.
        interruptible: Whether a step may be left halfway.
        advice: The advice to a user whose training diverged.
        copied_tensors: The number of tensors of the student that were copied from the teacher.
        device: The device and the number of processes, for the user.
        precision: That of the networks' forward pass, as in the settings; what `auto` stands for.
    """

    students: dict[str, SRNetwork]
    teachers: tuple[SRNetwork, ...]
    teacher_names: tuple[str, ...]
    images: TrainingImages
    batches: BatchSource
    make_learner: Callable[[SRNetwork], Learner]
    learning_rate: Schedule
    steps: int
    validation_interval: int
    affinity_tap: int | None
    interruptible: bool
    advice: str
    copied_tensors: int
    device: str
    precision: str

    def remember_images(self, world: World) -> None:
        """Let the students know which images they learn from; several processes each know some."""
        parts = world.gather(self.images.seen)
        for student in self.students.values():
            student.seen_images = merge_seen(student.seen_images, *parts)


def prepare(
    config: TrainConfig, token: CancelToken, world: World = SINGLE_PROCESS
) -> Generator[Progress | Notice, None, TrainingSetup]:
    """Load the networks and the images of `config` and check that they fit one another.

    An image of the training data that can't be read is left out, with a notice. The precision `auto` is
    decided by measuring.

    Raises:
        FakdError: Says what does not fit, and what to do.
        Cancelled: The token was cancelled meanwhile.
    """
    if config.batch % world.ranks:
        raise ConfigError(
            f"batch {config.batch} can't be shared by {world.ranks} processes; "
            f"use a multiple of {world.ranks}"
        )
    device = choose_device(config.device, world)
    loss = DistillationLoss(config.alpha, config.distill, config.layers)
    upcycling = plan_upcycling(config, loss.recipe, world.ranks)
    student, teachers, copied_tensors = yield from _load_networks(config, loss)
    answering = teachers if loss.needs_teacher else ()  # The others only give their layers to start from.
    precision = yield from _choose_precision(config, student, answering, token, world)
    dtype = choose_precision(precision, device)
    images = yield from open_images(config, token, world, upcycling.zooms)
    with turn(device):
        for network in (student, *teachers):
            network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        baseline = {BASELINE: copy.deepcopy(student)} if config.baseline else {}
    for teacher in teachers:
        teacher.eval().requires_grad_(False)
    for taught_by in teachers or (None,):
        with turn(device), cancellable(token, student):
            check_gradient_flow(student=student, teacher=taught_by, loss=loss, patch=config.patch)
    return TrainingSetup(
        students={STUDENT: student, **baseline},
        teachers=teachers,
        teacher_names=config.teacher,
        images=images,
        batches=_make_batches(config, loss, upcycling, images.sampler, answering, device=device, dtype=dtype),
        make_learner=partial(
            Learner,
            loss=loss,
            device=device,
            dtype=dtype,
            ema=config.ema,
            clip=config.clip,
            world=world,
            compiled=config.compile,
        ),
        learning_rate=_schedule(config),
        steps=config.steps,
        validation_interval=config.validation_interval,
        affinity_tap=max(loss.layers or config.layers) if config.tensorboard else None,
        interruptible=world.is_single and not config.compile and device.type == "cpu",
        advice=_advice(config, dtype),
        copied_tensors=copied_tensors,
        device=str(device) if world.is_single else f"{world.ranks} x {device.type}",
        precision=precision,
    )


def with_absolute_paths(config: TrainConfig) -> TrainConfig:
    """`config` with every path absolute, so that its run can be resumed from any folder."""
    cache = config.teacher_cache_folder

    def absolute(ref: Path) -> Path:
        return ref if str(ref) == SAMPLES else ref.absolute()

    return config.model_copy(
        update={
            "teacher": tuple(anchored_ref(ref) for ref in config.teacher),
            "student": anchored_ref(config.student),
            "train_data": tuple(map(absolute, config.train_data)),
            "val_data": tuple(map(absolute, config.val_data)),
            "teacher_cache": cache.absolute() if cache else None,
        }
    )


def _load_networks(
    config: TrainConfig, loss: DistillationLoss
) -> Generator[Notice, None, tuple[SRNetwork, tuple[SRNetwork, ...], int]]:
    """The student, the teachers, and the number of tensors copied from the first teacher to the student."""
    teachers = tuple(_load_at_scale(name, config.scale) for name in config.teacher)
    student, notice = _make_student(config)
    if notice:
        yield Notice(notice)
    yield from _notices_of_taps(config.teacher, teachers)
    for name, network in ((config.student, student), *zip(config.teacher, teachers, strict=True)):
        for remark in network.origin.remarks:
            yield Notice(f"{split_taps(name)[0]}: {remark}")
    for teacher in teachers:
        loss.check_widths(student.spec.tap_channels, teacher.spec.tap_channels)
    if not config.init_from_teacher:
        return student, teachers, 0
    if not teachers:
        raise ConfigError("init_from_teacher needs a teacher; name one, or drop it")
    return student, teachers, copy_matching_layers(student, teachers[0])


def _choose_precision(
    config: TrainConfig,
    student: SRNetwork,
    teachers: Sequence[SRNetwork],
    token: CancelToken,
    world: World,
) -> Generator[Notice, None, str]:
    """The precision, in all processes what the first one measured."""
    if config.precision != "auto":
        return config.precision
    fastest = world.broadcast_from_main(lambda: find_fastest_precision(config, student.spec, teachers, token))
    if fastest.reason:
        yield Notice(fastest.reason)
    return fastest.name


def _make_batches(
    config: TrainConfig,
    loss: DistillationLoss,
    upcycling: Upcycling,
    sampler: PatchSampler,
    teachers: tuple[SRNetwork, ...],
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> BatchSource:
    if not teachers or config.teacher_cache is None or config.cache_patches is None:
        return OnlineTeacherBatches(
            sampler=sampler,
            upcycling=upcycling,
            teachers=teachers,
            average=config.average_teachers,
            seed=config.seed,
            device=device,
            dtype=dtype,
            compiled=config.compile,
        )
    return CachedTeacherBatches(
        folder=config.teacher_cache,
        sampler=sampler,
        upcycling=upcycling,
        average=config.average_teachers,
        teachers=list(zip(config.teacher, teachers, strict=True)),
        layers=loss.layers,
        share=loss.recipe.share,
        dtype=dtype,
        patches=config.cache_patches,
        batch=config.batch,
        seed=config.seed,
        device=device,
    )


def plan_upcycling(config: TrainConfig, recipe: Recipe, ranks: int = 1) -> Upcycling:
    """The upcycled patches of every batch, which `ranks` processes share.

    Raises `ConfigError` if there can't be any.
    """
    terms = recipe.comparing("upcycled")
    if terms and not config.teacher:
        raise ConfigError(
            f"{' and '.join(term.name for term in terms)}: only a teacher can answer inputs without ground "
            "truth; name a teacher, or leave this out of the recipe"
        )
    upcycling = Upcycling(recipe, config.batch)
    upcycling.check_shared(config.batch, ranks)
    return upcycling


def _advice(config: TrainConfig, dtype: torch.dtype) -> str:
    precision = ", with precision fp32" if dtype is not torch.float32 else ""
    clip = "" if config.clip else ", or with clipped gradients (clip)"
    return f"start again with a learning rate (lr) below {config.lr:g}{precision}{clip}"


def _schedule(config: TrainConfig) -> Schedule:
    def rate(step: int, steps: int = config.steps) -> float:
        return learning_rate(
            step, lr=config.lr, steps=steps, schedule=config.schedule, milestones=config.milestones
        )

    return rate


def require_scale(ref: str, spec: ModelSpec, scale: int) -> None:
    """Raise `ConfigError` if the network `ref` has another scale than its run."""
    if spec.scale != scale:
        raise ConfigError(
            f"{ref} enlarges x{spec.scale}, the run is for x{scale}; choose another or set the scale"
        )


def _load_at_scale(name: str, scale: int) -> SRNetwork:
    model = load_model(name)
    require_scale(name, model.spec, scale)
    return model


def _make_student(config: TrainConfig) -> tuple[SRNetwork, str]:
    """The student before its first step, and a notice if its weights are for another scale."""
    if not has_weights(config.student):
        with Seeded(config.seed):
            return create_model(resolve_spec(config.student, config.scale)), ""
    if config.init_from_teacher:
        raise ConfigError(
            f"{config.student} has weights of its own; drop init_from_teacher, or name a preset or sizes"
        )
    student = load_model(config.student)
    if isinstance(student, SpandrelNetwork):
        raise ConfigError(
            f"{config.student} is {student.spec.architecture}, a network of another project: it can "
            "teach, but not learn here; choose a preset, sizes or a model of this program as student"
        )
    if student.spec.scale == config.scale:
        return student, ""
    rescaled, copied = change_scale(student, config.scale, config.seed)
    return rescaled, (
        f"{config.student} enlarges x{student.spec.scale}, the run is for x{config.scale}: {copied} of "
        f"{len(rescaled.state_dict())} tensors are copied, and the upsampler starts at random"
    )


def _notices_of_taps(names: Sequence[str], teachers: Sequence[SRNetwork]) -> Iterator[Notice]:
    """Report the auto-detected feature taps of external teachers."""
    for name, teacher in zip(names, teachers, strict=True):
        if isinstance(teacher, SpandrelNetwork) and teacher.spec.taps:
            taps = ", ".join(teacher.spec.describe_taps())
            yield Notice(f"{split_taps(name)[0]}: {teacher.spec.architecture}, read by spandrel; taps {taps}")
