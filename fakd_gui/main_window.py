"""The window: four workspaces, the runs, menus, drops. What the actions do is in the panels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QActionGroup, QCloseEvent, QCursor, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QMenu,
    QMessageBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from fakd_core import __version__
from fakd_gui.benchmark import BenchmarkPanel
from fakd_gui.compare import ComparePanel
from fakd_gui.inspect import InspectPanel
from fakd_gui.jobs import stop_all
from fakd_gui.run_folders import is_run
from fakd_gui.run_list import RunList
from fakd_gui.session import Session
from fakd_gui.status import StatusBar
from fakd_gui.theme import Theme, follow_theme, icon, watcher
from fakd_gui.train import TrainPanel
from fakd_gui.widgets.banner import ErrorBanner
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.image_opener import IMAGE_SUFFIXES, MODEL_SUFFIXES, opener_of

MODEL_FILTER = f"Models ({' '.join(f'*{suffix}' for suffix in MODEL_SUFFIXES)});;All files (*)"
HELP = """<h3>FAKD Workbench {version}</h3>
<p>A heavy teacher network teaches a light student to enlarge images, by feature affinity (FAKD).</p>
<table cellpadding="3">
<tr><td><b>Ctrl+1 … 4</b></td><td>Train, Compare, Inspect, Benchmark</td></tr>
<tr><td><b>Ctrl+O</b></td><td>open an image</td></tr>
<tr><td><b>Ctrl+Return, Ctrl+P, Ctrl+.</b></td><td>start, pause or resume, stop the training</td></tr>
<tr><td><b>1 … 9</b></td><td>one pane at full size, while held or until Esc</td></tr>
<tr><td><b>arrows, Page up/down</b></td><td>in Inspect: move the pixel, change the layer</td></tr>
<tr><td><b>wheel, drag, double click</b></td><td>zoom at the cursor, move, fit</td></tr>
</table>
<p>Images, folders, checkpoints and run folders can be dropped anywhere.</p>"""


class MainWindow(QMainWindow):
    """All that a session shows."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.setWindowTitle("FAKD Workbench")
        self.setMinimumSize(760, 520)
        self.banner = ErrorBanner()
        self.train = TrainPanel(session)
        self.compare = ComparePanel(session)
        self.inspect = InspectPanel(session)
        self.benchmark = BenchmarkPanel(session)
        self.workspaces: dict[str, tuple[QWidget, str]] = {
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
        self.setCentralWidget(centre)
        self.runs = QDockWidget("Runs")
        self.runs.setObjectName("runs")
        self.runs.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        self.run_list = RunList(session)
        self.runs.setWidget(self.run_list)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.runs)
        self.resizeDocks([self.runs], [170], Qt.Orientation.Horizontal)
        self.status = StatusBar(session)
        self.setStatusBar(self.status)
        self._make_menus()
        FileDrops(self, self.take_files)
        session.error.connect(self.banner.show_error)
        session.run_selected.connect(lambda _: self.show_workspace("Train"))
        session.training_started.connect(lambda _: self.show_workspace("Train"))
        session.training_started.connect(lambda _: self.banner.dismiss())
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
        """What was dropped: an image, a run, a folder to train on, a model (asks as what)."""
        for path in paths:
            if path.is_dir() and is_run(path):
                self.session.select_run(path)
            elif path.is_dir():
                self.train.train_on(path)
                self.show_workspace("Train")
            elif path.suffix.lower() in MODEL_SUFFIXES:
                self._ask_role(path)
            elif path.suffix.lower() in IMAGE_SUFFIXES:
                self.open_image(path)
            else:
                self.session.error.emit(
                    f"{path.name}: not something this app opens; drop an image, a folder of images, "
                    "a run folder, or a .safetensors, .pt or .pth file"
                )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc that nothing else wanted dismisses the message."""
        if event.key() == Qt.Key.Key_Escape:
            self.banner.dismiss()
        super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.session.training is not None and not self._may_stop_training():
            event.ignore()
            return
        self.hide()  # What still runs may take a moment to stop.
        stop_all(self, self.session)
        event.accept()

    # -- menus ---------------------------------------------------------------------------------------

    def _make_menus(self) -> None:
        bar = self.menuBar()
        file = bar.addMenu("&File")
        self._add(
            file, "&Open image…", "Ctrl+O", lambda: opener_of(self.session).choose(self), then="Compare"
        )
        self._add(file, "Choose &teacher…", "", lambda: self._choose_model(self.session.set_teacher))
        self._add(file, "Add &student…", "", lambda: self._choose_model(self.session.add_student))
        self._add(file, "Open &run…", "", self._choose_run)
        file.addSeparator()
        self._add(file, "&Quit", "Ctrl+Q", self.close)
        training = bar.addMenu("&Training")
        self._add(training, "&Start", "Ctrl+Return", self.train.start, then="Train")
        self._add(training, "&Pause or resume", "Ctrl+P", self.train.toggle_pause)
        self._add(training, "S&top", "Ctrl+.", self.train.stop)
        view = bar.addMenu("&View")
        for number, name in enumerate(self.workspaces, 1):
            self._add(view, name, f"Ctrl+{number}", lambda name=name: self.show_workspace(name))
        view.addSeparator()
        view.addAction(self.runs.toggleViewAction())
        view.addMenu(self._scheme_menu())
        help_menu = bar.addMenu("&Help")
        self._add(help_menu, "&Keys and about", "F1", self._show_help)

    def _add(
        self, menu: QMenu, text: str, shortcut: str, action: Callable[[], object], then: str = ""
    ) -> None:
        entry = menu.addAction(text)
        if shortcut:
            entry.setShortcut(QKeySequence(shortcut))

        def act() -> None:
            if then:
                self.show_workspace(then)
            action()

        entry.triggered.connect(act)

    def _scheme_menu(self) -> QMenu:
        menu = QMenu("&Colours", self)
        group = QActionGroup(menu)
        for scheme in ("system", "light", "dark"):
            entry = menu.addAction(scheme.capitalize())
            entry.setCheckable(True)
            entry.setChecked(watcher().scheme == scheme)
            entry.triggered.connect(lambda _=False, scheme=scheme: watcher().choose(scheme))
            group.addAction(entry)
        return menu

    def _apply_theme(self, theme: Theme) -> None:
        for index, (_, name) in enumerate(self.workspaces.values()):
            self.tabs.setTabIcon(index, icon(name))

    # -- asking --------------------------------------------------------------------------------------

    def _ask_role(self, path: Path) -> None:
        menu = QMenu(self)
        menu.addSection(path.name)
        menu.addAction("Use as teacher", lambda: self.session.set_teacher(str(path)))
        menu.addAction("Add as student", lambda: self.session.add_student(str(path)))
        menu.popup(QCursor.pos())

    def _choose_model(self, take: Callable[[str], None]) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Choose a model", "", MODEL_FILTER)
        if name:
            take(name)

    def _choose_run(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open a run folder", str(self.session.runs_root))
        if name:
            self.session.select_run(Path(name))

    def _may_stop_training(self) -> bool:
        answer = QMessageBox.question(
            self,
            "Training is running",
            "Stop the training and close? It is saved first and can be continued from the list of runs.",
            QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
        )
        return answer is QMessageBox.StandardButton.Close

    def _show_help(self) -> None:
        box = QMessageBox(
            QMessageBox.Icon.NoIcon, "FAKD Workbench", HELP.format(version=__version__), parent=self
        )
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()
