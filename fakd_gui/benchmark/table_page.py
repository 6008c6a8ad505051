"""What stands in the table's place before anything was measured."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from fakd_core.evaluation.report import Report
from fakd_gui.widgets.theme import Theme, follow_theme, icon

DROPS = (
    "Folders of HR images or of benchmark sets (Set5, Set14, B100, Urban100) can be dropped here,\n"
    "and so can models, run folders and saved results."
)


class EmptyTable(QWidget):
    """Says what to do next."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        centre = Qt.AlignmentFlag.AlignCenter
        self._picture = QLabel(alignment=centre)
        self.title = QLabel(alignment=centre)
        self.title.setProperty("role", "heading")
        hint = QLabel(DROPS, alignment=centre)
        hint.setWordWrap(True)
        hint.setProperty("role", "muted")
        self.open_button = QPushButton("Open results…")
        self.open_button.setToolTip("A table that was saved as results, or what fakd evaluate --json printed")
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addStretch()
        for widget in (self._picture, self.title, hint):
            layout.addWidget(widget)
        layout.addWidget(self.open_button, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()
        follow_theme(self, self._apply_theme)

    def say(self, ready: bool) -> None:
        """`ready`: at least one model and one set are ticked."""
        self.title.setText(
            "Press Run to measure what is ticked" if ready else "Tick models and sets, then Run"
        )

    def _apply_theme(self, theme: Theme) -> None:
        self._picture.setPixmap(icon("table", theme.muted).pixmap(QSize(48, 48)))


class ProvenanceLabel(QLabel):
    """Hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "muted")
        # A long file name must not widen the window.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.hide()

    def say(self, report: Report, name: str) -> None:
        """Tell of `report` that it is from the file `name`, if any, and when it was measured, if known."""
        when = f"{report.measured:%d %B %Y, %H:%M}".lstrip("0") if report.measured else ""
        measured = f"measured on {when}" if name else f"Measured on {when}"
        words = ", ".join(filter(None, (name, measured if when else "")))
        self.setText(f"{words}. Run measures anew." if words else "")
        self.setToolTip(self.text())
        self.setVisible(bool(words))
