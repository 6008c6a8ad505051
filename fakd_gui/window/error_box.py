"""The box for errors that nobody caught: one for all of them, counted."""

from __future__ import annotations

from collections import Counter
from functools import cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from fakd_gui.session.problem import Problem, bug_report

MAX_KINDS = 20
"""Different errors whose details are kept."""
ADVICE = "You can keep working; your runs are saved. Please report this with the details below."


class ErrorBox(QMessageBox):
    """Shows the newest error, and how often each came since the box was opened; not modal.

    An error in a timer comes again and again: it must neither block the window nor open another box.
    """

    def __init__(self) -> None:
        super().__init__(windowTitle="Unexpected error", icon=QMessageBox.Icon.Critical)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.problems: dict[str, Problem] = {}
        """The first of each kind of error, by its text."""
        self._counts: Counter[str] = Counter()
        copy = self.addButton("Copy details", QMessageBox.ButtonRole.ActionRole)
        self.addButton(QMessageBox.StandardButton.Close)
        # A button of a message box would close it.
        copy.clicked.disconnect()
        copy.clicked.connect(self.copy_details)

    def add(self, problem: Problem) -> None:
        """Show `problem`, and open the box if it is closed."""
        if not self.isVisible():
            self.problems.clear()
            self._counts.clear()
        text = problem.text
        self._counts[text] += 1
        if text not in self.problems and len(self.problems) < MAX_KINDS:
            self.problems[text] = problem
            self.setDetailedText(bug_report(*self.problems.values()))
        times = f" ({self._counts[text]} times)" if self._counts[text] > 1 else ""
        self.setText(f"{text}{times}")
        others = len(self._counts) - 1
        more = f"{others} other {'error' if others == 1 else 'errors'} came before. " if others else ""
        self.setInformativeText(f"{more}{ADVICE}")
        self.show()

    def copy_details(self) -> None:
        """Copy all errors with their tracebacks and counts, for a bug report."""
        counted = "".join(f"{count}x {text}\n" for text, count in self._counts.items())
        QGuiApplication.clipboard().setText(f"{counted}\n{bug_report(*self.problems.values())}")


@cache
def error_box() -> ErrorBox:
    """The box of the app; kept here, as Python deletes a window without a parent that nobody refers to."""
    return ErrorBox()
