"""The window's menus, with the shortcut of every entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QAction, QActionGroup, QDesktopServices, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu

from fakd_core.assets import assets_dir
from fakd_core.models.spec import WEIGHT_SUFFIXES
from fakd_gui.session.bug_report import newest_details, report
from fakd_gui.session.image_opener import opener_of
from fakd_gui.widgets.theme import watcher
from fakd_gui.window.about import open_about

if TYPE_CHECKING:
    from fakd_gui.window.main_window import MainWindow


MODEL_FILTER = f"Models ({' '.join(f'*{suffix}' for suffix in WEIGHT_SUFFIXES)});;All files (*)"
GUIDE = assets_dir().parent / "docs/user-guide.md"


def _copy_newest() -> None:
    QGuiApplication.clipboard().setText(report(newest_details()))


class Menus:
    """Fills `window`'s menu bar; what an entry does is the window's or a panel's."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._session = window.session
        bar = window.menuBar()
        recent = QMenu("Open &recent", window)
        self.recent = RecentFiles(recent, lambda path: window.take_files([path]))
        self._fill_file(bar.addMenu("&File"), recent)
        self.undo = self._fill_edit(bar.addMenu("&Edit"))
        self._fill_training(bar.addMenu("&Training"))
        self._fill_view(bar.addMenu("&View"))
        self._fill_help(bar.addMenu("&Help"))

    def _fill_file(self, menu: QMenu, recent: QMenu) -> None:
        window, session = self._window, self._session
        self._add(menu, "&Open image…", "Ctrl+O", lambda: opener_of(session).choose(window), then="Compare")
        self._add(menu, "Open &folder of images…", "Ctrl+Shift+O", self._choose_folder)
        menu.addMenu(recent)
        menu.addSeparator()
        self._add(menu, "Choose &teacher…", "", lambda: self._choose_model(session.set_teacher))
        self._add(menu, "Add &student…", "", lambda: self._choose_model(session.add_student))
        self._add(menu, "&Check a model file…", "", window.check_model)
        self._add(menu, "&Export a model…", "", lambda: self._choose_model(window.run_list.exporter.choose))
        menu.addSeparator()
        self._add(menu, "Open r&un…", "", self._choose_run)
        self._add(menu, "&Load settings…", "", self._choose_settings)
        menu.addSeparator()
        self._add(menu, "&Quit", "Ctrl+Q", window.close)

    def _fill_edit(self, menu: QMenu) -> QAction:
        undo = self._add(menu, "&Undo", "Ctrl+Z", self._window.undo_bar.undo)
        undo.setEnabled(False)
        return undo

    def _fill_training(self, menu: QMenu) -> None:
        train = self._window.train
        self._add(menu, "&Start", "Ctrl+Return", train.start, then="Train")
        self._add(menu, "&Pause or resume", "Ctrl+P", train.toggle_pause)
        self._add(menu, "S&top", "Ctrl+.", train.stop)

    def _fill_view(self, menu: QMenu) -> None:
        window = self._window
        for number, name in enumerate(window.workspaces, 1):
            self._add(menu, name, f"Ctrl+{number}", lambda name=name: window.show_workspace(name))
        menu.addSeparator()
        menu.addAction(window.runs.toggleViewAction())
        menu.addMenu(self._scheme_menu())
        full = self._add(menu, "&Full screen", "F11", window.toggle_full_screen)
        full.setCheckable(True)
        menu.aboutToShow.connect(lambda: full.setChecked(window.isFullScreen()))

    def _fill_help(self, menu: QMenu) -> None:
        window = self._window
        sheet = self._add(menu, "&Shortcuts", "F1", window.show_shortcuts)
        sheet.setShortcuts([QKeySequence("F1"), QKeySequence("?")])
        if GUIDE.is_file():
            guide = QUrl.fromLocalFile(str(GUIDE))
            self._add(menu, "&User guide", "", lambda: QDesktopServices.openUrl(guide))
        copy = self._add(menu, "Copy &error details", "", _copy_newest)
        copy.setToolTip("What is behind the newest unexpected error, for a report")
        menu.aboutToShow.connect(lambda: copy.setEnabled(bool(newest_details())))
        self._add(menu, "&About", "", lambda: open_about(window, window.status.device.text()))

    def _add(
        self, menu: QMenu, text: str, shortcut: str, action: Callable[[], object], then: str = ""
    ) -> QAction:
        entry = menu.addAction(text)
        if shortcut:
            entry.setShortcut(QKeySequence(shortcut))

        def act() -> None:
            if then:
                self._window.show_workspace(then)
            action()

        entry.triggered.connect(act)
        return entry

    def _scheme_menu(self) -> QMenu:
        menu = QMenu("&Colours", self._window)
        group = QActionGroup(menu)
        for scheme in ("system", "light", "dark"):
            entry = menu.addAction(scheme.capitalize())
            entry.setCheckable(True)
            entry.setData(scheme)
            entry.triggered.connect(lambda _=False, scheme=scheme: watcher().choose(scheme))
            group.addAction(entry)
        menu.aboutToShow.connect(
            lambda: [entry.setChecked(entry.data() == watcher().scheme) for entry in group.actions()]
        )
        return menu

    # -- asking

    def _choose_model(self, take: Callable[[str], None]) -> None:
        name, _ = QFileDialog.getOpenFileName(self._window, "Choose a model", "", MODEL_FILTER)
        if name:
            self.recent.add(Path(name))
            take(name)

    def _choose_run(self) -> None:
        root = str(self._session.runs_root)
        name = QFileDialog.getExistingDirectory(self._window, "Open a run folder", root)
        if name:
            self._session.select_run(Path(name))

    def _choose_settings(self) -> None:
        kinds = "Settings (*.toml);;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self._window, "Load training settings", "", kinds)
        if name:
            self._window.load_settings(Path(name))

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self._window, "Open a folder of images")
        if name:
            self._window.look_through(Path(name))


KEPT = 12


class RecentFiles(QObject):
    """Paths, the newest first, and the menu that opens them again."""

    def __init__(self, menu: QMenu, open_file: Callable[[Path], object]) -> None:
        super().__init__(menu)
        self.paths: list[str] = []
        self._menu = menu
        self._open = open_file
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill)

    def add(self, path: Path) -> None:
        name = str(path.absolute())
        self.paths = [name, *(other for other in self.paths if other != name)][:KEPT]

    def recall(self, paths: Iterable[str]) -> None:
        """Take what an earlier start left, below what was opened since."""
        self.paths = list(dict.fromkeys([*self.paths, *paths]))[:KEPT]

    def _fill(self) -> None:
        self._menu.clear()
        there = [Path(path) for path in self.paths if Path(path).exists()]
        for path in there:
            entry = self._menu.addAction(f"{path.parent.name}/{path.name}".replace("&", "&&"))
            entry.setToolTip(str(path))
            entry.triggered.connect(lambda _=False, path=path: self._open(path))
        if not there:
            self._menu.addAction("Nothing opened yet").setEnabled(False)
            return
        self._menu.addSeparator()
        self._menu.addAction("Clear the list", self.paths.clear)
