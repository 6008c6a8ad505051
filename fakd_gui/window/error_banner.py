"""A dismissible bar with the newest problems: what went wrong and what to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QMargins, QObject, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from fakd_gui.session.problem import Problem, bug_report
from fakd_gui.widgets.theme import Theme, follow_theme, icon

MAX_SHOWN = 3
SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard


class ErrorBanner(QFrame):
    """Hidden until `show_problem`; shows the newest problems, each once, until dismissed.

    Lies over `parent`, `top` pixels below its upper edge, so that nothing moves when it comes and goes. The
    details of unexpected ones can be copied.
    """

    def __init__(self, parent: QWidget, top: Callable[[], int]) -> None:
        super().__init__(parent, autoFillBackground=True)
        self._top = top
        self.setProperty("role", "banner")
        self.problems: list[Problem] = []
        self._icon = QLabel()
        self._icon.setFixedWidth(22)
        self._text = QLabel(
            wordWrap=True, textFormat=Qt.TextFormat.PlainText, textInteractionFlags=SELECTABLE
        )
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        tip = "Copy the traceback and version info for a bug report"
        self.copy_button = QPushButton("Copy details", toolTip=tip, clicked=self.copy_details)
        self.close_button = QToolButton(
            autoRaise=True,
            toolTip="Dismiss (Esc)",
            accessibleName="Dismiss the message",
            clicked=self.dismiss,
        )
        layout = QHBoxLayout(self, contentsMargins=QMargins(10, 6, 6, 6))
        layout.addWidget(self._icon, alignment=Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.copy_button, alignment=Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.close_button, alignment=Qt.AlignmentFlag.AlignTop)
        parent.installEventFilter(self)
        follow_theme(self, self._apply_theme)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        width = self.parentWidget().width()
        self.setGeometry(0, self._top(), width, self.layout().totalHeightForWidth(width))

    @property
    def messages(self) -> list[str]:
        return [problem.text for problem in self.problems]

    def show_problem(self, problem: Problem) -> None:
        """Add `problem`; one with the same text is not repeated."""
        others = [shown for shown in self.problems if shown.text != problem.text]
        self.problems = [*others, problem][-MAX_SHOWN:]
        self._text.setText("\n".join(self.messages))
        self.copy_button.setVisible(any(problem.details for problem in self.problems))
        self._place()
        self.show()
        self.raise_()

    def copy_details(self) -> None:
        """Copy the details of the problems that have some, for a bug report."""
        detailed = [problem for problem in self.problems if problem.details]
        QGuiApplication.clipboard().setText(bug_report(*detailed))

    def dismiss(self) -> None:
        self.problems = []
        self.hide()

    def _apply_theme(self, theme: Theme) -> None:
        self._icon.setPixmap(icon("alert-circle", theme.bad).pixmap(QSize(18, 18)))
        self.close_button.setIcon(icon("close"))
