"""Cyclic garbage is collected in the GUI's thread, and there only.

Python collects in whichever thread happens to allocate: a training would take apart plots and widgets that
the window has dropped, and Qt crashes when they end outside its own thread.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

INTERVAL_MS = 1000


class GarbageTimer(QObject):
    """One per application, found by `collect_in_gui_thread`."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        gc.disable()
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """The oldest generation that is due by Python's own thresholds, with those below it."""
        due = [
            generation
            for generation, (count, threshold) in enumerate(
                zip(gc.get_count(), gc.get_threshold(), strict=True)
            )
            if count > threshold
        ]
        if due:
            gc.collect(max(due))


def collect_in_gui_thread(app: QApplication) -> None:
    """Begin, once per application; call it from the GUI's thread."""
    if app.findChild(GarbageTimer) is None:
        GarbageTimer(app)


def spare_what_stays() -> None:
    """Leave all that lives now out of later collections: torch alone takes a tenth of a second."""
    gc.freeze()
