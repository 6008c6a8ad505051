"""The question before the window closes while something would be lost."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox, QWidget

from fakd_gui.models.export import EXPORT
from fakd_gui.session.jobs import Job, LatestWins
from fakd_gui.session.session import Session

TRAINING = "Training will be stopped and saved. You can resume it from the library."
UNSAVED = {
    "benchmark": "The benchmark is not finished.",
    "save the images": "These images have not been saved.",
    "save the figure": "The figure has not been saved.",
    "export": "The maps have not been saved.",
    EXPORT: "The model has not been exported.",
    "write the curves": "The curves have not been saved.",
}
"""By the name of the job that would be stopped."""


def unsaved_work(session: Session, *owners: QObject) -> list[str]:
    """One sentence for each thing that closing the window would stop."""
    wanted = {
        work.name
        for owner in owners
        for kind in (LatestWins, Job)
        for work in owner.findChildren(kind)
        if work.wanted
    }
    training = [TRAINING] if session.training is not None else []
    return training + [sentence for name, sentence in UNSAVED.items() if name in wanted]


def confirm_quit(parent: QWidget, unsaved: list[str]) -> bool:
    """Ask whether to quit in spite of `unsaved`; Cancel is the default."""
    answer = QMessageBox.question(
        parent,
        "Quit FAKD Workbench",
        "\n".join(["Quit anyway?", *unsaved]),
        QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
        QMessageBox.StandardButton.Cancel,
    )
    # With a default button PySide6 returns the number of the button, not the enum.
    return answer == QMessageBox.StandardButton.Close
