"""Makes the pictures in docs/images: the demo's tour, and what the user guide shows beyond it.

Run it as `.venv/bin/python docs/pictures.py`, with a folder to write elsewhere; it takes some
minutes and needs no display.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parent / "images"
SETTLE_MS = 1500
UNUSED = ("train",)
"""Pictures of the tour that no page shows."""


def main() -> int:
    """Return the exit status of the tour."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    images = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FAKD_CONFIG"] = folder
        return _take(Path(folder), images)


def _take(folder: Path, images: Path) -> int:
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from fakd_gui.app import make_application, make_window
    from fakd_gui.demo import TourGuide
    from fakd_gui.session.session import Session

    app = make_application()
    session = Session(runs_root=folder / "runs")
    window = make_window(session)
    window.show()
    guide = TourGuide(_steps(window, folder), QApplication.exit)
    session.error.connect(lambda problem: guide.fail(problem.text))
    sys.excepthook = lambda kind, error, where: guide.fail(f"{kind.__name__}: {error}")
    QTimer.singleShot(0, guide.advance)
    status = app.exec()
    window.close()
    if status == 0:
        for picture in folder.glob("*.png"):
            if picture.stem not in UNUSED:
                shutil.copy(picture, images / picture.name)
    return status


def _steps(window: Any, folder: Path) -> Any:
    from PySide6.QtCore import QPointF, QRectF, QTimer

    from fakd_gui.compare.difference import Difference
    from fakd_gui.compare.panes import Split
    from fakd_gui.demo import Until, tour
    from fakd_gui.widgets.theme import watcher

    def shoot(name: str, widget: Any = window) -> None:
        widget.grab().save(str(folder / f"{name}.png"))

    settled = QTimer(window, singleShot=True, interval=SETTLE_MS)

    def a_moment() -> Until:
        settled.start()
        return Until("a moment", settled.timeout)

    yield from tour(window, folder)
    session, compare, inspect = window.session, window.compare, window.inspect
    teacher, student = session.teacher, session.students[0]

    window.show_workspace("Compare")
    compare.state.set_region(QRectF(130, 70, 90, 60))
    compare.state.show_split(Split(student, "HR"))
    compare.state.show_difference(Difference(student, "HR"))
    compare.camera.set_percent(150)
    compare.camera.look_at(QPointF(175, 105))
    yield a_moment()
    shoot("compare-split")
    compare.state.show_split(None)
    compare.state.show_difference(None)
    compare.state.set_region(None)

    session.remove_student(student)
    for name in ("rcan-g5-r1-c32-x4-fakd", "rcan-g5-r1-c32-x4-baseline"):
        session.add_student(name)
    window.show_workspace("Inspect")
    yield Until("the students' maps", inspect.map_shown)
    inspect.state.set_query(40, 60)
    yield a_moment()
    shoot("inspect-students")
    inspect.actions["matrix"].trigger()
    yield a_moment()
    watcher().choose("dark")
    yield a_moment()
    shoot("inspect-matrix")
    inspect.actions["matrix"].trigger()
    watcher().choose("light")

    window.show_workspace("Compare")
    compare.actions["figure"].trigger()
    yield a_moment()
    from fakd_gui.figure.dialog import FigureDialog

    yield a_moment()
    dialog = window.findChild(FigureDialog)
    shoot("figure", dialog)
    dialog.close()

    window.show_workspace("Benchmark")
    window.benchmark.runner.open_reference("rcan-x4")
    yield a_moment()
    shoot("benchmark")

    session.set_teacher(teacher)


if __name__ == "__main__":
    sys.exit(main())
