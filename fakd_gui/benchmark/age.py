"""Where a table comes from and when it was measured, above it."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from fakd_gui.benchmark.report import Report


class Age(QLabel):
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
