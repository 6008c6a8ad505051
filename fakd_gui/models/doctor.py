"""The dialog that checks a model file: `fakd info` in the window."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.problem import Problem, bug_report
from fakd_gui.session.session import Session
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.theme import current_theme, follow_theme, icon, restyle, with_role

if TYPE_CHECKING:
    from fakd_core.evaluation.diagnose import Diagnosis, Rows

INVITATION = "Drop a file to see whether it is a usable model, and if not, why."
MAX_WORD, BREAK = 40, "\u200b"
"""A longer word gets zero-width spaces, where a label may break it."""
TITLES = {
    "next": "Command",
    "n_feats": "Features",
    "n_resgroups": "Groups",
    "n_resblocks": "Blocks",
    "gmacs": "GMACs",
    "gmacs_lr_size": "GMACs are for LR",
}


class ModelDoctor(QDialog):
    """Not modal. A file is read on a thread, and nothing in it is run; the newest file wins."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent, windowTitle="Check a model file")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._path = Path()
        self._diagnosis: Diagnosis | None = None
        self._problem: Problem | None = None
        """An unexpected error of the check itself."""
        self._mark = QLabel()
        self.summary = _selectable_label("")
        upper = QHBoxLayout()
        upper.addWidget(self._mark, alignment=Qt.AlignmentFlag.AlignTop)
        upper.addWidget(self.summary, 1)
        self._area = QScrollArea(
            widgetResizable=True, frameShape=QScrollArea.Shape.NoFrame, accessibleName="What was found"
        )
        button = partial(QPushButton, autoDefault=False)
        tip = "Copy everything found, for a bug report"
        self.copy_button = button("Copy", toolTip=tip, clicked=self.copy)
        self.teacher_button = button("Use as teacher", clicked=lambda: self._use(session.set_teacher))
        self.student_button = button("Add as student", clicked=lambda: self._use(session.add_student))
        lower = QHBoxLayout()
        lower.addWidget(button("Choose a file…", clicked=self.choose))
        lower.addStretch()
        for widget in (self.copy_button, self.teacher_button, self.student_button):
            lower.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.addLayout(upper)
        layout.addWidget(self._area, 1)
        layout.addLayout(lower)
        FileDrops(self, self.take, session.report)
        # Not a child of the dialog, so that closing needn't wait for the file that is being read.
        self._checking = LatestWins("check the file", parent)
        self._checking.result.connect(self._show)
        self._checking.failed.connect(self._fail)
        follow_theme(self, lambda _: self._draw_mark())
        self._show_summary(INVITATION)
        self.resize(680, 520)

    def choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Check a model file")
        if name:
            self.check(Path(name))

    def take(self, paths: list[Path]) -> None:
        """Check the first of the dropped files."""
        self.check(paths[0])
        if len(paths) > 1:
            self._session.announce(f"Checking {paths[0].name}, the first of {len(paths)} files")

    def check(self, path: Path) -> None:
        """Read `path`, whatever it is, and show what it is."""
        self._path, self._diagnosis, self._problem = path, None, None
        self._area.setWidget(QWidget())
        self._show_summary(f"Reading {path.name}…")

        def work(token: CancelToken) -> Diagnosis:
            from fakd_core.evaluation.diagnose import diagnose_model

            return diagnose_model(str(path.absolute()))

        self._checking.submit(work)

    def copy(self) -> None:
        """Put the summary and all rows on the clipboard; or a bug report, if the check itself failed."""
        rows = "".join(f"\n{name}: {value}" for name, value in self._rows())
        text = bug_report(self._problem) if self._problem else self.summary.text().replace(BREAK, "") + rows
        QGuiApplication.clipboard().setText(text)
        self._session.announce("Copied what is known about the file")

    def done(self, result: int) -> None:
        """Qt's: close, and forget what is still being read."""
        self._checking.retire()
        super().done(result)

    def _show(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis
        table = QWidget()
        form = QFormLayout(
            table,
            labelAlignment=Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop,
            fieldGrowthPolicy=QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow,
        )
        for name, value in self._rows():
            form.addRow(with_role(QLabel(name), "muted"), _selectable_label(_breakable(value)))
        self._area.setWidget(table)
        self._show_summary(str(diagnosis.error or _summary(self._path.name, diagnosis.rows)))

    def _fail(self, problem: Problem) -> None:
        from fakd_core.evaluation.diagnose import Diagnosis

        self._problem = problem
        self._session.note(problem)
        self._show(Diagnosis({}, FakdError(problem.text)))

    def _rows(self) -> list[tuple[str, str]]:
        from fakd_core.evaluation.diagnose import format_row

        rows = self._diagnosis.rows if self._diagnosis else {}
        return [
            (
                TITLES.get(name, name.capitalize().replace("_", " ")),
                format_row(rows, name, "\n"),
            )
            for name in rows
            if name != "model"
        ]

    def _show_summary(self, text: str) -> None:
        diagnosis = self._diagnosis
        self.summary.setText(_breakable(text))
        restyle(self.summary, role="error" if diagnosis and diagnosis.error else "")
        self._draw_mark()
        self.copy_button.setEnabled(diagnosis is not None)
        for button in (self.teacher_button, self.student_button):
            button.setEnabled(diagnosis is not None and diagnosis.error is None)

    def _draw_mark(self) -> None:
        theme, diagnosis = current_theme(), self._diagnosis
        name, colour = "help-circle-outline", theme.muted
        if diagnosis:
            name, colour = ("alert-circle", theme.bad) if diagnosis.error else ("check-circle", theme.good)
        self._mark.setPixmap(icon(name, colour).pixmap(QSize(20, 20)))

    def _use(self, take: Callable[[str], None]) -> None:
        take(str(self._path))
        self.close()


def _selectable_label(text: str) -> QLabel:
    return QLabel(
        text,
        wordWrap=True,
        textFormat=Qt.TextFormat.PlainText,
        textInteractionFlags=Qt.TextInteractionFlag.TextSelectableByMouse,
    )


def _breakable(text: str) -> str:
    """Let a label break long words."""
    return re.sub(rf"\S{{{MAX_WORD}}}", rf"\g<0>{BREAK}", text)


def _summary(name: str, rows: Rows) -> str:
    architecture = str(rows["architecture"])
    title = architecture.upper() if architecture.islower() else architecture
    return (
        f"{name} can be used: {title} ×{rows['scale']}, {int(str(rows['parameters'])) / 1e6:.3g} M parameters"
    )
