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

LossKey = tuple[Origin, Origin, Window, int]
"""Teacher, student, part of the image, and layer."""


@dataclass(frozen=True)
class SALoss:
    """Mean absolute difference of all affinities, 0..2: exact, or estimated on a lattice of positions."""

    value: float
    exact: bool

    @property
    def text(self) -> str:
        return f"{'' if self.exact else '≈ '}{self.value:.4f}"


def loss_key(teacher: SourceMaps, student: SourceMaps, layer: int) -> LossKey:
    return teacher.origin, student.origin, teacher.window, layer


def estimate_losses(teacher: SourceMaps, student: SourceMaps) -> dict[LossKey, SALoss]:
    """The estimated losses at all layers."""
    layers = range(TAP_COUNT)
    return {loss_key(teacher, student, tap): estimate_loss(teacher, student, tap) for tap in layers}


def estimate_loss(teacher: SourceMaps, student: SourceMaps, layer: int) -> SALoss:
    """The loss on the lattice of positions, in a small window all of them: milliseconds."""
    stride = lattice_stride(teacher.window)
    return SALoss(sa_loss(student, teacher, layer, stride=stride), exact=stride == 1)


class LossTable(QObject):
    """Computes losses on a thread and keeps them until another image is shown."""

    changed = Signal()
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._estimates: dict[LossKey, SALoss] = {}
        self._exact: dict[LossKey, SALoss] = {}
        self._worker = LatestWins("SA loss", self)
        self._worker.yielded.connect(lambda computed: self._take(*computed))
        self._worker.failed.connect(self.failed)

    @property
    def running(self) -> bool:
        return self._worker.running

    def clear(self) -> None:
        """Forget all losses: another image is shown."""
        self._worker.cancel()
        self._estimates.clear()
        self._exact.clear()

    def cancel(self) -> None:
        self._worker.cancel()

    def loss(self, key: LossKey) -> SALoss | None:
        """The best known value."""
        return self._exact.get(key) or self._estimates.get(key)

    def estimate(self, key: LossKey) -> SALoss | None:
        """The value on the lattice: losses over a run are comparable only if all are computed alike."""
        return self._estimates.get(key)

    def add_estimates(self, losses: Mapping[LossKey, SALoss]) -> None:
        self._estimates.update(losses)
        self.changed.emit()

    def request(
        self, teacher: SourceMaps, students: Sequence[SourceMaps], *, layer: int, exact: bool
    ) -> None:
        """Compute missing losses: estimates at all layers, `layer` first, then exact values if `exact`.

        `changed` follows for each.
        """
        estimates, exacts = self._estimates, self._exact
        layers = sorted(range(TAP_COUNT), key=lambda tap: tap != layer)
        cells = [(loss_key(teacher, student, tap), student, tap) for tap in layers for student in students]
        to_estimate = [cell for cell in cells if cell[0] not in estimates]
        differ = lattice_stride(teacher.window) > 1 and teacher.window.positions <= MAX_EXACT_POSITIONS
        to_compute = [cell for cell in cells if exact and differ and cell[0] not in exacts]

        def work(token: CancelToken) -> Iterator[tuple[LossKey, SALoss, dict[LossKey, SALoss]]]:
            for key, student, tap in to_estimate:
                token.raise_if_cancelled()
                yield key, estimate_loss(teacher, student, tap), estimates
            for key, student, tap in to_compute:
                token.raise_if_cancelled()
                yield key, SALoss(sa_loss(student, teacher, tap), exact=True), exacts

        if to_estimate or to_compute:
            self._worker.submit(work)
        else:
            # The running request is for other models.
            self._worker.cancel()

    def _take(self, key: LossKey, loss: SALoss, losses: dict[LossKey, SALoss]) -> None:
        losses[key] = loss
        self.changed.emit()
