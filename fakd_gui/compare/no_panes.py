"""What Compare shows when every pane was closed: how they come back."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget


class NoPanes(QWidget):
    all_wanted = Signal()
    """The person wants every pane back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("Every pane is closed", alignment=Qt.AlignmentFlag.AlignCenter)
        title.setProperty("role", "heading")
        hint = QLabel("Panes, above, shows them again one by one.", alignment=Qt.AlignmentFlag.AlignCenter)
        hint.setProperty("role", "muted")
        self.show_button = QPushButton("Show all panes")
        self.show_button.setProperty("role", "primary")
        self.show_button.clicked.connect(self.all_wanted)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addStretch()
        layout.addWidget(title)
        layout.addWidget(hint, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.show_button, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()
