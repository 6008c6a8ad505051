"""SA losses of the image shown, by student and layer: estimated at once, exact where that is quick."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from fakd_core.evaluation.features import MAX_EXACT_POSITIONS, Window, lattice_stride, sa_loss
from fakd_core.events import CancelToken
from fakd_core.models.spec import TAP_COUNT
from fakd_gui.inspect.sources import Origin, SourceMaps
from fakd_gui.session.jobs import LatestWins

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


def compute_loss(teacher: SourceMaps, student: SourceMaps, layer: int, stride: int) -> dict[LossKey, SALoss]:
    """The loss on every `stride`-th position: on the lattice of a window it takes milliseconds."""
    key = teacher.origin, student.origin, teacher.window, layer, stride
    return {key: SALoss(sa_loss(student, teacher, layer, stride=stride), exact=stride == 1)}


def estimate_losses(teacher: SourceMaps, student: SourceMaps) -> dict[LossKey, SALoss]:
    """The losses at all layers on the lattice of positions, in a small window all of them."""
    stride, losses = lattice_stride(teacher.window), dict[LossKey, SALoss]()
    for layer in range(TAP_COUNT):
        losses |= compute_loss(teacher, student, layer, stride)
    return losses


class LossTable(LatestWins):
    """Computes losses on a thread and keeps them until another image is shown."""

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__("SA loss", parent)
        self._losses: dict[LossKey, SALoss] = {}
        self.yielded.connect(self.add)

    def clear(self) -> None:
        """Forget all losses: another image is shown."""
        self.cancel()
        self._losses.clear()

    def loss(self, teacher: SourceMaps, student: Origin, layer: int) -> SALoss | None:
        """The best known value."""
        exact = self._losses.get((teacher.origin, student, teacher.window, layer, 1))
        return exact or self.estimate(teacher, student, layer)

    def estimate(self, teacher: SourceMaps, student: Origin, layer: int) -> SALoss | None:
        """The value on the lattice: losses over a run are comparable only if all are computed alike."""
        stride = lattice_stride(teacher.window)
        return self._losses.get((teacher.origin, student, teacher.window, layer, stride))

    def add(self, losses: Mapping[LossKey, SALoss]) -> None:
        self._losses.update(losses)
        self.changed.emit()

    def request(
        self, teacher: SourceMaps, students: Sequence[SourceMaps], *, layer: int, exact: bool
    ) -> None:
        """Compute missing losses: estimates at all layers, `layer` first, then exact values if `exact`.

        `changed` follows for each.
        """
        window, strides = teacher.window, {lattice_stride(teacher.window)}
        if exact and window.positions <= MAX_EXACT_POSITIONS:
            strides.add(1)
        missing = [
            (student, tap, stride)
            for stride in sorted(strides, reverse=True)
            for tap in sorted(range(TAP_COUNT), key=lambda tap: tap != layer)
            for student in students
            if (teacher.origin, student.origin, window, tap, stride) not in self._losses
        ]

        def work(token: CancelToken) -> Iterator[dict[LossKey, SALoss]]:
            for student, tap, stride in missing:
                token.raise_if_cancelled()
                yield compute_loss(teacher, student, tap, stride)

        if missing:
            self.submit(work)
        else:
            # The running request is for other models.
            self.cancel()
