"""The panel of the library: the tree, search and filter, and the tools for what is selected."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QMargins, QModelIndex, QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QActionGroup, QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from fakd_gui.library.commands import MENU, LibraryCommands
from fakd_gui.library.filter import Filter, LibraryFilter
from fakd_gui.library.model import NAME, LibraryModel
from fakd_gui.library.rows import Kind, Row, Sort
from fakd_gui.library.scanner import LibraryScanner
from fakd_gui.library.tree import LibraryTree
from fakd_gui.session.opening import Workspace
from fakd_gui.session.session import Session
from fakd_gui.widgets.actions import follow_action
from fakd_gui.widgets.file_dialogs import ask_folder, ask_images, ask_model
from fakd_gui.widgets.image_tools import icon_button
from fakd_gui.widgets.theme import current_theme, follow_theme, icon

MIN_WIDTH = 164
COLOUR_NAMES = ("Orange", "Purple", "Teal", "Ochre", "Pink", "Violet", "Brown", "Blue grey", "Brick")
"""Names of `Theme.student_colour`'s."""


class LibraryPanel(QWidget):
    """The library, with everything that the workspaces can show; changes of the runs folder are noticed."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.view = LibraryTree()
        self.actions = LibraryCommands(
            session, self.view, selected=self.selected_rows, edit_name=self._edit_name
        )
        self.model = self.actions.model = LibraryModel(session, self.actions.rename, self)
        self.filter = LibraryFilter(self.model, self)
        self.scanner = LibraryScanner(session, self)
        self.scan, self.read_states = self.scanner.scan, self.scanner.read_states
        self.view.show_rows(self.filter)
        self._click = QTimer(self, singleShot=True, interval=0)
        """Runs while a click is handled that changed an eye."""
        self._lay_out()
        self._connect()
        self.model.rebuild()
        self.view.open_sections()
        self._refresh()

    def _connect(self) -> None:
        session, library, model = self._session, self._session.library, self.model
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.eye_clicked.connect(self._toggle)
        self.view.clicked.connect(self._clicked)
        self.view.selectionModel().selectionChanged.connect(self._refresh)
        self.scanner.scanned.connect(model.started.update)
        session.run_moved.connect(model.move_run)
        session.runs_changed.connect(self._follow_runs)
        session.training_finished.connect(lambda end: self._open_baseline(end))
        library.entries_changed.connect(self._rebuild)
        library.shown_changed.connect(lambda workspace: self._refresh_eyes(workspace))
        for changed in (
            session.compared_changed,
            session.training_started,
            session.training_finished,
            session.teacher_changed,
            session.image_changed,
        ):
            changed.connect(model.refresh)
        model.dataChanged.connect(self._refresh)
        model.rowsInserted.connect(lambda parent, *_: None if parent.isValid() else self.view.open_sections())
        QGuiApplication.instance().applicationStateChanged.connect(self._application_changed)
        follow_theme(self, lambda _: model.refresh())

    # -- rows and selection

    def selected_rows(self) -> list[Row]:
        """The selected rows, from the top."""
        indexes = self.view.selectionModel().selectedRows(NAME) if self.view.model() else []
        chosen = {self.filter.mapToSource(index).internalId() for index in indexes}
        return [row for row in self.model.root.walk() if row.number in chosen] if chosen else []

    def selected(self) -> Path | None:
        """The selected run."""
        return next((row.run for row in self.selected_rows() if row.kind is Kind.RUN), None)

    def index_of(self, key: str) -> QModelIndex:
        """The visible row of a model, run or picture; invalid if it is filtered out."""
        row = self.model.find(key)
        if row is None:
            return QModelIndex()
        return self.filter.mapFromSource(self.model.index_of(row, NAME))

    def select(self, *selected: str | Path) -> None:
        """Select the rows of models, runs or pictures, the last of them the current one."""
        keys = list(map(str, selected))
        flag = QItemSelectionModel.SelectionFlag
        rows = flag.Select | flag.Rows
        self.view.selectionModel().clearSelection()
        for key in keys:
            index = self.index_of(key)
            self.view.setCurrentIndex(index)
            self.view.selectionModel().select(index, rows)
        for key in keys[:-1]:
            self.view.selectionModel().select(self.index_of(key), rows)

    def set_workspace(self, workspace: Workspace) -> None:
        """Show the eyes of the workspace at hand."""
        self.model.set_workspace(workspace)
        self.filter.invalidate()

    # -- reacting

    def _rebuild(self) -> None:
        self.model.rebuild()
        if set(self._session.library.files) - set(self._session.library.headers):
            self.scanner.read_states()

    def _follow_runs(self, runs: list[Path]) -> None:
        self.model.rebuild()
        if set(runs) - set(self._session.library.states):
            self.scanner.read_states()

    def _refresh_eyes(self, workspace: Workspace) -> None:
        if workspace == self.model.facts.workspace or self.model.facts.workspace == "Train":
            self.model.refresh()
            self.filter.follow_eyes()

    def _open_baseline(self, end: object) -> None:
        """Open a run whose baseline is shown, too."""
        for row in self.model.root.walk():
            if row.kind is Kind.NETWORK and self.model.facts.is_shown_anywhere(row):
                self.view.expand(self.index_of(str(row.run)).siblingAtColumn(0))

    def _refresh(self, *_: object) -> None:
        self.actions.refresh()

    def _toggle(self, index: QModelIndex) -> None:
        """Change the eye that was clicked; one of a selected row changes those of all selected rows."""
        self._click.start()
        row, rows = self.model.row_at(self.filter.mapToSource(index)), self.selected_rows()
        if self.model.facts.eye(row) is None:
            if reason := self.model.facts.reason(row):
                self._session.announce(f"{self.model.facts.name(row)}: {reason[0].lower()}{reason[1:]}")
            return
        is_open = self.model.facts.eye(row)
        chosen = rows if row in rows else [row]
        self.model.facts.toggle([one for one in chosen if self.model.facts.eye(one) == is_open])

    def _clicked(self, index: QModelIndex) -> None:
        """Show the curves of a run in Train, without going there."""
        row = self.model.row_at(self.filter.mapToSource(index))
        if row.kind in (Kind.SECTION, Kind.SNAPSHOTS):
            place = index.siblingAtColumn(0)
            self.view.setExpanded(place, not self.view.isExpanded(place))
            return
        alone = len(self.selected_rows()) == 1
        if row.kind is Kind.RUN and row.run is not None and alone and not self._click.isActive():
            self._session.select_run(row.run)

    def _edit_name(self) -> None:
        self.view.edit(self.view.currentIndex().siblingAtColumn(NAME))

    def _show_menu(self, at: QPoint) -> None:
        index = self.view.indexAt(at)
        if index.isValid() and not self.view.selectionModel().isSelected(index):
            self.view.setCurrentIndex(index)
        if self.selected_rows():
            self.make_menu().popup(self.view.viewport().mapToGlobal(at))

    def make_menu(self) -> QMenu:
        """The commands for the selected rows, and their colours."""
        self._refresh()
        menu = QMenu(self, toolTipsVisible=True)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in MENU:
            if not name:
                menu.addSeparator()
            elif name != "use_teacher":
                menu.addAction(self.actions[name])
            else:
                menu.addAction(self.actions[name])
                self._add_colours(menu.addMenu("Colour"))
        return menu

    def _add_colours(self, menu: QMenu) -> None:
        keys = [row.key for row in self.selected_rows() if self.model.facts.eye(row) is not None]
        for number, name in enumerate(COLOUR_NAMES):
            swatch = icon("square", current_theme().student_colour(number))
            menu.addAction(swatch, name, partial(self._session.library.set_colour, keys, number))
        menu.setEnabled(bool(keys))

    def _add_model(self, path: Path | None) -> None:
        if path is not None:
            self._session.open_paths(
                [path], "Benchmark" if self.model.facts.workspace == "Benchmark" else "Compare"
            )

    def _add_pictures(self) -> None:
        session = self._session
        if session.image is None:
            session.report("Open an image first; then add another tool's result for it.")
            return
        for path in ask_images(self, "Add another tool's pictures of the open image"):
            session.library.add_picture(path, session.image.path)

    def _application_changed(self, state: Qt.ApplicationState) -> None:
        if state is Qt.ApplicationState.ApplicationActive and self.isVisible():
            self.scanner.scan_soon()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.scanner.set_running(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.scanner.set_running(False)

    # -- layout

    def _lay_out(self) -> None:
        self.search = QLineEdit(
            placeholderText="Search",
            accessibleName="Search the library",
            toolTip="Words of a name, a state, a student or a teacher",
            clearButtonEnabled=True,
            acceptDrops=False,
        )
        self.search.textChanged.connect(self.filter.search)
        add = icon_button("plus", "Add a model, a run or a picture", opens_menu=True, autoRaise=True)
        add.menu().addAction("Model file…", lambda: self._add_model(ask_model(self, "Add a model")))
        root = self._session.runs_root
        add.menu().addAction(
            "Run folder…", lambda: self._add_model(ask_folder(self, "Add a run folder", root))
        )
        add.menu().addAction("Another tool's picture…", self._add_pictures)
        self.filter_button = icon_button(
            "filter-outline", "Filter and order", opens_menu=True, autoRaise=True
        )
        self._fill_filter_menu(self.filter_button.menu())
        hide_all = QToolButton(autoRaise=True)
        hide_all.setDefaultAction(self.actions["hide_all"])
        top = QHBoxLayout(spacing=2)
        top.addWidget(self.search, 1)
        for button in (add, self.filter_button, hide_all):
            top.addWidget(button)
        self.resume_button = QPushButton("Resume")
        follow_action(self.resume_button, self.actions["resume"])
        below = QHBoxLayout(spacing=2)
        below.addWidget(self.resume_button, 1)
        for name in ("open_folder", "remove"):
            button = QToolButton(autoRaise=True)
            button.setDefaultAction(self.actions[name])
            below.addWidget(button)
        layout = QVBoxLayout(self, contentsMargins=QMargins(6, 6, 6, 6), spacing=4)
        layout.addLayout(top)
        layout.addWidget(self.view, 1)
        layout.addLayout(below)

    def _fill_filter_menu(self, menu: QMenu) -> None:
        for choices, chosen, choose in (
            (Filter, Filter.ALL, self.filter.choose),
            (Sort, Sort.NEWEST, self.model.set_sort),
        ):
            group = QActionGroup(menu)
            for choice in choices:
                entry = QAction(choice.value, group, checkable=True, checked=choice is chosen)
                entry.triggered.connect(lambda _=False, choose=choose, choice=choice: choose(choice))
                menu.addAction(entry)
            menu.addSeparator()

    def minimumSizeHint(self) -> QSize:
        """Keep the list usable after the window was narrow for a while."""
        return super().minimumSizeHint().expandedTo(QSize(MIN_WIDTH, 0))
