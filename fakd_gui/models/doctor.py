"""What a model's file is, and why it can't be used: `fakd info` in the window."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QFrame,
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
from fakd_gui.session.problem import Problem
from fakd_gui.session.session import Session
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.theme import current_theme, follow_theme, icon
from fakd_gui.widgets.tweaks import restyle

if TYPE_CHECKING:
    from fakd_core.evaluation.diagnose import Diagnosis, Rows

INVITATION = "Drop any file here to see whether it is a model, of what kind, and why it can't be used, if so."
LONGEST_WORD, BREAK = 40, "\u200b"
TITLES = {
    "next": "Command",
    "n_feats": "Features",
    "n_resgroups": "Groups",
    "n_resblocks": "Blocks",
    "gmacs": "GMACs",
    "gmacs_lr_size": "GMACs are for LR",
}


class ModelDoctor(QDialog):
    """Not modal. A file is read on a thread, the latest wins; nothing in it is run."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Check a model file")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._path: Path | None = None
        self._findings: Diagnosis | None = None
        self._mark = QLabel()
        self.verdict = QLabel(INVITATION)
        self.verdict.setWordWrap(True)
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        upper = QHBoxLayout()
        upper.addWidget(self._mark, alignment=Qt.AlignmentFlag.AlignTop)
        upper.addWidget(self.verdict, 1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self.copy_button = self._button("Copy", "Put what is found on the clipboard, for a report", self.copy)
        self.teacher_button = self._button("Use as teacher", "", lambda: self._use(session.set_teacher))
        self.student_button = self._button("Add as student", "", lambda: self._use(session.add_student))
        lower = QHBoxLayout()
        lower.addWidget(self._button("Choose a file…", "", self.choose))
        lower.addStretch()
        for button in (self.copy_button, self.teacher_button, self.student_button):
            lower.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(upper)
        layout.addWidget(self._area, 1)
        layout.addLayout(lower)
        FileDrops(self, self.take)
        # Not the dialog's own: what is being read ends in its time, and the dialog need not wait for it.
        self._checking = LatestWins("check the file", parent)
        self._checking.result.connect(self._show)
        self._checking.failed.connect(self._fail)
        follow_theme(self, lambda _: self._draw_mark())
        self._offer()
        self.resize(680, 520)

    def choose(self) -> None:
        """Ask for the file."""
        name, _ = QFileDialog.getOpenFileName(self, "Check a model file")
        if name:
            self.check(Path(name))

    def take(self, paths: list[Path]) -> None:
        """Look at what was dropped; of several files, at the first."""
        self.check(paths[0])
        if len(paths) > 1:
            self._session.announce(f"Looking at {paths[0].name}, the first of {len(paths)} files")

    def check(self, path: Path) -> None:
        """Read `path`, of whatever kind, and show what it is."""
        self._path, self._findings = path, None
        self._area.setWidget(QWidget())
        self._offer()
        self._say(f"Reading {path.name}…")

        def work(token: CancelToken) -> Diagnosis:
            from fakd_core.evaluation.diagnose import diagnose_model

            return diagnose_model(str(path.absolute()))

        self._checking.submit(work)

    def copy(self) -> None:
        """Put the verdict and everything found on the clipboard, a line each."""
        lines = [
            self.verdict.text().replace(BREAK, ""),
            *(f"{name}: {value}" for name, value in self._rows()),
        ]
        QGuiApplication.clipboard().setText("\n".join(lines))
        self._session.announce("Copied what is known of the file")

    def done(self, result: int) -> None:
        """Qt's: nothing more is told."""
        checking = self._checking
        checking.cancel()
        if checking.running:
            checking.busy.connect(checking.deleteLater)
        else:
            checking.deleteLater()
        super().done(result)

    def _show(self, findings: Diagnosis) -> None:
        assert self._path is not None
        self._findings = findings
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name, value in self._rows():
            title, field = QLabel(name), QLabel(_breakable(value))
            title.setProperty("role", "muted")
            field.setWordWrap(True)
            field.setTextFormat(Qt.TextFormat.PlainText)
            field.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            form.addRow(title, field)
        table = QWidget()
        table.setLayout(form)
        self._area.setWidget(table)
        self._say(str(findings.error or _praise(self._path.name, findings.rows)))
        self._offer()

    def _fail(self, problem: Problem) -> None:
        from fakd_core.evaluation.diagnose import Diagnosis

        self._session.note(problem)
        self._show(Diagnosis({}, FakdError(problem.text)))

    def _rows(self) -> list[tuple[str, str]]:
        rows = self._findings.rows if self._findings else {}
        return [
            (
                TITLES.get(name, name.capitalize().replace("_", " ")),
                "\n".join(value) if isinstance(value, list) else str(value),
            )
            for name, value in rows.items()
            if name != "model"
        ]

    def _say(self, text: str) -> None:
        self.verdict.setText(_breakable(text))
        restyle(self.verdict, role="error" if self._findings and self._findings.error else "")
        self._draw_mark()

    def _draw_mark(self) -> None:
        theme = current_theme()
        name, colour = "help-circle-outline", theme.muted
        if self._findings:
            broken = self._findings.error
            name, colour = ("alert-circle", theme.bad) if broken else ("check-circle", theme.good)
        self._mark.setPixmap(icon(name, colour).pixmap(QSize(20, 20)))

    def _offer(self) -> None:
        found = self._findings
        self.copy_button.setEnabled(found is not None)
        for button in (self.teacher_button, self.student_button):
            button.setEnabled(found is not None and found.error is None)

    def _use(self, take: Callable[[str], None]) -> None:
        take(str(self._path))
        self.close()

    def _button(self, text: str, tip: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        button.clicked.connect(act)
        return button


def _breakable(text: str) -> str:
    """`text` that a label can break within long words, too."""
    return re.sub(rf"\S{{{LONGEST_WORD}}}", rf"\g<0>{BREAK}", text)


def _praise(name: str, rows: Rows) -> str:
    architecture = str(rows["architecture"])
    title = architecture.upper() if architecture.islower() else architecture
    return (
        f"{name} can be used: {title} ×{rows['scale']}, {int(str(rows['parameters'])) / 1e6:.3g} M parameters"
    )
