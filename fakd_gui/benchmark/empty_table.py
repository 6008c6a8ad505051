"""The page shown until there is a table, and the line that tells where a table is from."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from fakd_core.evaluation.report import Report
from fakd_gui.benchmark.commands import OPEN_TIP
from fakd_gui.widgets.theme import Theme, follow_theme, icon

HINT = (
    "Drop folders of HR images or of benchmark sets (Set5, Set14, B100, Urban100) here,\n"
    "or models, run folders and saved results."
)


class EmptyTable(QWidget):
    """Says what to do next."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        centre = Qt.AlignmentFlag.AlignCenter
        self._picture = QLabel(alignment=centre)
        self.title = QLabel(alignment=centre)
        self.title.setProperty("role", "heading")
        hint = QLabel(HINT, alignment=centre)
        hint.setWordWrap(True)
        hint.setProperty("role", "muted")
        self.open_button = QPushButton("Open results…")
        self.open_button.setToolTip(OPEN_TIP)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addStretch()
        for widget in (self._picture, self.title, hint):
            layout.addWidget(widget)
        layout.addWidget(self.open_button, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()
        follow_theme(self, self._apply_theme)

    def show_next_step(self, is_ready: bool) -> None:
        """`is_ready`: at least one model and one set are checked."""
        self.title.setText(
            "Click Run to measure the checked models" if is_ready else "Check models and sets, then click Run"
        )

    def _apply_theme(self, theme: Theme) -> None:
        self._picture.setPixmap(icon("table", theme.muted).pixmap(QSize(48, 48)))


class ProvenanceLabel(QLabel):
    """Names a table's source and the time of its measurement; hidden for one measured just now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "muted")
        # A long file name must not widen the window.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.hide()

    def show_source(self, report: Report, source: str) -> None:
        """Name the file or reference `source`, if any, and the time of the measurement, if known."""
        when = f"{report.measured:%d %B %Y, %H:%M}".lstrip("0") if report.measured else ""
        measured = f"measured on {when}" if source else f"Measured on {when}"
        words = ", ".join(filter(None, (source, measured if when else "")))
        self.setText(f"{words}. Click Run to measure again." if words else "")
        self.setToolTip(self.text())
        self.setVisible(bool(words))
