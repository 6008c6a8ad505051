"""Declarations of networks: how each is built, recognised in a checkpoint, and sized from weight shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

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
    network's own name. Unknown keys stay as they are and are reported later.
    """

    name: str
    detect: Callable[[Collection[str]], bool]
    native_keys: NativeKeys = same_keys

    @classmethod
    def like(cls, name: str, pattern: re.Pattern[str], native_keys: NativeKeys = same_keys) -> Self:
        """The format of sets in which some key begins as `pattern` says."""
        return cls(name, lambda keys: any(map(pattern.match, keys)), native_keys)


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
        fakd_key: `fakd_key(key, spec)` is a weight's name in FAKD's code; None if that has no such network.
    """

    name: str
    spec_class: type[ModelSpec]
    network: Callable[[Any], SRNetwork]
    formats: tuple[KeyFormat, ...]
    infer_spec: Callable[[Shapes], ModelSpec]
    counterpart: Callable[[str, Any, Any], str]
    blocks: Callable[[Any], int]
    fakd_key: Callable[[str, Any], str] | None = None


def evenly_spaced(index: int, count: int, of: int) -> int:
    """The index among `of` groups that matches `index` among `count`: ends match ends, others lie between.

    If `count` is larger than `of`, each index matches itself.
    """
    if count > of or count == 1:
        return index
    return (2 * index * (of - 1) + (count - 1)) // (2 * (count - 1))


def scale_from_tail(shapes: Shapes) -> int:
    """Read the scale from the upsampler: one convolution to 9 C channels, or one to three to 4 C."""
    if shapes["tail.0.0.weight"][0] == 9 * shapes["tail.0.0.weight"][1]:
        return 3
    steps = [step for step in range(3) if f"tail.0.{2 * step}.weight" in shapes]
    return int(2 ** len(steps))
