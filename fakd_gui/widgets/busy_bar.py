"""The status line under a panel, with the running job's progress and a Cancel button."""

from __future__ import annotations

from PySide6.QtCore import QMargins, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from fakd_gui.widgets.elided_label import ElidedLabel
from fakd_gui.widgets.theme import with_role


class BusyBar(QWidget):
    """A line with a text on the left, one on the right, and the running job's progress."""

    cancelled = Signal()
    """The Cancel button was clicked; it is visible only while a job runs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.left, self.right = with_role(ElidedLabel(), "muted"), with_role(QLabel(), "muted")
        self.task = QLabel()
        self.progress = QProgressBar(textVisible=False)
        self.progress.setFixedSize(140, 10)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancelled)
        layout = QHBoxLayout(self, contentsMargins=QMargins(2, 0, 2, 0), spacing=10)
        layout.addWidget(self.left, 1)
        for widget in (self.right, self.task, self.progress, self.cancel_button):
            layout.addWidget(widget)
        # A fixed height, so that the panes above don't jump when a job starts or ends.
        self.setFixedHeight(self.cancel_button.sizeHint().height() + 2)
        self.show_idle()

    def show_busy(self, task: str, done: float = 0, total: float = 0) -> None:
        """Show the progress of `task`; with `total` 0 its duration is unknown."""
        self.task.setText(task)
        self.progress.setRange(0, 1000 if total else 0)
        self.progress.setValue(round(1000 * done / total) if total else 0)
        for widget in (self.task, self.progress, self.cancel_button):
            widget.show()

    def show_idle(self) -> None:
        for widget in (self.task, self.progress, self.cancel_button):
            widget.hide()
