"""The window: four workspaces, the runs, menus, drops. What the actions do is in the panels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, Qt
from PySide6.QtGui import QCloseEvent, QCursor, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QMessageBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from fakd_core.data.folders import find_images
from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_core.models.references import bundled_models, split_taps
from fakd_core.models.spec import WEIGHT_SUFFIXES
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.lock import is_locked
from fakd_gui.benchmark.panel import BenchmarkPanel
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.models.doctor import ModelDoctor
from fakd_gui.runs.run_list import RunList
from fakd_gui.session.image_opener import IMAGE_SUFFIXES, opener_of
from fakd_gui.session.jobs import LatestWins, stop_all
from fakd_gui.session.run_folders import is_run
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import Remembered, part, text, texts
from fakd_gui.train.panel import TrainPanel
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.theme import Theme, follow_theme, icon, watcher
from fakd_gui.window.error_banner import ErrorBanner
from fakd_gui.window.menus import Menus
from fakd_gui.window.shortcut_sheet import ShortcutSheet
from fakd_gui.window.status_bar import StatusBar
from fakd_gui.window.undo_bar import UndoBar

Workspace = TrainPanel | ComparePanel | InspectPanel | BenchmarkPanel
TOLD_MS = 5000
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
        self.workspaces: dict[str, tuple[Workspace, str]] = {
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
        self._taken: Callable[[str], object] = session.add_student
        self._loading = LatestWins("load the model", self)
        self._loading.result.connect(lambda ref: self._taken(str(ref)))
        self._loading.failed.connect(session.error)
        self.menus = Menus(self)
        FileDrops(self, self.take_files)
        session.error.connect(self.banner.show_error)
        session.told.connect(lambda text: self.status.showMessage(text, TOLD_MS))
        session.undo_offered.connect(self.undo_bar.offer)
        self.undo_bar.changed.connect(self._name_undo)
        session.images_chosen.connect(lambda *_: self.show_workspace("Compare"))
        session.image_changed.connect(lambda image: self.menus.recent.add(image.path))
        session.run_selected.connect(self.menus.recent.add)
        self.run_list.settings_wanted.connect(lambda run: self.load_settings(RunLayout(run).config))
        session.run_selected.connect(lambda _: self.show_workspace("Train"))
        session.training_started.connect(lambda _: self.show_workspace("Train"))
        # What was wrong with the image or the models before is over.
        for changed in (session.training_started, session.image_changed, session.teacher_changed):
            changed.connect(lambda _: self.banner.dismiss())
        follow_theme(self, self._apply_theme)

    def show_workspace(self, name: str) -> None:
        """Bring 'Train', 'Compare', 'Inspect' or 'Benchmark' to the front."""
        self.tabs.setCurrentWidget(self.workspaces[name][0])

    def open_image(self, path: Path) -> None:
        """Open `path` and show it in Compare, or where an image is shown already."""
        opener_of(self.session).open(path)
        if self.tabs.currentWidget() not in (self.compare, self.inspect):
            self.show_workspace("Compare")

    def take_files(self, paths: list[Path]) -> None:
        """What was dropped: an image, a run, a folder to train on, a model (asks as what), settings."""
        for path in paths:
            if path.is_dir() and is_run(path):
                self.session.select_run(path)
            elif path.is_dir():
                self.train.train_on(path)
                self.show_workspace("Train")
            elif path.suffix.lower() in WEIGHT_SUFFIXES:
                self._ask_role(path)
            elif path.suffix.lower() == ".toml":
                self.load_settings(path)
            elif path.suffix.lower() in IMAGE_SUFFIXES:
                self.open_image(path)
            else:
                self.session.error.emit(
                    f"{path.name}: not something this app opens; drop an image, a folder of images, "
                    f"a run folder, a model ({', '.join(WEIGHT_SUFFIXES)}), or settings (.toml)"
                )

    def check_model(self, path: Path | None = None) -> None:
        """Open the model doctor, and have it look at `path`."""
        opened = (doctor for doctor in self.findChildren(ModelDoctor) if doctor.isVisible())
        doctor = next(opened, None) or ModelDoctor(self.session, self)
        doctor.show()
        doctor.raise_()
        if path is not None:
            doctor.check(path)

    def look_through(self, folder: Path) -> None:
        """Put the images of `folder` on Compare's film strip."""
        try:
            images = find_images(folder)
        except FakdError as error:
            self.session.error.emit(str(error))
            return
        if not images:
            self.session.error.emit(f"{folder}: no images in this folder; choose a folder of images")
            return
        self.menus.recent.add(folder)
        self.session.show_images(images)

    def load_settings(self, path: Path) -> None:
        """Fill the training's form from a TOML file, such as a run's config.toml."""
        self.show_workspace("Train")
        self.train.load_settings(path)

    def toggle_full_screen(self) -> None:
        self.showNormal() if self.isFullScreen() else self.showFullScreen()

    def show_shortcuts(self) -> None:
        """The sheet of every key; pressed again it closes."""
        open_sheet = self.findChild(ShortcutSheet)
        if open_sheet is not None:
            open_sheet.close()
            return
        ShortcutSheet({name: panel.KEYS for name, (panel, _) in self.workspaces.items()}, self).show()

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
            "recent": self.menus.recent.paths,
            "training": self._training_folder(),
            "panels": {name: panel.remember() for name, (panel, _) in self.workspaces.items()},
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
        self.menus.recent.recall(texts(state, "recent"))
        for name, (panel, _) in self.workspaces.items():
            panel.recall(part(part(state, "panels"), name))
        if _model_exists(text(state, "teacher")):
            self.session.set_teacher(text(state, "teacher"))
        for student in filter(_model_exists, texts(state, "students")):
            self.session.add_student(student)
        image = Path(text(state, "image"))
        if self.session.image is None and image.is_file():
            opener_of(self.session).set_mode(bool(state.get("low resolution")))
            opener_of(self.session).open(image)
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
            self.undo_bar.hide()
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

    # -- asking --------------------------------------------------------------------------------------

    def _take_model(self, path: Path, take: Callable[[str], object]) -> None:
        """Load it first: a file that is no model is said once, and taken nowhere."""
        models = self.session.models
        self._taken = take

        def work(token: CancelToken) -> str:
            models.get(str(path))
            return str(path)

        self._loading.submit(work)

    def _name_undo(self) -> None:
        losses = self.undo_bar.steps
        self.menus.undo.setEnabled(bool(losses))
        self.menus.undo.setText(f"&Undo: {losses[-1].text}" if losses else "&Undo")

    def _apply_theme(self, theme: Theme) -> None:
        for index, (_, name) in enumerate(self.workspaces.values()):
            self.tabs.setTabIcon(index, icon(name))

    def _ask_role(self, path: Path) -> None:
        menu = QMenu(self)
        menu.addSection(path.name)
        menu.addAction("Use as teacher", lambda: self._take_model(path, self.session.set_teacher))
        menu.addAction("Add as student", lambda: self._take_model(path, self.session.add_student))
        menu.addAction("What is this file?", lambda: self.check_model(path))
        menu.popup(QCursor.pos())


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
