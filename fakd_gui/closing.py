"""What would be lost if the window closed now, and asking about it."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox, QWidget

from fakd_gui.jobs import LatestWins
from fakd_gui.session import Session

TRAINING = "The training stops: it is saved first and can be continued from the list of runs."
UNFINISHED = {
    "benchmark": "The benchmark ends before everything is measured.",
    "save the images": "The images are not saved yet.",
    "save the figure": "The figure is not saved yet.",
    "export": "The maps are not saved yet.",
    "write the curves": "The curves are not saved yet.",
}
"""What it means to end a job that somebody asked for and that leaves something, by its name."""


def losses(session: Session, *owners: QObject) -> list[str]:
    """A sentence for each thing that would be cut short."""
    running = {work.name for owner in owners for work in owner.findChildren(LatestWins) if work.running}
    training = [TRAINING] if session.training is not None else []
    return training + [sentence for name, sentence in UNFINISHED.items() if name in running]


def may_close(parent: QWidget, lost: list[str]) -> bool:
    """Whether a person accepts that."""
    answer = QMessageBox.question(
        parent,
        "Close the workbench",
        "\n".join(["Close now?", *lost]),
        QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
    )
    return answer is QMessageBox.StandardButton.Close
