"""Declarations of networks: how each is built, recognised in a checkpoint, and sized from weight shapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class KeyFormat:
    """One way of naming a network's weights.

    `detect` tells whether a set of keys is in this format; `native_keys` maps every key of such a set
    to the network's own name for it. Keys it doesn't know stay as they are, to be reported later.
    """

    name: str
    detect: Callable[[Collection[str]], bool]
    native_keys: Callable[[Collection[str]], dict[str, str]]


@dataclass(frozen=True)
class Architecture:
    """One network.

    `blocks` counts its residual blocks of two convolutions, which are nearly all of it.
    `infer_spec` reads the sizes from the shapes of natively named weights; it raises `KeyError` for a
    weight it needs and doesn't find. `fakd_key(key, spec)` names a weight as FAKD's code does, which has no
    such network where it is None. `counterpart(key, student, teacher)` names the teacher's weight that
    a student's weight may start from, were the teacher as deep as that.
    """

    name: str
    spec_class: type[ModelSpec]
    network: Callable[[Any], SRNetwork]
    formats: tuple[KeyFormat, ...]
    infer_spec: Callable[[Shapes], ModelSpec]
    counterpart: Callable[[str, Any, Any], str]
    blocks: Callable[[Any], int]
    fakd_key: Callable[[str, Any], str] | None = None


def same_keys(keys: Collection[str]) -> dict[str, str]:
    """The remap of a format that is already native."""
    return {key: key for key in keys}


def evenly_spaced(index: int, count: int, of: int) -> int:
    """Which of `of` groups the `index`-th of `count` corresponds to: ends to ends, the others between.

    Where there are more than `of`, each corresponds to its own number.
    """
    if count > of or count == 1:
        return index
    return (2 * index * (of - 1) + (count - 1)) // (2 * (count - 1))


def scale_from_tail(shapes: Shapes) -> int:
    """The upscaling factor by the upsampler: one convolution to 9 C channels, or one to three to 4 C."""
    if shapes["tail.0.0.weight"][0] == 9 * shapes["tail.0.0.weight"][1]:
        return 3
    steps = [step for step in range(3) if f"tail.0.{2 * step}.weight" in shapes]
    return int(2 ** len(steps))
