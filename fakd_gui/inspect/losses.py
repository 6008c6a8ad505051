"""The SA loss of a student at one layer over the window: estimated at once, exact where that is quick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fakd_core.evaluation.features import Window, sa_loss
from fakd_gui.inspect.sources import Origin, SourceMaps

LossKey = tuple[Origin, Origin, Window, int, int]
"""Teacher, student, part of the image, layer, and stride of the lattice of positions."""


@dataclass(frozen=True)
class SALoss:
    """Mean absolute difference of all affinities, 0..2: exact, or estimated on a lattice of positions."""

    value: float
    exact: bool

    @property
    def text(self) -> str:
        return f"{'' if self.exact else '≈ '}{self.value:.4f}"


def loss_key(teacher: SourceMaps, student: Origin, layer: int, stride: int) -> LossKey:
    return teacher.origin, student, teacher.window, layer, stride


def compute_losses(
    teacher: SourceMaps, student: SourceMaps, layers: Iterable[int], stride: int
) -> dict[LossKey, SALoss]:
    """The losses on every `stride`-th position: on the lattice of a window they take milliseconds."""
    return {
        loss_key(teacher, student.origin, layer, stride): SALoss(
            sa_loss(student, teacher, layer, stride=stride), exact=stride == 1
        )
        for layer in layers
    }
