"""The window around the workspaces: library, menus, messages, and what it keeps between two starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QMargins, Qt
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QMenu, QVBoxLayout, QWidget

from fakd_core.runs.layout import RunLayout
from fakd_core.runs.lock import is_locked
from fakd_core.runs.references import bundled_models, split_taps
from fakd_gui.library.panel import LibraryPanel
from fakd_gui.models.doctor import ModelDoctor
from fakd_gui.models.export import choose_export
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.problem import bug_report
from fakd_gui.session.run_folders import is_run
from fakd_gui.session.session import Session
from fakd_gui.widgets.actions import ActionTable
from fakd_gui.widgets.file_dialogs import ask_model
from fakd_gui.widgets.file_drops import FileDrops, paths_in
from fakd_gui.widgets.theme import watcher
from fakd_gui.window.about import open_about
from fakd_gui.window.commands import COMMANDS, GESTURES, colours_menu, device_menu, fill_menu_bar
from fakd_gui.window.error_banner import ErrorBanner
from fakd_gui.window.floating import show_bars
from fakd_gui.window.guide import GUIDE, Guide
from fakd_gui.window.memory import WindowMemory
from fakd_gui.window.news import TrainingNews
from fakd_gui.window.opening import OpenQuestions, open_commands
from fakd_gui.window.preferences import ShortcutEditor, changed_keys, restore_keys
from fakd_gui.window.recent_files import RecentFiles
from fakd_gui.window.resume_offer import ResumeOffer
from fakd_gui.window.shortcut_sheet import ShortcutSheet
from fakd_gui.window.status_bar import StatusBar
from fakd_gui.window.undo_bar import UndoBar
from fakd_gui.window.unsaved_work import confirm_quit, unsaved_work
from fakd_gui.window.workspaces import Workspaces

STATUS_MESSAGE_MS = 5000
MINIMUM_HEIGHT = 280
LIBRARY_WIDTH = 300


class MainWindow(QMainWindow):
    """The main window of a session: workspaces, library, menus and messages."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.news = TrainingNews(session, self)
        self._quits_without_asking = False
        self._has_layout = False
        """The docks have their sizes: of the last start, or of the first picture."""
        # Parents come first: with each new one Qt styles a widget and all that is in it again.
        # The minimum width follows from what is shown and the size of its letters.
        self.setCentralWidget(QWidget(minimumHeight=MINIMUM_HEIGHT))
        self.workspaces = Workspaces(session, self.centralWidget())
        self.train, self.compare = self.workspaces.train, self.workspaces.compare
        self.inspect, self.benchmark = self.workspaces.inspect, self.workspaces.benchmark
        self.library = LibraryPanel(session)
        self.workspaces.currentChanged.connect(lambda _: self._follow_workspace())
        self.status = StatusBar(session)
        self.setStatusBar(self.status)
        self._lay_out()
        self.questions = OpenQuestions(session, self, self.check_model)
        self.recent_files = RecentFiles(QMenu("Open &recent", self), session)
        # They work wherever the focus is.
        context = Qt.ShortcutContext.WindowShortcut
        self.actions = ActionTable("Everywhere", COMMANDS, self, gestures=GESTURES, context=context)
        self._connect_actions()
        # Dropped on Train, the library or the bars around them; the other workspaces take their own.
        FileDrops(self, lambda paths: session.open_paths(paths, "Train"), session.report)
        session.error.connect(self.banner.show_problem)
        session.status_message.connect(lambda text: self.status.showMessage(text, STATUS_MESSAGE_MS))
        session.undo_offered.connect(self.undo_bar.offer)
        self.undo_bar.stack.indexChanged.connect(self._name_undo)
        self._name_undo()
        # Problems of the previous image, models or training are over.
        for changed in (session.training_started, session.image_changed, session.teacher_changed):
            changed.connect(lambda _: self.banner.dismiss())

    def _lay_out(self) -> None:
        centre = self.centralWidget()
        column = QVBoxLayout(centre, contentsMargins=QMargins(), spacing=0)
        column.addWidget(self.workspaces, 1)
        self.banner = ErrorBanner(centre, top=lambda: self.workspaces.tabBar().height())
        self.undo_bar = UndoBar(centre)
        self.resume_offer = ResumeOffer(self.session, self.undo_bar, self.library.actions.resume)
        closable = QDockWidget.DockWidgetFeature.DockWidgetClosable
        self.dock = QDockWidget("Library", objectName="library", features=closable)
        self.dock.setWidget(self.library)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.dock)

    def _follow_workspace(self) -> None:
        self.library.set_workspace(self.workspaces.current)

    # -- commands ------------------------------------------------------------------------------------

    def _connect_actions(self) -> None:
        actions, workspaces = self.actions, self.workspaces
        for name, act in {
            **open_commands(self.session, self.questions, self),
            "check_model": self.check_model,
            "export_model": self._export_model,
            "quit": self.close,
            "undo": self.undo_bar.undo,
            "redo": self.undo_bar.redo,
            "paste": self.paste,
            "edit_shortcuts": self.edit_shortcuts,
            "notify": lambda: self.news.set_enabled(actions["notify"].isChecked()),
            "full_screen": self._toggle_full_screen,
            "float_workspace": lambda: workspaces.float_workspace(workspaces.active),
            "show_shortcuts": self.show_shortcuts,
            "open_guide": self.open_guide,
            "copy_error": self._copy_error,
            "show_about": lambda: open_about(self, self.status.device.text()),
            "dismiss": self._dismiss,
            **{
                f"show_{name.lower()}": lambda name=name: workspaces.show_workspace(name)
                for name in workspaces.panels
            },
        }.items():
            actions.on(name, act)
        actions["copy_error"].setEnabled(False)
        actions["notify"].setChecked(True)
        self.session.unexpected_changed.connect(lambda: actions["copy_error"].setEnabled(True))
        training = self.train.actions
        training["start"].triggered.connect(lambda: workspaces.show_workspace("Train"))
        device = device_menu(self, self.session.models, lambda: self.status.devices)
        submenus = {"recent_files": self.recent_files.menu, "colours": colours_menu(self), "device": device}
        entries = {name: training[name] for name in ("start", "queue", "compare_methods", "pause", "stop")}
        entries |= {name: actions[name] for name in actions.commands}
        fill_menu_bar(self, {**entries, **submenus, "library": self.dock.toggleViewAction()})

    @property
    def action_tables(self) -> list[ActionTable]:
        """The window's table, those of the workspaces and of the library."""
        panels = self.workspaces.panels.values()
        return [self.actions, *(panel.actions for panel in panels), self.library.actions]

    def show_workspace(self, name: str) -> None:
        """Bring 'Train', 'Compare', 'Inspect' or 'Benchmark' to the front."""
        self.workspaces.show_workspace(name)

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open what the user chose, with its meaning in the workspace at the front."""
        self.session.open_paths(paths, self.workspaces.active)

    def paste(self) -> None:
        """Open the files or the image on the clipboard."""
        with self.session.reporting():
            if paths := paths_in(QGuiApplication.clipboard().mimeData()):
                self.open_paths(paths)
            else:
                self.session.announce("The clipboard holds no image and no path of a file or folder")

    def check_model(self, path: Path | None = None) -> None:
        """Open the dialog that diagnoses a model file, and check `path`."""
        opened = (doctor for doctor in self.findChildren(ModelDoctor) if doctor.isVisible())
        doctor = next(opened, None) or ModelDoctor(self.session, self)
        doctor.show()
        doctor.raise_()
        if path is not None:
            doctor.check(path)

    def show_shortcuts(self) -> None:
        """Show the sheet of every shortcut, or close it."""
        if (shown := self.findChild(ShortcutSheet)) is not None:
            shown.close()
        else:
            ShortcutSheet(self.action_tables, self).show()

    def open_guide(self) -> None:
        """Show the user guide at the page of the workspace."""
        guide = self.findChild(Guide) or Guide(self)
        guide.show()
        guide.raise_()
        guide.open(f"{GUIDE}#{self.workspaces.active.lower()}")

    def edit_shortcuts(self) -> None:
        ShortcutEditor(self.action_tables, self).show()

    def _export_model(self) -> None:
        """Export the model that is selected in the library, or one that the user chooses."""
        selected = self.library.actions["export"]
        if selected.isEnabled():
            selected.trigger()
        elif path := ask_model(self, "Choose the model to export"):
            choose_export(self.session, self, str(path))

    def _copy_error(self) -> None:
        if self.session.unexpected is not None:
            QGuiApplication.clipboard().setText(bug_report(self.session.unexpected))

    def _dismiss(self) -> None:
        """Close a message, or else leave full screen."""
        shown = next((bar for bar in (self.banner, self.undo_bar) if bar.isVisible()), None)
        if shown is not None:
            shown.dismiss()
        elif self.isFullScreen():
            self.showNormal()

    def _toggle_full_screen(self) -> None:
        """Let the active window, the main one or that of a workspace, fill the screen, or no longer."""
        window = self.workspaces.floating.get(self.workspaces.active, self)
        window.showNormal() if window.isFullScreen() else window.showFullScreen()
        self.actions["full_screen"].setChecked(window.isFullScreen())

    def _name_undo(self) -> None:
        stack = self.undo_bar.stack
        for name, text, change in (("undo", "&Undo", stack.undoText()), ("redo", "&Redo", stack.redoText())):
            self.actions[name].setEnabled(bool(change))
            self.actions[name].setText(f"{text}: {change}" if change else text)

    # -- between two starts --------------------------------------------------------------------------

    def memory(self) -> WindowMemory:
        """The state that the next start restores."""
        session, image, job = self.session, self.session.image, self.session.training
        return WindowMemory(
            geometry=bytes(self.saveGeometry().toBase64().data()).decode(),
            docks=bytes(self.saveState().toBase64().data()).decode(),
            colours=watcher().scheme,
            notify=self.news.enabled,
            device=session.models.device_name,
            workspace=self.workspaces.current,
            teacher=session.teacher,
            library=session.library.memory(),
            image="" if image is None else str(image.path),
            is_lr=image is not None and image.hr is None,
            recent_files=self.recent_files.files,
            training="" if job is None or job.token.cancelled else str(session.training_run),
            keys=changed_keys(self.action_tables),
            workspaces=self.workspaces.memories(),
        )

    def restore_look(self, memory: WindowMemory) -> None:
        """Restore position, size, colours, keys and the device, before the window shows."""
        watcher().choose(memory.colours)
        self.session.models.choose_device(memory.device)
        self.actions["notify"].setChecked(memory.notify)
        self.news.set_enabled(memory.notify)
        self.restoreGeometry(QByteArray.fromBase64(memory.geometry.encode()))
        self._has_layout = self.restoreState(QByteArray.fromBase64(memory.docks.encode()))
        restore_keys(self.action_tables, memory.keys)

    def restore(self, memory: WindowMemory) -> None:
        """Restore what was chosen and opened, as far as it still exists."""
        session = self.session
        self.recent_files.restore(memory.recent_files)
        # First: the form of a training takes it over, and may keep another teacher.
        if _model_exists(memory.teacher):
            session.set_teacher(memory.teacher)
        session.library.restore(memory.library)
        self.workspaces.restore(memory.workspaces)
        if session.image is None and memory.image and Path(memory.image).is_file():
            session.set_is_lr(memory.is_lr)
            session.open_image(Path(memory.image))
        self.show_workspace(memory.workspace)
        run = Path(memory.training)
        if memory.training and is_run(run) and not is_locked(RunLayout(run).lock):
            session.add_run(run)
            self.resume_offer.make(run)

    # -- events --------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._has_layout:
            self._has_layout = True
            width = min(LIBRARY_WIDTH, self.width() // 5 + 20)
            self.resizeDocks([self.dock], [width], Qt.Orientation.Horizontal)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.WindowStateChange:
            full = self.isFullScreen()
            self.actions["full_screen"].setChecked(full)
            for bar in (self.menuBar(), self.statusBar(), self.workspaces.tabBar()):
                bar.setVisible(not full)
            show_bars(self, shown=not full)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.actions.handle(event):
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        unsaved = [] if self._quits_without_asking else unsaved_work(self.session, self, self.session)
        # While it asks, the system may shut down.
        if unsaved and not confirm_quit(self, unsaved) and not self._quits_without_asking:
            event.ignore()
            return
        self.workspaces.bring_all_back()
        self.hide()  # What is running may take a moment to stop.
        stop_all(self, self.session)
        event.accept()

    def quit_without_asking(self) -> None:
        """Close at once; a running training is saved first."""
        self._quits_without_asking = True
        if (question := QApplication.activeModalWidget()) is not None:
            question.close()
        self.close()


def _model_exists(ref: str) -> bool:
    name = split_taps(ref)[0]
    return bool(name) and (name in bundled_models() or Path(name).exists())
