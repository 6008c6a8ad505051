"""Declarations of networks: how each is built, recognised in a checkpoint, and sized from weight shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from fakd_core.errors import CheckpointError
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec

Shapes = Mapping[str, tuple[int, ...]]
NativeKeys = Callable[[Collection[str]], dict[str, str]]


def same_keys(keys: Collection[str]) -> dict[str, str]:
    """The `native_keys` of a format that is already native."""
    return {key: key for key in keys}


@dataclass(frozen=True)
class KeyFormat:
    """One way of naming a network's weights.

    `detect` says whether a set of keys is in this format; `native_keys` maps each key of such a set to the
    network's own name. Unknown keys stay as they are and are reported later. With a `mean_shift_range`
    the code of such files subtracts DIV2K's mean colour, without storing it, from images with white there.
    """

    name: str
    detect: Callable[[Collection[str]], bool]
    native_keys: NativeKeys = same_keys
    mean_shift_range: int | None = None

    @classmethod
    def like(
        cls,
        name: str,
        pattern: re.Pattern[str],
        native_keys: NativeKeys = same_keys,
        *,
        needs: Collection[str] = (),
        mean_shift_range: int | None = None,
    ) -> Self:
        """The format of sets with a key that begins as `pattern` says, and with all that it `needs`."""

        def detect(keys: Collection[str]) -> bool:
            return all(key in keys for key in needs) and any(map(pattern.match, keys))

        return cls(name, detect, native_keys, mean_shift_range)


@dataclass(frozen=True)
class Architecture:
    """Declaration of a network.

    Attributes:
        name: what users call it.
        spec_class: the model of its sizes.
        network: makes the network from a spec.
        formats: the key formats of its weight files.
        infer_spec: reads the sizes from the shapes of natively named weights; raises `KeyError` for a missing
            weight.
        counterpart: `counterpart(key, student, teacher)` is the key of the teacher's weight, which may not
            exist, from which the student's may be initialised.
        blocks: the number of residual blocks of two convolutions, which are nearly all of the network.
        unshown: the sizes that neither keys nor shapes show, each with the reason for the value that
            `infer_spec` takes.
        fakd_key: `fakd_key(key, spec)` is a weight's name in FAKD's code; None if that has no such network.
    """

    name: str
    spec_class: type[ModelSpec]
    network: Callable[[Any], SRNetwork]
    formats: tuple[KeyFormat, ...]
    infer_spec: Callable[[Shapes], ModelSpec]
    counterpart: Callable[[str, Any, Any], str]
    blocks: Callable[[Any], int]
    unshown: Callable[[Any], dict[str, str]] = lambda spec: {}
    fakd_key: Callable[[str, Any], str] | None = None


def evenly_spaced(index: int, count: int, of: int) -> int:
    """The index among `of` groups that matches `index` among `count`: ends match ends, others lie between.

    If `count` is larger than `of`, each index matches itself.
    """
    if count > of or count == 1:
        return index
    return (2 * index * (of - 1) + (count - 1)) // (2 * (count - 1))


class PurposeError(CheckpointError):
    """A network that fits, but does something other than enlarging RGB images by a supported scale."""


def check_rgb(shapes: Shapes, head: str = "head.0.weight", folds: Collection[int] = (1,)) -> int:
    """Raise `PurposeError` unless the network takes and gives RGB.

    Returns by which of the factors `folds` pixels are folded into channels (pixel-unshuffle) before `head`.
    """
    (features, found), (gives, inside) = shapes[head][:2], shapes.get("tail.1.weight", (3, 0))[:2]
    for verb, channels, expected in (
        ("takes", found, [3 * fold**2 for fold in folds]),
        ("gives", gives if inside == features else 3, [3]),
    ):
        if channels and channels not in expected:
            raise PurposeError(f"{verb} {channels} channel{'s' * (channels != 1)}, expected 3 (RGB)")
    return next((fold for fold in folds if found == 3 * fold**2), 1)


def has_mean_shift(shapes: Shapes) -> bool:
    """True if any part of the mean shifts is stored; the others are then missing."""
    return any(key.startswith(("sub_mean.", "add_mean.")) for key in shapes)


def scale_from_tail(shapes: Shapes) -> int:
    """Read the scale from the upsampler: one convolution to 9 C channels, or one to three to 4 C."""
    if "tail.1.weight" in shapes and not any(key.startswith("tail.0.") for key in shapes):
        raise PurposeError("doesn't enlarge (x1); expected x2, x3, x4 or x8")
    if shapes["tail.0.0.weight"][0] == 9 * shapes["tail.0.0.weight"][1]:
        return 3
    steps = [step for step in range(3) if f"tail.0.{2 * step}.weight" in shapes]
    return int(2 ** len(steps))


def basicsr_frame(key: str, blocks: int) -> str:
    """The native name of a weight around the body of BasicSR's or mmagic's networks of so many `blocks`."""
    key = re.sub(r"^upsample\.(\d+)\.upsample_conv\.", lambda match: f"tail.0.{2 * int(match[1])}.", key)
    for theirs, ours in (
        ("conv_first.", "head.0."),
        ("conv_after_body.", f"body.{blocks}."),
        ("upsample.", "tail.0."),
        ("conv_last.", "tail.1."),
    ):
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    return key
