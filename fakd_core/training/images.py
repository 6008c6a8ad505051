"""Opens the images of a run: those to train on, as a sampler of patches, and those to validate on."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import NamedTuple

from fakd_core.data.datasets import (
    SRDataset,
    check_patch,
    content_fingerprint,
    describe_patch,
    fingerprint,
    image_fingerprint,
    lr_sides,
    open_datasets,
    split_validation,
)
from fakd_core.data.folders import resolve_all
from fakd_core.data.patches import PatchSampler, Zoom
from fakd_core.data.pixel_store import PixelStore, open_store
from fakd_core.errors import DataError
from fakd_core.events import CancelToken, Notice, Progress
from fakd_core.models.seen_images import Use
from fakd_core.runs.config import TrainConfig
from fakd_core.runtime.distributed import World
from fakd_core.training.validation import Validator

VALIDATION_FINGERPRINT = "validation_fingerprint"
_MAX_NAMES = 10
"""Names in a notice of images that are left out."""


class TrainingImages(NamedTuple):
    """The images of a run, to train on and to validate with.

    Attributes:
        fingerprints: Hashes of the images, by their names in `environment.json`.
        lr_origin: The origin of the LR images in words.
        seen: The uses of the images that this process read, by fingerprint.
    """

    sampler: PatchSampler
    validator: Validator
    train_images: int
    fingerprints: Mapping[str, str]
    lr_origin: str
    seen: dict[str, Use]


def open_images(
    config: TrainConfig, token: CancelToken, world: World, zooms: Sequence[Zoom] = (Zoom.NONE,)
) -> Generator[Progress | Notice, None, TrainingImages]:
    """Open the images to train on, for patches with these `zooms`, and to validate on.

    Those that can't be read or are smaller than the patch are left out of the training, with notices.
    """
    dataset = open_datasets(resolve_all(config.train_data), config.scale)
    if config.val_data:
        validation = open_datasets(resolve_all(config.val_data), config.scale)
        training, held_out = tuple(range(len(dataset))), tuple(range(len(validation)))[: config.val_images]
    else:
        validation = dataset
        training, held_out = split_validation(dataset, config.held_out_images, config.seed)
    # Before all are decoded. Unreadable images are reported by the store.
    reach = max(zoom.reach for zoom in zooms)
    check_patch(dataset, lr_sides(dataset, training), config.patch, reach)
    store = yield from open_store(dataset, token)
    for problem in store.problems.values():
        yield Notice(f"left out of the training: {problem}")
    training = _readable(store, training, "to train on")
    if validation is dataset:
        held_out = _readable(store, held_out, "held out for validation")
    small = tuple(index for index in training if store.lr_side(index) < config.patch * reach)
    if small:
        check_patch(dataset, map(store.lr_side, training), config.patch, reach)
        yield Notice(_describe_small(store, small, describe_patch(config.patch, reach), of=len(training)))
        training = tuple(index for index in training if index not in set(small))
    folders_left_out = dict.fromkeys([*dataset.left_out, *validation.left_out])
    yield from map(Notice, folders_left_out)
    if transparent := store.transparent(training):
        yield Notice(
            f"{transparent} of {len(training)} training images have transparent pixels, which are white here"
        )
    sampler = PatchSampler(
        store, training, patch=config.patch, batch=config.batch, seed=config.seed, zooms=zooms
    )
    pairs = {}
    for place in Validator.shard(len(held_out), world):
        token.check()
        yield Progress(place, len(held_out), "reading the validation images")
        pairs[place] = validation.load(held_out[place])
    validator = Validator(pairs=pairs, images=len(held_out), scale=config.scale, world=world)
    fingerprints = {
        "data_fingerprint": fingerprint(dataset, store.problems),
        "pixels_fingerprint": store.hash_of(range(len(store))),
    }
    if config.val_data and world.is_main:
        fingerprints[VALIDATION_FINGERPRINT] = content_fingerprint(validation, held_out)
    seen: dict[str, Use] = {image_fingerprint(pair.hr): "validation" for pair in pairs.values()}
    trained_on = frozenset(store.fingerprints(training))
    both = [pair.name for pair in pairs.values() if image_fingerprint(pair.hr) in trained_on]
    if both:
        yield Notice(
            f"{len(both)} of {len(pairs)} validation images are also trained on: {_some(both)}; "
            "their scores, and the choice of the best student by them, say little about other images"
        )
    seen |= dict.fromkeys(trained_on, "training")
    origin = _describe_lr(dataset, validation)
    return TrainingImages(sampler, validator, len(training), fingerprints, origin, seen)


def _readable(store: PixelStore, indices: tuple[int, ...], purpose: str) -> tuple[int, ...]:
    problems = store.problems
    readable = tuple(index for index in indices if index not in problems)
    if not readable:
        raise DataError(f"none of the {len(indices)} images {purpose} can be read: {problems[indices[0]]}")
    return readable


def _describe_small(store: PixelStore, small: Sequence[int], patch: str, *, of: int) -> str:
    """Name and count the `small` images, which are left out."""
    return (
        f"left out of the training: {len(small)} of {of} images, whose LR image is smaller than {patch}: "
        f"{_some(list(map(store.name_of, small)))}"
    )


def _some(names: Sequence[str]) -> str:
    others = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + others


def _describe_lr(training: SRDataset, validation: SRDataset) -> str:
    """The origin of the LR images in words."""
    if validation.lr_origin == training.lr_origin:
        return training.lr_origin
    return f"{training.lr_origin}; those for validation {validation.lr_origin}"
