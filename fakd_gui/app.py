"""Starting the app: arguments, the application, the window, and what happens to an unexpected error."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QMessageBox

from fakd_core.assets import assets_dir
from fakd_core.runtime.cpu_tuning import limit_openmp_spinning
from fakd_gui.session.garbage import collect_in_gui_thread
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.problem import Problem, bug_report
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import Remembered, read_state, write_state
from fakd_gui.widgets.theme import apply_theme
from fakd_gui.window.main_window import MainWindow

SIZE = (1280, 800)
PAINTED_MS = 50
"""After which the window has its first picture; what loads torch waits that long."""
KEEP_MS = 20_000
"""How often the state is written while the window is open, for the start after a crash."""


def main(argv: Sequence[str] | None = None) -> int:
    """Open the workbench; return its exit status when it is closed."""
    parser = argparse.ArgumentParser(prog="fakd-gui", description="Distil super-resolution networks and see.")
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="images to open in Compare")
    parser.add_argument("--run", type=Path, metavar="DIR", help="a run folder to show")
    arguments = parser.parse_args(argv)
    if not has_display():
        sys.stderr.write(
            "error: no display: start this in a desktop session or with QT_QPA_PLATFORM=offscreen\n"
        )
        return 1
    app = make_application()
    sys.excepthook = show_exception
    session = Session()
    window = make_window(session)
    state = read_state()
    window.recall_look(state)
    window.show()
    QTimer.singleShot(PAINTED_MS, session.find_runs)
    QTimer.singleShot(PAINTED_MS, lambda: window.recall({**state, **_instead(arguments)}))
    keeper = QTimer(window, interval=KEEP_MS)
    keeper.timeout.connect(lambda: write_state(window.remember()))
    keeper.start()
    # A crash must find written that something trains.
    session.training_started.connect(lambda _: write_state(window.remember()))
    session.training_finished.connect(lambda _: write_state(window.remember()))
    if arguments.run is not None:
        QTimer.singleShot(PAINTED_MS, lambda: session.select_run(arguments.run))
    if arguments.images:
        QTimer.singleShot(PAINTED_MS, lambda: session.open_paths(arguments.images, "Compare"))
    # Ctrl+C in the terminal closes the window as its cross does.
    signal.signal(signal.SIGINT, lambda *_: window.close())
    # The system that shuts down waits for no answer.
    signal.signal(signal.SIGTERM, lambda *_: window.leave())
    status = app.exec()
    write_state(window.remember())
    stop_all(window, session)
    return status


def _instead(arguments: argparse.Namespace) -> Remembered:
    """What the command line asks for comes in place of what was open."""
    if arguments.images:
        return {"image": "", "workspace": "Compare"}
    return {"workspace": "Train"} if arguments.run else {}


def has_display() -> bool:
    """Whether Qt can open a window here, or was told to do without."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def make_application() -> QApplication:
    """The QApplication with the app's style, made once."""
    limit_openmp_spinning()
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("FAKD Workbench")
    app.setDesktopFileName("fakd-workbench")
    app.setWindowIcon(QIcon(str(assets_dir() / "icon.svg")))
    apply_theme(app)
    collect_in_gui_thread(app)
    return app


def make_window(session: Session) -> MainWindow:
    """The window at its usual size; the device is looked up once it shows."""
    window = MainWindow(session)
    window.resize(*SIZE)
    QTimer.singleShot(PAINTED_MS, window.status.find_device)
    return window


def show_exception(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Show an error that nobody caught, with its traceback for a bug report; the app keeps running."""
    sys.stderr.write("".join(traceback.format_exception(kind, error, where)))
    if isinstance(error, KeyboardInterrupt):
        QApplication.quit()
        return
    box = QMessageBox(
        QMessageBox.Icon.Critical,
        "Unexpected error",
        f"{kind.__name__}: {error}",
        parent=QApplication.activeWindow(),
    )
    box.setInformativeText(
        "You can keep working; your runs are saved. Please report this with the details below."
    )
    details = bug_report(Problem.of(error))
    box.setDetailedText(details)
    copy = box.addButton("Copy details", QMessageBox.ButtonRole.ActionRole)
    box.addButton(QMessageBox.StandardButton.Close)
    copy.clicked.connect(lambda: QApplication.clipboard().setText(details))
    # An error in a timer comes again and again: the boxes must not keep anybody from the window.
    box.setWindowModality(Qt.WindowModality.NonModal)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.show()
