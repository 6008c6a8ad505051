"""The networks that a run has saved beside its student's best weights, from its folder's listing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fakd_core.runs.layout import BASELINE, STUDENT, RunLayout, average_of

NAMES = {
    STUDENT: "student",
    BASELINE: "baseline",
    average_of(STUDENT): "average",
    average_of(BASELINE): "baseline, average",
}


@dataclass(frozen=True)
class SavedNetwork:
    """One weight file of a run."""

    file: Path
    network: str
    """One of `NAMES`."""
    step: int | None = None
    """The step of a snapshot; None for the best and the last weights."""
    is_best: bool = False

    @property
    def label(self) -> str:
        name = NAMES[self.network]
        if self.step is not None:
            return f"{'' if self.network == STUDENT else f'{name}, '}step {self.step:,}"
        return f"{name}, {'best' if self.is_best else 'last'}"


def saved_networks(run: Path) -> list[SavedNetwork]:
    """All but the student's best weights, for which the run stands: baseline first, snapshots last.

    Slow: call from a worker thread only.
    """
    layout = RunLayout(run)
    inside = _files_in(layout.folder) | _files_in(layout.checkpoints)
    order = (BASELINE, STUDENT, average_of(STUDENT), average_of(BASELINE))
    found = [
        SavedNetwork(file, network, is_best=is_best)
        for network in order
        for file, is_best in ((layout.best_weights(network), True), (layout.weights(network), False))
        if file in inside and file != layout.best_weights(STUDENT)
    ]
    for network in (STUDENT, BASELINE):
        steps = layout.snapshots(network)
        found += [SavedNetwork(file, network, step) for step, file in sorted(steps.items(), reverse=True)]
    return found


def _files_in(folder: Path) -> set[Path]:
    try:
        return {folder / name for name in os.listdir(folder)}
    except OSError:
        return set()
