"""Events of an evaluation, in the order in which `evaluate` yields them. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fakd_core.evaluation.results import Cell, EvalSet, Failure, Result


@dataclass(frozen=True)
class ModelLoaded:
    """A model is loaded. `parameters` and `gmacs` (see `models.cost`) are None for bicubic or if unknown.

    `remarks` name choices and guesses that were made when its file was read.
    """

    ref: str
    parameters: int | None
    gmacs: float | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvaluationPlanned:
    """Every model on every set that it will be evaluated on, in order, and the names of the sets."""

    cells: tuple[Cell, ...]
    set_names: Mapping[EvalSet, str]


@dataclass(frozen=True)
class ImageStarted:
    """An image is about to be upscaled and scored.

    Attributes:
        index: Its position among the `images` of the set, from 0.
        done: Images finished in the whole evaluation.
        total: Images to score in the whole evaluation, without those whose results were known.
        fraction: Share of the estimated work that is done, 0..1.
        seconds_left: Estimated time left; None until there is enough to estimate it from.
    """

    cell: Cell
    image: str
    index: int
    images: int
    done: int
    total: int
    fraction: float
    seconds_left: float | None


@dataclass(frozen=True)
class CellEvaluated:
    """A model was scored on a set."""

    cell: Cell
    result: Result


@dataclass(frozen=True)
class EvaluationFailed:
    """A model could not be evaluated on a set, or not at all (`cell` is None); the others go on.

    The frames of `error`'s traceback are cleared, so that no tensor is kept alive.
    """

    failure: Failure
    error: Exception = field(repr=False, compare=False)
    cell: Cell | None = None


EvaluationEvent = ModelLoaded | EvaluationPlanned | ImageStarted | CellEvaluated | EvaluationFailed
