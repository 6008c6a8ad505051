"""The invitation that a panel shows while it is empty."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from fakd_gui.widgets.image_tools import OpenTools
from fakd_gui.widgets.theme import follow_theme, icon, with_role

CENTRE = Qt.AlignmentFlag.AlignCenter


class Invitation(QWidget):
    """An icon, what to do next, a hint, and the buttons to do it."""

    def __init__(self, icon_name: str, title: str, hint: str, *buttons: QPushButton) -> None:
        super().__init__()
        picture = QLabel(alignment=CENTRE)
        self.title = with_role(QLabel(title, alignment=CENTRE), "heading")
        row = QHBoxLayout()
        row.addStretch()
        for button in buttons:
            row.addWidget(button)
        row.addStretch()
        layout = QVBoxLayout(self, spacing=10)
        layout.addStretch()
        layout.addWidget(picture)
        layout.addWidget(self.title)
        layout.addWidget(with_role(QLabel(hint, alignment=CENTRE, wordWrap=True), "muted"))
        layout.addLayout(row)
        layout.addStretch()
        follow_theme(self, lambda theme: picture.setPixmap(icon(icon_name, theme.muted).pixmap(48, 48)))


class EmptyState(Invitation):
    """The page of an image panel without an image; `purpose` completes 'Drop an image here to ...'."""

    def __init__(self, open_tools: OpenTools, purpose: str) -> None:
        open_button = with_role(QPushButton("Open image…"), "primary")
        open_button.clicked.connect(open_tools.ask)
        samples_button = QPushButton("Samples")
        samples_button.setMenu(open_tools.samples)
        hint = (
            "It is downscaled first; the original serves as ground truth.\n"
            "Choose LR above for an image that is low resolution already."
        )
        title = f"Drop an image here to {purpose}"
        super().__init__("image-plus-outline", title, hint, open_button, samples_button)
