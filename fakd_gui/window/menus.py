"""The window's menus, with the shortcut of every entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QAction, QActionGroup, QDesktopServices, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMenu

from fakd_core.assets import assets_dir
from fakd_gui.session.problem import bug_report
from fakd_gui.widgets.file_dialogs import ask_folder, ask_image, ask_model, ask_open_path
from fakd_gui.widgets.theme import watcher
from fakd_gui.window.about import open_about
from fakd_gui.window.opening import RecentFiles

if TYPE_CHECKING:
    from fakd_gui.window.main_window import MainWindow


GUIDE = assets_dir().parent / "docs/user-guide.md"


class Menus:
    """Fills `window`'s menu bar; what an entry does is the window's or a panel's."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._session = window.session
        bar = window.menuBar()
        recent = QMenu("Open &recent", window)
        self.recent = RecentFiles(recent, self._session)
        self._fill_file(bar.addMenu("&File"), recent)
        self._fill_edit(bar.addMenu("&Edit"))
        self._fill_training(bar.addMenu("&Training"))
        self._fill_view(bar.addMenu("&View"))
        self._fill_help(bar.addMenu("&Help"))

    def _fill_file(self, menu: QMenu, recent: QMenu) -> None:
        window, session = self._window, self._session
        self._add(menu, "&Open image…", "Ctrl+O", self._choose_image)
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

    def _fill_edit(self, menu: QMenu) -> None:
        self.undo = self._add(menu, "&Undo", "Ctrl+Z", self._window.undo_bar.undo)
        self.redo = self._add(menu, "&Redo", "Ctrl+Shift+Z", self._window.undo_bar.redo)
        menu.addSeparator()
        self._add(menu, "&Paste", "Ctrl+V", self._window.paste)

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
        copy = self._add(menu, "Copy &error details", "", self._copy_error)
        copy.setToolTip("Copy the newest traceback and version info for a bug report")
        menu.aboutToShow.connect(lambda: copy.setEnabled(self._session.unexpected is not None))
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

    def _copy_error(self) -> None:
        if self._session.unexpected is not None:
            QGuiApplication.clipboard().setText(bug_report(self._session.unexpected))

    def _choose_image(self) -> None:
        if path := ask_image(self._window):
            self._session.open_paths([path], "Compare")
            self._window.show_workspace("Compare")

    def _choose_model(self, use: Callable[[str], object]) -> None:
        if path := ask_model(self._window, "Choose a model"):
            self._session.opened.emit(path, "Train")
            use(str(path))

    def _choose_run(self) -> None:
        if run := ask_folder(self._window, "Open a run folder", self._session.runs_root):
            self._session.open_paths([run], "Train")

    def _choose_settings(self) -> None:
        if path := ask_open_path(self._window, "Load training settings", "Settings", [".toml"]):
            self._session.open_paths([path], "Train")

    def _choose_folder(self) -> None:
        if folder := ask_folder(self._window, "Open a folder of images"):
            self._session.open_paths([folder], "Compare")
