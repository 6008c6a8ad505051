"""The SA loss of the image shown, per layer and model: estimated at once, exact where that is cheap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from fakd_core.evaluation.features import MAX_EXACT_POSITIONS, Window, lattice_stride, sa_loss
from fakd_core.events import CancelToken
from fakd_core.models.spec import TAP_COUNT
from fakd_gui.inspect.sources import Origin, SourceMaps
from fakd_gui.session.jobs import LatestWins

Key = tuple[Origin, Origin, Window]
"""Teacher, student, and the part of the image."""


@dataclass(frozen=True)
class SALoss:
    """Mean absolute difference of all affinities, 0..2; exact, or estimated on a lattice of positions."""

    value: float
    exact: bool

    @property
    def text(self) -> str:
        return f"{'' if self.exact else '≈ '}{self.value:.4f}"


def loss_key(teacher: SourceMaps, student: SourceMaps) -> Key:
    return teacher.origin, student.origin, teacher.window


class LossTable(QObject):
    """Computes losses on a thread and keeps them for as long as the image is shown."""

    changed = Signal()
    failed = Signal(object)
    _made = Signal(int, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._losses: dict[tuple[Key, int], SALoss] = {}
        self._estimates: dict[tuple[Key, int], float] = {}
        self._generation = 0
        self._worker = LatestWins("SA loss", self)
        self._worker.failed.connect(self.failed)
        self._made.connect(self._take)

    @property
    def running(self) -> bool:
        return self._worker.running

    def forget(self) -> None:
        """Another image is shown; what is still on its way belongs to the one before."""
        self._generation += 1
        self._worker.cancel()
        self._losses.clear()
        self._estimates.clear()

    def cancel(self) -> None:
        self._worker.cancel()

    def loss(self, key: Key, layer: int) -> SALoss | None:
        """The best value known."""
        return self._losses.get((key, layer))

    def estimate(self, key: Key, layer: int) -> float | None:
        """The value on the lattice: values over a run are comparable only if all are made alike."""
        return self._estimates.get((key, layer))

    def add_estimate(self, key: Key, layer: int, loss: SALoss) -> None:
        self._estimates[key, layer] = loss.value
        known = self._losses.get((key, layer))
        if known is None or not known.exact:
            self._losses[key, layer] = loss
        self.changed.emit()

    def request(self, teacher: SourceMaps, students: Sequence[SourceMaps], layer: int, exactly: bool) -> None:
        """Compute what is missing, `layer` first: estimates for all layers, then (`exactly`) exact values.

        `changed` follows for each.
        """
        layers = sorted(range(TAP_COUNT), key=lambda tap: tap != layer)
        cells = [(student, tap) for tap in layers for student in students]
        stride = lattice_stride(teacher.window)
        exactly = exactly and teacher.window.positions <= MAX_EXACT_POSITIONS
        rough = [cell for cell in cells if (loss_key(teacher, cell[0]), cell[1]) not in self._estimates]
        fine = [cell for cell in cells if exactly and stride > 1 and not self._is_exact(teacher, *cell)]
        generation = self._generation

        def work(token: CancelToken) -> None:
            for student, tap in rough:
                token.raise_if_cancelled()
                loss = SALoss(sa_loss(student, teacher, tap, stride), stride == 1)
                self._made.emit(generation, (loss_key(teacher, student), tap, True), loss)
            for student, tap in fine:
                token.raise_if_cancelled()
                loss = SALoss(sa_loss(student, teacher, tap), True)
                self._made.emit(generation, (loss_key(teacher, student), tap, False), loss)

        if rough or fine:
            self._worker.submit(work)
        else:
            # What is being computed is for other models.
            self._worker.cancel()

    def _is_exact(self, teacher: SourceMaps, student: SourceMaps, layer: int) -> bool:
        known = self._losses.get((loss_key(teacher, student), layer))
        return known is not None and known.exact

    def _take(self, generation: int, cell: tuple[Key, int, bool], loss: SALoss) -> None:
        if generation != self._generation:
            return
        key, layer, on_lattice = cell
        if on_lattice:
            self.add_estimate(key, layer, loss)
        else:
            self._losses[key, layer] = loss
            self.changed.emit()
