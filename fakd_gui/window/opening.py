"""Questions about dropped files, and the commands that open files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QMenu, QWidget

from fakd_gui.session.jobs import Job, JobEnd, Outcome
from fakd_gui.session.opening import Action, Workspace, each
from fakd_gui.session.session import Session
from fakd_gui.widgets.file_dialogs import ask_folder, ask_image, ask_model, ask_open_path
from fakd_gui.widgets.file_drops import FileDrops

PAUSE_MS = 100
"""Between two questions: the focus that returns to the window as one closes would close the next."""


class OpenQuestions(QObject):
    """Asks what a model or image is meant for: one menu after the other, at the drop or the mouse."""

    def __init__(self, session: Session, window: QWidget, check_model: Callable[[Path], object]) -> None:
        super().__init__(window)
        self._session = session
        self._window = window
        self._check_model = check_model
        self._waiting: deque[tuple[Action, Path]] = deque()
        self._is_asking = False
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS, timeout=self._finish_question)
        for action in (Action.ASK_FOR_ROLE, Action.ASK_FOR_PANE):
            session.openers[action] = partial(self._ask, action)
        session.openers[Action.ADD_STUDENTS] = each(lambda path: self.load_model(path, session.add_student))

    def load_model(self, path: Path, use: Callable[[str], object]) -> None:
        """Load `path` and pass it to `use`; a file that is no model is reported once and used nowhere."""
        models = self._session.models
        job = Job(f"load {path.name}", lambda token: models.get(str(path)), self, path=path)

        def finish(end: JobEnd) -> None:
            if end.outcome is Outcome.COMPLETED:
                use(str(path))
            elif end.problem is not None:
                self._session.report(end.problem)
            job.deleteLater()

        job.finished.connect(finish)
        job.start()

    def _ask(self, action: Action, paths: Sequence[Path]) -> None:
        self._waiting += [(action, path) for path in paths]
        self._ask_next()

    def _ask_next(self) -> None:
        if self._is_asking or not self._waiting:
            return
        self._is_asking = True
        action, path = self._waiting.popleft()
        session, menu = self._session, QMenu(self._window)
        menu.addSection(path.name)
        if action is Action.ASK_FOR_ROLE:
            menu.addAction("Use as teacher", lambda: self.load_model(path, session.set_teacher))
            menu.addAction("Add as student", lambda: self.load_model(path, session.add_student))
            menu.addAction("What is this file?", lambda: self._check_model(path))
        else:
            menu.addAction("Open the image", lambda: session.open_image(path))
            add = f"Compare it with {session.image.name}" if session.image else "Add as a pane"
            menu.addAction(add, lambda: session.open_as(Action.ADD_PANES, [path]))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.aboutToHide.connect(self._pause.start)
        menu.popup(QCursor.pos() if FileDrops.place is None else FileDrops.place)

    def _finish_question(self) -> None:
        self._is_asking = False
        if not self._waiting:
            FileDrops.place = None
        self._ask_next()


def open_commands(
    session: Session, questions: OpenQuestions, window: QWidget
) -> dict[str, Callable[[], object]]:
    """The commands of the File menu that ask for a file or a folder, by name."""

    def open_path(path: Path | None, workspace: Workspace) -> None:
        if path:
            session.open_paths([path], workspace)

    def open_image() -> None:
        if path := ask_image(window):
            session.workspace_requested.emit("Compare")
            session.open_paths([path], "Compare")

    def load_model(title: str, use: Callable[[str], object]) -> None:
        if path := ask_model(window, title):
            session.opened.emit(path, "Train")
            questions.load_model(path, use)

    folder = partial(ask_folder, window)
    settings = partial(ask_open_path, window, "Load training settings", "Settings", [".toml"])
    return {
        "open_image": open_image,
        "open_folder": lambda: open_path(folder("Open a folder of images"), "Compare"),
        "open_run": lambda: open_path(folder("Open a run folder", session.runs_root), "Train"),
        "load_settings": lambda: open_path(settings(), "Train"),
        "choose_teacher": lambda: load_model("Choose the teacher", session.set_teacher),
        "add_student": lambda: load_model("Add a student", session.add_student),
    }
