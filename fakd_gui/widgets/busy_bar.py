"""The line under a panel: what is shown, and the running work with its progress and Cancel."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from fakd_gui.widgets.elided_label import ElidedLabel


class BusyBar(QWidget):
    """`cancelled` is emitted by its Cancel button, which is there only while something runs."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.left = ElidedLabel()
        self.left.setProperty("role", "muted")
        self.right = QLabel()
        self.right.setProperty("role", "muted")
        self.what = QLabel()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedSize(140, 10)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancelled)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 0, 2, 0)
        layout.setSpacing(10)
        layout.addWidget(self.left, 1)
        layout.addWidget(self.right)
        for widget in (self.what, self.progress, self.cancel_button):
            layout.addWidget(widget)
        # The line keeps its height, so that the panes above don't jump when work starts or ends.
        self.setFixedHeight(self.cancel_button.sizeHint().height() + 2)
        self.show_idle()

    def show_busy(self, what: str, done: float = 0, total: float = 0) -> None:
        """`total` 0 means that nobody knows how long it takes."""
        self.what.setText(what)
        self.progress.setRange(0, 1000 if total else 0)
        if total:
            self.progress.setValue(round(1000 * done / total))
        for widget in (self.what, self.progress, self.cancel_button):
            widget.show()

    def show_idle(self) -> None:
        for widget in (self.what, self.progress, self.cancel_button):
            widget.hide()
