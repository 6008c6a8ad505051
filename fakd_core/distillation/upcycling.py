"""Upcycled inputs: patches of a batch without ground truth, which the teacher alone answers.

After data upcycling knowledge distillation (DUKD; Zhang et al., 2023, arXiv 2309.14162): inputs zoomed in and
out, and label consistency, where the student sees an input through an invertible change. Chosen here, as the
paper's outline leaves it open: zooming in takes HR pixels as input, zooming out halves the LR image, and a
change is one of `CHANGES`, drawn for every patch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd

import numpy as np
import torch
from torch import Tensor

from fakd_core.data.patches import Zoom
from fakd_core.distillation.changes import ANY_CHANGE, CHANGE, CHANGES, NO_CHANGE, SHARE, InputChanges
from fakd_core.distillation.recipe import Term
from fakd_core.errors import ConfigError

# The purpose of a random draw, beside its seed and step; 1 to 4 are teachers, patches and positions.
_CHANGE = 5


@dataclass(frozen=True, eq=False)
class BatchRows:
    """The rows of a batch that have ground truth, and those of each upcycling term by its full name."""

    ground_truth: Tensor
    upcycled: Mapping[str, Tensor]


class Upcycling:
    """The places of a batch of `batch` patches that the upcycling terms of `recipe` take.

    Places are spread evenly, so that processes which share a batch get the same number of each kind.

    Raises:
        ConfigError: a term's share is less than one patch, or no patch is left with ground truth.
    """

    def __init__(self, recipe: Iterable[Term], batch: int) -> None:
        self._terms = [term for term in recipe if term.kind.compares == "upcycled"]
        counts = [_count(term, batch) for term in self._terms]
        if sum(counts) >= batch:
            names = " and ".join(term.name for term in self._terms)
            raise ConfigError(
                f"no patch of a batch of {batch} is left with ground truth by {names}; make their {SHARE} "
                "smaller"
            )
        self._period = batch // reduce(gcd, counts, batch)
        whole = batch // self._period
        self._places = _spread([(batch - sum(counts)) // whole, *(count // whole for count in counts)])
        """By place, over one period: 0 with ground truth, otherwise the number of the term, from 1."""

    def __bool__(self) -> bool:
        return bool(self._terms)

    @property
    def zooms(self) -> tuple[Zoom, ...]:
        """The zooms of the patches by place, to be repeated."""
        by_number = (Zoom.NONE, *(term.kind.zoom for term in self._terms))
        return tuple(by_number[number] for number in self._places)

    def check_shared(self, batch: int, ranks: int) -> None:
        """Raise `ConfigError` if `ranks` processes would get different numbers of upcycled patches."""
        if self._terms and batch // ranks % self._period:
            fitting = " or ".join(
                str(n) for n in range(1, ranks) if batch % n == batch // n % self._period == 0
            )
            raise ConfigError(
                f"{ranks} processes can't share the upcycled patches of a batch of {batch} evenly; use "
                f"{fitting} of them, a batch that is a multiple of {ranks * self._period}, or another {SHARE}"
            )

    def rows(self, count: int) -> BatchRows | None:
        """The rows of the `count` patches of one process; None if all have ground truth."""
        if not self._terms:
            return None
        numbers = np.resize(self._places, count)
        of_number = [torch.from_numpy(np.flatnonzero(numbers == n)) for n in range(len(self._terms) + 1)]
        names = (term.full_name for term in self._terms)
        return BatchRows(of_number[0], dict(zip(names, of_number[1:], strict=True)))

    def changes(self, count: int, *, seed: int, step: int, first: int) -> InputChanges | None:
        """The changes of the inputs from place `first` of the batch of `step` on; None without any."""
        wanted = [NO_CHANGE, *(str(dict(term.params)[CHANGE]) for term in self._terms)]
        if all(name == NO_CHANGE for name in wanted):
            return None
        names = [wanted[number] for number in np.resize(self._places, count)]
        for row, name in enumerate(names):
            if name == ANY_CHANGE:
                rng = np.random.default_rng((seed, step, first + row, _CHANGE))
                names[row] = list(CHANGES)[rng.integers(len(CHANGES))]
        return InputChanges(tuple(names))


def _count(term: Term, batch: int) -> int:
    """The number of patches that `term` takes of a batch."""
    share = float(dict(term.params)[SHARE])
    count = round(share * batch)
    if count == 0:
        raise ConfigError(
            f"{term.name}({SHARE}={share:g}) is less than one patch of a batch of {batch}; use a {SHARE} of "
            f"at least {1 / batch:.2g}, or a larger batch"
        )
    return count


def _spread(counts: Sequence[int]) -> list[int]:
    """Every number n `counts[n]` times, each spread evenly over all places."""
    places = [((k + 0.5) / count, number) for number, count in enumerate(counts) for k in range(count)]
    return [number for _, number in sorted(places)]


NO_UPCYCLING = Upcycling((), 1)
"""Every patch has ground truth."""
