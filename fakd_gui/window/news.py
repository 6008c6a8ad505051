"""News of trainings for a user who looks elsewhere: in the window's title and as a desktop notification."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMainWindow, QSystemTrayIcon

from fakd_core.events import Scores, StepEnd, ValidationEnd, format_score
from fakd_gui.session.jobs import Job, JobEnd, Outcome
from fakd_gui.session.session import Session

TITLE = "FAKD Workbench"


class TrainingNews(QObject):
    """Keeps the title of `window` up to date; notifies at the end of a training unless it is looked at."""

    def __init__(self, session: Session, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.enabled = True
        """Notify the desktop."""
        self._name = ""
        self._share = -1
        self._best: Scores | None = None
        self._tray: QSystemTrayIcon | None = None
        session.training_started.connect(self._start)
        session.training_finished.connect(self._finish)
        window.installEventFilter(self)
        window.setWindowTitle(TITLE)

    def set_enabled(self, on: bool) -> None:
        self.enabled = on

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowActivate and not self._name:
            self._window.setWindowTitle(TITLE)
            if self._tray is not None:
                self._tray.hide()
        return False

    def _start(self, job: Job) -> None:
        self._name, self._share, self._best = job.path.name if job.path else job.name, -1, None
        self._window.setWindowTitle(f"{self._name} · {TITLE}")
        job.yielded.connect(self._take)

    def _take(self, event: object) -> None:
        match event:
            case ValidationEnd(student=scores, best=True):
                self._best = scores
            case StepEnd(step=step, steps=steps) if self._name and 100 * step // steps != self._share:
                self._share = 100 * step // steps
                best = f" · {self._describe_best()}" if self._best else ""
                self._window.setWindowTitle(f"{self._share} %{best} · {self._name} · {TITLE}")

    def _describe_best(self) -> str:
        return f"best {format_score(self._best.psnr, '.2f')} dB" if self._best else ""

    def _finish(self, end: JobEnd) -> None:
        name, self._name = self._name, ""
        if end.outcome is Outcome.CANCELLED:
            self._window.setWindowTitle(TITLE)
            return
        what = "failed" if end.outcome is Outcome.FAILED else "is done"
        details = end.problem.text if end.problem else self._describe_best()
        self._window.setWindowTitle(f"{name} {what} · {TITLE}")
        if self.enabled and not is_in_front():
            QApplication.alert(self._window)
            self.notify(f"{name} {what}", details)

    def notify(self, title: str, text: str) -> None:
        """Show a notification of the desktop, if it has any."""
        if QSystemTrayIcon.isSystemTrayAvailable():
            self._tray = self._tray or QSystemTrayIcon(QApplication.windowIcon(), self)
            self._tray.show()
            self._tray.showMessage(title, text)


def is_in_front() -> bool:
    """True while a window of this program has the focus."""
    return QGuiApplication.applicationState() is Qt.ApplicationState.ApplicationActive
