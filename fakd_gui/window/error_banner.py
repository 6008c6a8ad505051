"""A dismissible line that says what went wrong and what to do, in the window and never in the way."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from fakd_gui.session.bug_report import details_of, report
from fakd_gui.widgets.theme import Theme, follow_theme, icon

SHOWN = 3
"""Messages shown at once; older ones give way."""


class ErrorBanner(QFrame):
    """Hidden until `show_error`; the newest messages are shown, each once, until dismissed.

    Where more is known of one, as of an error that nobody expected, that can be copied.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        self.messages: list[str] = []
        self._icon = QLabel()
        self._icon.setFixedWidth(22)
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.copy_button = QPushButton("Copy details")
        self.copy_button.setToolTip("Put on the clipboard where it happened, with versions, for a report")
        self.copy_button.clicked.connect(self.copy_details)
        self.close_button = QToolButton()
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Dismiss (Esc)")
        self.close_button.setAccessibleName("Dismiss the message")
        self.close_button.clicked.connect(self.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 6, 6)
        layout.addWidget(self._icon, alignment=Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.copy_button, alignment=Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.close_button, alignment=Qt.AlignmentFlag.AlignTop)
        follow_theme(self, self._apply_theme)
        self.hide()

    def show_error(self, message: str) -> None:
        """Add `message`; one that is shown already is not repeated."""
        others = [shown for shown in self.messages if shown != message]
        self.messages = [*others, message][-SHOWN:]
        self._text.setText("\n".join(self.messages))
        self.copy_button.setVisible(bool(self._details()))
        self.show()

    def copy_details(self) -> None:
        """Put what is behind the messages on the clipboard."""
        QGuiApplication.clipboard().setText(report("\n\n".join(self._details())))

    def _details(self) -> list[str]:
        return [details for message in self.messages if (details := details_of(message))]

    def dismiss(self) -> None:
        self.messages = []
        self.hide()

    def _apply_theme(self, theme: Theme) -> None:
        self._icon.setPixmap(icon("alert-circle", theme.bad).pixmap(QSize(18, 18)))
        self.close_button.setIcon(icon("close"))
