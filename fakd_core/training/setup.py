"""Everything a run needs, loaded and checked before anything is written."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from fakd_core.data.datasets import (
    SRDataset,
    check_patch,
    fingerprint,
    open_dataset,
    split_validation,
    with_readable_header,
)
from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.data.patches import PatchSampler
from fakd_core.data.pixel_store import PixelStore, open_store
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken, Notice, Progress
from fakd_core.models.external.network import SpandrelNetwork
from fakd_core.models.factory import create_model
from fakd_core.models.initialization import Seeded, copy_matching_layers
from fakd_core.models.layers import SRNetwork
from fakd_core.models.references import anchored_ref, has_weights, load_model, resolve_spec, split_taps
from fakd_core.runs.config import TrainConfig
from fakd_core.runtime.cancellation import cancellable
from fakd_core.runtime.device import choose_device, choose_precision
from fakd_core.runtime.distributed import SINGLE_PROCESS, World
from fakd_core.training.batches import BatchSource, OnlineTeacherBatches
from fakd_core.training.cached_batches import CachedTeacherBatches
from fakd_core.training.sanity_check import check_gradient_flow
from fakd_core.training.validation import Validator


@dataclass(frozen=True)
class TrainingSetup:
    """The networks lie on `device`; `dtype` is that of their forward pass."""

    student: SRNetwork
    teachers: tuple[SRNetwork, ...]
    loss: DistillationLoss
    lessons: BatchSource
    validator: Validator
    train_images: int
    copied_tensors: int
    data_fingerprint: str
    device: torch.device
    dtype: torch.dtype


def prepare(
    config: TrainConfig, token: CancelToken, world: World = SINGLE_PROCESS
) -> Generator[Progress | Notice, None, TrainingSetup]:
    """Load the models and the images of `config` and check that they fit one another.

    An image of the training data that can't be read is left out, and a notice says so.

    Raises:
        FakdError: what does not fit, and what to do.
        Cancelled: the token was cancelled meanwhile.
    """
    if config.batch % world.ranks:
        raise ConfigError(
            f"batch {config.batch} can't be shared by {world.ranks} processes; "
            f"use a multiple of {world.ranks}"
        )
    device = choose_device(config.device, world)
    dtype = choose_precision(config.precision, device)
    loss = DistillationLoss(config.alpha, config.distill, config.layers)
    teachers = tuple(_at_scale(load_model(name), name, config.scale) for name in config.teacher)
    student, copied = _make_student(config, teachers)
    for teacher in teachers:
        loss.check_widths(student.spec.tap_channels, teacher.spec.tap_channels)
    yield from _told(config, teachers)
    dataset = open_dataset(resolve_data(config.train_data), config.scale)
    if config.val_data is None:
        validation = dataset
        training, chosen = split_validation(dataset, config.held_out_images, config.seed)
    else:
        validation = open_dataset(resolve_data(config.val_data), config.scale)
        training, chosen = tuple(range(len(dataset))), tuple(range(len(validation)))[: config.val_images]
    # Those that can't be read are told by the store, which decodes all.
    if sized := with_readable_header(dataset, training):
        check_patch(dataset, sized, config.patch)
    store = yield from open_store(dataset, token)
    for problem in store.problems.values():
        yield Notice(f"left out of the training: {problem}")
    training = _readable(store, training, "to train on")
    if validation is dataset:
        chosen = _readable(store, chosen, "held out for validation")
    validator = yield from _validator(validation, chosen, token, world)
    sampler = PatchSampler(store, training, config.patch, config.batch, config.seed)
    for network in (student, *teachers):
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for teacher in teachers:
        teacher.eval().requires_grad_(False)
    for teaching in teachers or (None,):
        with cancellable(token, student):
            check_gradient_flow(student, teaching, loss, config.patch)
    return TrainingSetup(
        student=student,
        teachers=teachers,
        loss=loss,
        lessons=_lessons(config, sampler, teachers, loss, device, dtype),
        validator=validator,
        train_images=len(training),
        copied_tensors=copied,
        data_fingerprint=fingerprint(dataset, store.problems),
        device=device,
        dtype=dtype,
    )


def anchored(config: TrainConfig) -> TrainConfig:
    """`config` with every path absolute, so that its run can be resumed from any folder."""

    def data(ref: Path) -> Path:
        return ref if str(ref) == SAMPLES else ref.absolute()

    return config.model_copy(
        update={
            "teacher": tuple(anchored_ref(ref) for ref in config.teacher),
            "student": anchored_ref(config.student),
            "train_data": data(config.train_data),
            "val_data": data(config.val_data) if config.val_data else None,
            "teacher_cache": config.teacher_cache.absolute() if config.teacher_cache else None,
        }
    )


def _told(config: TrainConfig, teachers: tuple[SRNetwork, ...]) -> Iterator[Notice]:
    """Where the maps of foreign teachers are taken: nobody declared it."""
    for name, teacher in zip(config.teacher, teachers, strict=True):
        if isinstance(teacher, SpandrelNetwork) and teacher.spec.taps:
            taps = ", ".join(f"{index}: {tap}" for index, tap in enumerate(teacher.spec.taps))
            yield Notice(f"{split_taps(name)[0]}: {teacher.spec.architecture}, read by spandrel; taps {taps}")


def _lessons(
    config: TrainConfig,
    sampler: PatchSampler,
    teachers: tuple[SRNetwork, ...],
    loss: DistillationLoss,
    device: torch.device,
    dtype: torch.dtype,
) -> BatchSource:
    if config.teacher_cache is None or config.cache_patches is None:
        return OnlineTeacherBatches(sampler, teachers, config.seed, device, dtype, config.compile)
    return CachedTeacherBatches(
        config.teacher_cache,
        sampler,
        list(zip(config.teacher, teachers, strict=True)),
        loss.layers if loss.recipe else (),
        config.cache_patches,
        config.batch,
        config.seed,
        device,
    )


def _readable(store: PixelStore, indices: tuple[int, ...], what: str) -> tuple[int, ...]:
    problems = store.problems
    readable = tuple(index for index in indices if index not in problems)
    if not readable:
        raise DataError(f"none of the {len(indices)} images {what} can be read: {problems[indices[0]]}")
    return readable


def _validator(
    dataset: SRDataset, indices: Sequence[int], token: CancelToken, world: World
) -> Generator[Progress, None, Validator]:
    """A validator on the images at `indices`, of which this process reads those that fall to it."""
    pairs = {}
    for place in Validator.shard(len(indices), world):
        token.check()
        yield Progress(place, len(indices), "reading the validation images")
        pairs[place] = dataset.load(indices[place])
    return Validator(pairs, len(indices), dataset.scale, world)


def _make_student(config: TrainConfig, teachers: tuple[SRNetwork, ...]) -> tuple[SRNetwork, int]:
    if has_weights(config.student):
        if config.init_from_teacher:
            raise ConfigError(
                f"{config.student} has weights of its own; drop init_from_teacher, or name a preset or sizes"
            )
        student = _at_scale(load_model(config.student), config.student, config.scale)
        if isinstance(student, SpandrelNetwork):
            raise ConfigError(
                f"{config.student} is {student.spec.architecture}, a network of another project: it can "
                "teach, but not learn here; choose a preset, sizes or a model of this program as student"
            )
        return student, 0
    with Seeded(config.seed):
        student = create_model(resolve_spec(config.student, config.scale))
    if not config.init_from_teacher:
        return student, 0
    if not teachers:
        raise ConfigError("init_from_teacher needs a teacher; name one, or drop it")
    return student, copy_matching_layers(student, teachers[0])


def _at_scale(model: SRNetwork, name: str, scale: int) -> SRNetwork:
    if model.spec.scale != scale:
        raise ConfigError(
            f"{name} enlarges x{model.spec.scale}, the run is for x{scale}; choose another or set --scale"
        )
    return model
