"""Makes the pictures in docs/images: the demo's tour, and what the user guide shows beyond it.

Run it as `.venv/bin/python docs/pictures.py`, with a folder to write elsewhere; it takes some
minutes and needs no display.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parent / "images"
SETTLE_MS = 1500
UNUSED = ("train",)
"""Pictures of the tour that no page shows."""


def main() -> int:
    """Return the exit status of the tour."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, nargs="?", default=IMAGES, help="folder of the pictures")
    images = parser.parse_args().images
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FAKD_CONFIG"] = folder
        return _take(Path(folder), images)


def _take(folder: Path, images: Path) -> int:
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from fakd_gui.app import SIZE, make_application, make_window
    from fakd_gui.demo import TourGuide
    from fakd_gui.session.session import Session

    app = make_application()
    session = Session(runs_root=folder / "runs")
    window = make_window(session)
    window.resize(*SIZE)
    window.show()
    guide = TourGuide(Photographer(window, folder).steps(), QApplication.exit)
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


class Photographer:
    """Takes pictures of `window` into `folder`; each method's steps are run by a `TourGuide`."""

    def __init__(self, window: Any, folder: Path) -> None:
        from PySide6.QtCore import QTimer

        self.window = window
        self.folder = folder
        self._settled = QTimer(window, singleShot=True, interval=SETTLE_MS)

    def shoot(self, name: str, widget: Any = None) -> None:
        (widget or self.window).grab().save(str(self.folder / f"{name}.png"))

    def a_moment(self) -> Any:
        from fakd_gui.demo import Until

        self._settled.start()
        return Until("a moment", self._settled.timeout)

    def steps(self) -> Iterator[Any]:
        from fakd_gui.demo import tour

        yield from tour(self.window, self.folder)
        yield from self.compare_split()
        yield from self.inspect_students()
        yield from self.figure()
        self.window.show_workspace("Benchmark")
        self.window.benchmark.runner.open_reference("rcan-x4")
        yield self.a_moment()
        self.shoot("benchmark")

    def compare_split(self) -> Iterator[Any]:
        from PySide6.QtCore import QPointF, QRectF

        from fakd_gui.compare.difference import Difference
        from fakd_gui.compare.panes import Split

        student, compare = self.window.session.library.students("Compare")[0], self.window.compare
        self.window.show_workspace("Compare")
        compare.state.set_region(QRectF(130, 70, 90, 60))
        compare.state.show_split(Split(student, "HR"))
        compare.state.show_difference(Difference(student, "HR"))
        compare.camera.set_percent(150)
        compare.camera.look_at(QPointF(175, 105))
        yield self.a_moment()
        self.shoot("compare-split")
        compare.state.show_split(None)
        compare.state.show_difference(None)
        compare.state.set_region(None)

    def inspect_students(self) -> Iterator[Any]:
        from fakd_gui.demo import Until
        from fakd_gui.session.library_keys import View
        from fakd_gui.widgets.theme import watcher

        session, inspect = self.window.session, self.window.inspect
        students = ("rcan-g5-r1-c32-x4-fakd", "rcan-g5-r1-c32-x4-baseline")
        session.library.set_view("Inspect", View(students, has_teacher=True))
        self.window.show_workspace("Inspect")
        yield Until("the students' maps", inspect.map_shown)
        inspect.state.set_query(40, 60)
        yield self.a_moment()
        self.shoot("inspect-students")
        inspect.actions["matrix"].trigger()
        yield self.a_moment()
        watcher().choose("dark")
        yield self.a_moment()
        self.shoot("inspect-matrix")
        inspect.actions["matrix"].trigger()
        watcher().choose("light")

    def figure(self) -> Iterator[Any]:
        from fakd_gui.figure.dialog import FigureDialog

        self.window.show_workspace("Compare")
        self.window.compare.actions["figure"].trigger()
        yield self.a_moment()
        yield self.a_moment()
        dialog = self.window.findChild(FigureDialog)
        self.shoot("figure", dialog)
        dialog.close()


if __name__ == "__main__":
    sys.exit(main())
