"""The window: four workspaces, the runs, menus, drops. What the actions do is in the panels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QObject, Qt
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMessageBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from fakd_core.runs.layout import RunLayout
from fakd_core.runs.lock import is_locked
from fakd_core.runs.references import bundled_models, split_taps
from fakd_gui.benchmark.panel import BenchmarkPanel
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.models.doctor import ModelDoctor
from fakd_gui.runs.run_list import RunList
from fakd_gui.session.jobs import LatestWins, stop_all
from fakd_gui.session.opening import WORKSPACES, Workspace
from fakd_gui.session.run_folders import is_run
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import Remembered, part, text, texts
from fakd_gui.train.panel import TrainPanel
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.theme import Theme, follow_theme, icon, watcher
from fakd_gui.window.error_banner import ErrorBanner
from fakd_gui.window.menus import Menus
from fakd_gui.window.opening import OpenQuestions, pasted_paths
from fakd_gui.window.shortcut_sheet import ShortcutSheet
from fakd_gui.window.status_bar import StatusBar
from fakd_gui.window.undo_bar import UndoBar

Panel = TrainPanel | ComparePanel | InspectPanel | BenchmarkPanel
STATUS_MESSAGE_MS = 5000
MINIMUM_HEIGHT = 440


class MainWindow(QMainWindow):
    """All that a session shows."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.setWindowTitle("FAKD Workbench")
        self._leaving = False
        self.banner = ErrorBanner()
        self.train = TrainPanel(session)
        self.compare = ComparePanel(session)
        self.inspect = InspectPanel(session)
        self.benchmark = BenchmarkPanel(session)
        self.workspaces: dict[str, tuple[Panel, str]] = {
            "Train": (self.train, "school"),
            "Compare": (self.compare, "compare"),
            "Inspect": (self.inspect, "crosshairs-gps"),
            "Benchmark": (self.benchmark, "table"),
        }
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for name, (panel, _) in self.workspaces.items():
            self.tabs.addTab(panel, name)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        column.addWidget(self.tabs, 1)
        # The rest follows from what is shown and the size of its letters.
        centre.setMinimumHeight(MINIMUM_HEIGHT)
        self.setCentralWidget(centre)
        self.undo_bar = UndoBar(centre)
        self.runs = QDockWidget("Runs")
        self.runs.setObjectName("runs")
        self.runs.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        self.run_list = RunList(session)
        self.runs.setWidget(self.run_list)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.runs)
        self.resizeDocks([self.runs], [170], Qt.Orientation.Horizontal)
        self.status = StatusBar(session)
        self.setStatusBar(self.status)
        self.questions = OpenQuestions(session, self, self.check_model)
        self.menus = Menus(self)
        self.undo_bar.stack.indexChanged.connect(self._name_undo)
        self._name_undo()
        # Dropped on Train, the list of runs or the bars around them; the other workspaces take their own.
        FileDrops(self, lambda paths: session.open_paths(paths, "Train"))
        session.error.connect(self.banner.show_problem)
        session.status_message.connect(lambda text: self.status.showMessage(text, STATUS_MESSAGE_MS))
        session.undo_offered.connect(self.undo_bar.offer)
        session.images_chosen.connect(lambda *_: self.show_workspace("Compare"))
        session.workspace_requested.connect(self.show_workspace)
        self.run_list.settings_wanted.connect(self._load_settings)
        session.run_selected.connect(lambda _: self.show_workspace("Train"))
        session.training_started.connect(lambda _: self.show_workspace("Train"))
        # What was wrong with the image or the models before is over.
        for changed in (session.training_started, session.image_changed, session.teacher_changed):
            changed.connect(lambda _: self.banner.dismiss())
        follow_theme(self, self._apply_theme)

    def show_workspace(self, name: str) -> None:
        """Bring 'Train', 'Compare', 'Inspect' or 'Benchmark' to the front."""
        self.tabs.setCurrentWidget(self.workspaces[name][0])

    @property
    def workspace(self) -> Workspace:
        """The workspace at the front."""
        return WORKSPACES[self.tabs.currentIndex()]

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open what the user chose, as its workspace at the front does."""
        self.session.open_paths(paths, self.workspace)

    def paste(self) -> None:
        """Open the files or the image on the clipboard."""
        paths = pasted_paths(QGuiApplication.clipboard().mimeData())
        if paths:
            self.open_paths(paths)
        else:
            self.session.announce("The clipboard holds no image and no path of a file or folder")

    def check_model(self, path: Path | None = None) -> None:
        """Open the model doctor, and have it look at `path`."""
        opened = (doctor for doctor in self.findChildren(ModelDoctor) if doctor.isVisible())
        doctor = next(opened, None) or ModelDoctor(self.session, self)
        doctor.show()
        doctor.raise_()
        if path is not None:
            doctor.check(path)

    def _load_settings(self, run: Path) -> None:
        self.show_workspace("Train")
        self.train.load_settings(RunLayout(run).config)

    def toggle_full_screen(self) -> None:
        self.showNormal() if self.isFullScreen() else self.showFullScreen()

    def show_shortcuts(self) -> None:
        """The sheet of every key; pressed again it closes."""
        open_sheet = self.findChild(ShortcutSheet)
        if open_sheet is not None:
            open_sheet.close()
            return
        keys = {name: _shortcut_rows(panel) for name, (panel, _) in self.workspaces.items()}
        ShortcutSheet(keys, self).show()

    # -- from one start to the next ------------------------------------------------------------------

    def remember(self) -> dict[str, object]:
        """What the next start restores: plain values for `remembered.write_state`."""
        image = self.session.image
        return {
            "geometry": bytes(self.saveGeometry().toBase64().data()).decode(),
            "docks": bytes(self.saveState().toBase64().data()).decode(),
            "colours": watcher().scheme,
            "workspace": self.tabs.tabText(self.tabs.currentIndex()),
            "teacher": self.session.teacher,
            "students": self.session.students,
            "image": "" if image is None else str(image.path),
            "low resolution": image is not None and image.hr is None,
            "recent": self.menus.recent.files,
            "training": self._training_folder(),
            "panels": {name: _memory_of(panel) for name, (panel, _) in self.workspaces.items()},
        }

    def recall_look(self, state: Remembered) -> None:
        """Place, size and colours: before the window shows."""
        colours = text(state, "colours")
        if colours in ("system", "light", "dark"):
            watcher().choose(colours)
        self.restoreGeometry(QByteArray.fromBase64(text(state, "geometry").encode()))
        self.restoreState(QByteArray.fromBase64(text(state, "docks").encode()))

    def recall(self, state: Remembered) -> None:
        """What was chosen and opened, where it is still there; `state` may lack anything."""
        recent = state.get("recent")
        if isinstance(recent, list):
            self.menus.recent.restore(
                tuple(pair) for pair in recent if isinstance(pair, list) and len(pair) == 2
            )
        for name, (panel, _) in self.workspaces.items():
            _restore(panel, part(part(state, "panels"), name))
        if _model_exists(text(state, "teacher")):
            self.session.set_teacher(text(state, "teacher"))
        for student in filter(_model_exists, texts(state, "students")):
            self.session.add_student(student)
        image = Path(text(state, "image"))
        if self.session.image is None and image.is_file():
            self.session.set_is_lr(bool(state.get("low resolution")))
            self.session.open_image(image)
        if text(state, "workspace") in self.workspaces:
            self.show_workspace(text(state, "workspace"))

        self._offer_to_continue(text(state, "training"))

    def _training_folder(self) -> str:
        """The run that trains and was not told to stop: found by the next start, it was cut off."""
        job, config = self.session.training, self.session.training_config
        return str(config.run) if job is not None and config is not None and not job.token.cancelled else ""

    def _offer_to_continue(self, folder: str) -> None:
        run = Path(folder)
        if not folder or not is_run(run) or is_locked(RunLayout(run).lock):
            return
        self.session.add_run(run)
        self.undo_bar.ask(
            f"{run.name} was training when the app ended without being closed.",
            "Continue it",
            lambda: self.run_list.doing.proceed(run),
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc that nothing else wanted dismisses the message."""
        if event.key() == Qt.Key.Key_Escape:
            self.banner.dismiss()
            self.undo_bar.dismiss()
        super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        lost = [] if self._leaving else losses(self.session, self, self.session)
        if lost and not may_close(self, lost) and not self._leaving:
            event.ignore()
            return
        self.hide()  # What still runs may take a moment to stop.
        stop_all(self, self.session)
        event.accept()

    def leave(self) -> None:
        """Close without asking: what runs is saved first."""
        self._leaving = True
        question = QApplication.activeModalWidget()
        if question is not None:
            question.close()
        self.close()

    def _name_undo(self) -> None:
        stack = self.undo_bar.stack
        for action, name, change in (
            (self.menus.undo, "&Undo", stack.undoText()),
            (self.menus.redo, "&Redo", stack.redoText()),
        ):
            action.setEnabled(bool(change))
            action.setText(f"{name}: {change}" if change else name)

    def _apply_theme(self, theme: Theme) -> None:
        for index, (_, name) in enumerate(self.workspaces.values()):
            self.tabs.setTabIcon(index, icon(name))


