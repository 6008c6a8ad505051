"""The invitation that an image panel shows before an image is open."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from fakd_gui.widgets.image_tools import OpenTools
from fakd_gui.widgets.theme import Theme, follow_theme, icon


class EmptyState(QWidget):
    """Says what to drop or press; `purpose` completes 'Drop an image here to ...'."""

    def __init__(self, open_tools: OpenTools, purpose: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        title = QLabel(f"Drop an image here to {purpose}", alignment=Qt.AlignmentFlag.AlignCenter)
        title.setProperty("role", "heading")
        hint = QLabel(
            "It is downscaled first; the original serves as ground truth.\n"
            "Choose LR above for an image that is low resolution already.",
            alignment=Qt.AlignmentFlag.AlignCenter,
        )
        hint.setProperty("role", "muted")
        self.open_button = QPushButton("Open image…", clicked=open_tools.open_clicked)
        self.open_button.setProperty("role", "primary")
        sample_button = QPushButton("Samples")
        sample_button.setMenu(open_tools.samples)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.open_button)
        buttons.addWidget(sample_button)
        buttons.addStretch()
        layout = QVBoxLayout(self, spacing=10)
        layout.addStretch()
        layout.addWidget(self._picture)
        layout.addWidget(title)
        layout.addWidget(hint, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addLayout(buttons)
        layout.addStretch()
        follow_theme(self, self._apply_theme)

    def _apply_theme(self, theme: Theme) -> None:
        self._picture.setPixmap(icon("image-plus-outline", theme.muted).pixmap(QSize(48, 48)))
