"""Start of the app: command line, application, window, and the handler of unexpected errors."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType

from pyqtgraph.util.garbage_collector import GarbageCollector
from PySide6.QtCore import QSize, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow

from fakd_core.assets import assets_dir
from fakd_core.runtime.cpu_tuning import limit_openmp_spinning
from fakd_core.system.platforms import STOP_SIGNALS, open_missing_streams
from fakd_gui.session.jobs import STOP_MS, leave, stop_all
from fakd_gui.session.problem import Problem
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import read_memory, state_file
from fakd_gui.widgets.theme import apply_theme
from fakd_gui.window.error_box import error_box
from fakd_gui.window.main_window import MainWindow
from fakd_gui.window.memory import MemoryWriter, WindowMemory

SIZE = (1280, 800)
FRAME = QSize(2, 30)
"""Room for the frame and the title bar that the system adds to a window."""
GARBAGE_THRESHOLDS = (700, 10, 10)
"""Python's own up to 3.13, in place of those that it doesn't report."""
PAINTED_MS = 50
"""Time until the window has been painted; what loads torch waits that long."""


def main(argv: Sequence[str] | None = None) -> int:
    """Open the workbench; the exit status when it is closed."""
    open_missing_streams()
    parser = argparse.ArgumentParser(prog="fakd-gui", description="Distil super-resolution networks.")
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="images to open in Compare")
    parser.add_argument("--run", type=Path, metavar="DIR", help="a run folder to show")
    parser.add_argument("--device", metavar="NAME", help="where models run: auto, cpu, cuda, mps")
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
    memory = read_memory(WindowMemory, state_file())
    if arguments.device:
        memory = memory.model_copy(update={"device": arguments.device})
    window.restore_look(memory)
    window.show()
    QTimer.singleShot(PAINTED_MS, lambda: _open(window, memory, arguments))
    writer = MemoryWriter(window.memory, window)
    # After a crash, the next start knows that a training was running.
    for changed in (session.training_started, session.training_finished):
        changed.connect(lambda _: writer.save())
    # Ctrl+C in the terminal closes the window, which may ask; a system that shuts down waits for no answer.
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: window.quit_without_asking())
    signal.signal(signal.SIGINT, lambda *_: window.close())
    status = app.exec()
    writer.save_now()
    # A window that closed has waited already.
    if not stop_all(window, session, milliseconds=STOP_MS if window.isVisible() else 0):
        leave(window, session)
    return status


def _open(window: MainWindow, memory: WindowMemory, arguments: argparse.Namespace) -> None:
    """Restore the last state, except for what the command line opens instead."""
    session = window.session
    window.library.scan()
    if arguments.images:
        memory = memory.model_copy(update={"image": "", "workspace": "Compare"})
    elif arguments.run is not None:
        memory = memory.model_copy(update={"workspace": "Train"})
    window.restore(memory)
    if arguments.run is not None:
        session.select_run(arguments.run)
    if arguments.images:
        session.open_paths(arguments.images, "Compare")


def has_display() -> bool:
    """True if Qt can open a window here, or is set to do without a display."""
    variables = ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform != "linux" or any(os.environ.get(name) for name in variables)


def make_application() -> QApplication:
    """The QApplication with the app's style, created on the first call."""
    limit_openmp_spinning()
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("FAKD Workbench")
    app.setDesktopFileName("fakd-workbench")
    app.setWindowIcon(QIcon(str(assets_dir() / "icon.svg")))
    apply_theme(app)
    garbage_collector()
    return app


@cache
def garbage_collector() -> GarbageCollector:
    """Collects cyclic garbage in the GUI's thread, and there only; started by the first call.

    Python would collect in whichever thread allocates. A training would then destroy plots and widgets that
    the window dropped, and Qt crashes when they are destroyed outside its own thread.
    """
    collector = GarbageCollector()
    # Of the oldest generation Python 3.14 reports 0: it would be collected with every middle one.
    known = zip(collector.threshold, GARBAGE_THRESHOLDS, strict=True)
    collector.threshold = tuple(reported or usual for reported, usual in known)
    return collector


def make_window(session: Session) -> MainWindow:
    """A window that fits the screen; it looks up the device after it has been painted."""
    window = MainWindow(session)
    fit_screen(window)
    QTimer.singleShot(PAINTED_MS, window.status.find_device)
    return window


def fit_screen(window: QMainWindow) -> None:
    """Give `window` its default size, or that of its screen, without docks if there is no room for them."""
    room = window.screen().availableSize() - FRAME
    if window.minimumSizeHint().width() > room.width():
        for dock in window.findChildren(QDockWidget):
            dock.hide()
    window.resize(QSize(*SIZE).boundedTo(room))


def show_exception(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Show an error that nobody caught, with its traceback for a bug report; the app keeps running."""
    sys.stderr.write("".join(traceback.format_exception(kind, error, where)))
    if isinstance(error, KeyboardInterrupt):
        QApplication.quit()
        return
    error_box().add(replace(Problem.of(error), text=f"{kind.__name__}: {error}"))