# Workspaces without an action table, or without a memory model, are asked in the former way.


def _shortcut_rows(panel: Any) -> Sequence[tuple[str, str]]:
    return panel.KEYS if hasattr(panel, "KEYS") else panel.actions.shortcut_rows()


def _memory_of(panel: Any) -> Remembered:
    return panel.memory().model_dump(mode="json") if hasattr(panel, "memory") else panel.remember()


def _restore(panel: Any, state: Remembered) -> None:
    if hasattr(panel, "memory"):
        panel.restore(type(panel.memory()).model_validate(state))
    else:
        panel.recall(state)


def _model_exists(ref: str) -> bool:
    name = split_taps(ref)[0]
    return bool(name) and (name in bundled_models() or Path(name).exists())


TRAINING = "The training stops: it is saved first and can be continued from the list of runs."
UNFINISHED = {
    "benchmark": "The benchmark ends before everything is measured.",
    "save the images": "The images are not saved yet.",
    "save the figure": "The figure is not saved yet.",
    "export": "The maps are not saved yet.",
    "write the curves": "The curves are not saved yet.",
}
"""What it means to end a job that somebody asked for and that leaves something, by its name."""


def losses(session: Session, *owners: QObject) -> list[str]:
    """A sentence for each thing that would be cut short."""
    running = {work.name for owner in owners for work in owner.findChildren(LatestWins) if work.running}
    training = [TRAINING] if session.training is not None else []
    return training + [sentence for name, sentence in UNFINISHED.items() if name in running]


def may_close(parent: QWidget, lost: list[str]) -> bool:
    """Whether a person accepts that."""
    answer = QMessageBox.question(
        parent,
        "Close the workbench",
        "\n".join(["Close now?", *lost]),
        QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
    )
    return answer is QMessageBox.StandardButton.Close
