"""Start the app as its command does and close it; print when it was first painted and when closing began.

A program of its own, which loads nothing that the app does not: see `benchmarks.smoothness`.
"""

from __future__ import annotations

import argparse
import sys
import time

from PySide6.QtCore import QEvent, QObject, QTimer

from fakd_gui import app
from fakd_gui.window.main_window import MainWindow

OPEN_MS = 5000
"""Time until torch is loaded and the form's checks are done."""


class Watch(QObject):
    """Records the time of the window's first paint."""

    shown = 0.0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not self.shown and event.type() is QEvent.Type.Paint and isinstance(watched, MainWindow):
            self.shown = time.monotonic()
            QTimer.singleShot(OPEN_MS, lambda: self.close(watched))
        return False

    def close(self, window: MainWindow) -> None:
        print(self.shown, time.monotonic(), flush=True)
        window.close()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    application = app.make_application()
    watch = Watch()
    application.installEventFilter(watch)
    sys.exit(app.main([]))
