"""Where the film strip's images come from, and the numbers they are sorted by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from fakd_core.evaluation.ranking import ImageDifference, measure_differences
from fakd_core.events import CancelToken
from fakd_gui.compare.board import Board
from fakd_gui.compare.film_strip import Filmstrip
from fakd_gui.session.opened_image import open_image
from fakd_gui.session.problem import Problem
from fakd_gui.session.session import Session
from fakd_gui.widgets.file_dialogs import ask_folder, ask_image


class Gallery(QObject):
    """Fills `strip` from folders, drops and the session; opens what is chosen on it."""

    def __init__(self, session: Session, board: Board, strip: Filmstrip, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._board = board
        self._strip = strip
        self._window = parent
        self._chosen: Path | None = None
        """What was last taken from the strip."""
        strip.chosen.connect(self._open)
        session.error.connect(self._failed)
        strip.failed.connect(session.error)
        strip.ranking_wanted.connect(self._rank)
        session.images_chosen.connect(self._show)

    def choose_image(self) -> None:
        if path := ask_image(self._window):
            self._session.open_paths([path], "Compare")

    def choose_folder(self) -> None:
        if folder := ask_folder(self._window, "Open a folder of images"):
            self._session.open_paths([folder], "Compare")

    def _open(self, path: Path) -> None:
        self._chosen = path
        self._session.open_image(path)

    def _failed(self, problem: Problem) -> None:
        path, shown = self._chosen, self._session.image
        if path is not None and problem.path == path:
            self._strip.cannot_show(path, None if shown is None else shown.path)

    def _show(self, paths: list[Path], labels: list[str]) -> None:
        self._strip.show_images(paths, labels)
        self._strip.go(1)

    def _rank(self) -> None:
        session, paths = self._session, list(self._strip.paths)
        apart = {session.teacher, *self._board.pane_set.closed}
        students = [ref for ref in session.students if ref not in apart]
        if not session.teacher or not students:
            session.report("Choose a teacher and add a student: the images are sorted by their difference.")
            self._strip.cannot_rank()
            return
        student, teacher, models = students[0], session.teacher, session.models
        scale, is_lr = session.scale, session.is_lr
        names = f"{self._board.label(student)} − {self._board.label(teacher)}"

        def work(token: CancelToken) -> Iterator[ImageDifference]:
            pair = models.get(student), models.get(teacher)
            return measure_differences(paths, pair, lambda path: open_image(path, scale, is_lr).lr, token)

        self._strip.rank_by(work, names)
