"""The list of runs: find, show, compare, resume, rename and delete them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import (
    QFileSystemWatcher,
    QMargins,
    QModelIndex,
    QPoint,
    QRegularExpression,
    QSize,
    QSortFilterProxyModel,
    Qt,
    QTimer,
)
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fakd_core.runs.states import read_states
from fakd_gui.runs.commands import RunCommands
from fakd_gui.runs.delegate import RunDelegate
from fakd_gui.runs.model import RUN_ROLE, SEARCH_ROLE, RunModel
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.run_folders import RunScan, scan_runs
from fakd_gui.session.session import Session
from fakd_gui.widgets.actions import follow_action
from fakd_gui.widgets.theme import follow_theme, with_role

READ_MS = 4000
"""Interval of reading the states while the list is visible."""
SETTLE_MS = 300
"""Time until a folder that another program creates is complete."""
MIN_WIDTH = 148
EMPTY = "Runs appear here.\nDrop a run folder to see its curves."


class RunList(QWidget):
    """Runs of this session and those in the runs folder, newest first; changes of the folder are noticed."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.view = QListView(
            accessibleName="Runs",
            uniformItemSizes=True,
            editTriggers=QListView.EditTrigger.NoEditTriggers,
            horizontalScrollBarPolicy=Qt.ScrollBarPolicy.ScrollBarAlwaysOff,
            contextMenuPolicy=Qt.ContextMenuPolicy.CustomContextMenu,
        )
        self.actions = RunCommands(
            session,
            self.view,
            selected=self.selected,
            edit_name=lambda: self.view.edit(self.view.currentIndex()),
        )
        self.model = RunModel(session, self.actions.rename, self)
        self._filter = QSortFilterProxyModel(
            self, filterRole=SEARCH_ROLE, filterCaseSensitivity=Qt.CaseSensitivity.CaseInsensitive
        )
        self._filter.setSourceModel(self.model)
        self._scanner = LatestWins("find the runs", self, result=self._take_scan)
        self._reader = LatestWins("read the runs' states", self, result=self.model.set_states)
        self._clock = QTimer(self, interval=READ_MS, timeout=self.read_states)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS, timeout=self.scan)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(lambda _: self._settle.start())
        QGuiApplication.instance().applicationStateChanged.connect(self._application_changed)
        self._toggle = QTimer(self, singleShot=True, interval=0)
        """Runs while the press that checked or unchecked a run is handled."""
        self.view.setModel(self._filter)
        self.view.setItemDelegate(RunDelegate(self.view))
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.clicked.connect(self._clicked)
        self.view.selectionModel().selectionChanged.connect(self._refresh)
        self._lay_out()
        self.model.check_toggled.connect(self._toggle.start)
        self.model.dataChanged.connect(self._refresh)
        session.runs_changed.connect(self._show_runs)
        for changed in (session.training_started, session.training_finished):
            changed.connect(lambda _: self._settle.start())
        follow_theme(self, self.model.refresh)
        self._show_runs(session.runs)

    def scan(self) -> None:
        """Add new runs, remove those that are gone, and read the states, on a thread."""
        root, runs = self._session.runs_root, list(self._session.runs)
        self._scanner.submit(lambda token: scan_runs(root, runs))

    def _take_scan(self, scan: RunScan) -> None:
        if scan.known != tuple(self._session.runs):
            self.scan()  # A run was renamed or added meanwhile.
            return
        self.model.started |= scan.started
        for run in scan.gone:
            if not self.model.is_training(run):
                self._session.move_run(run, None)
        self._session.add_runs(scan.started)
        self._show_runs(self._session.runs)
        self._watch(scan.folders)
        self.read_states()

    def read_states(self) -> None:
        """Read the states again, on a thread."""
        runs, known = list(self._session.runs), dict(self.model.states)
        if runs and not self._reader.running:
            self._reader.submit(lambda token: read_states(runs, known, token))

    def selected(self) -> Path | None:
        indexes = self.view.selectedIndexes()
        return indexes[0].data(RUN_ROLE) if indexes else None

    def select(self, run: Path) -> None:
        """Select `run` if it is listed and not filtered out."""
        for row in range(self._filter.rowCount()):
            index = self._filter.index(row, 0)
            if index.data(RUN_ROLE) == run:
                self.view.setCurrentIndex(index)

    # -- reacting ------------------------------------------------------------------------------------

    def _show_runs(self, runs: list[Path]) -> None:
        selected = self.selected()
        if self.model.set_runs(runs):
            if selected is not None:
                self.select(selected)
            self.read_states()
        self.empty.setVisible(not runs)
        for widget in (self.view, self.search, self.tools):
            widget.setVisible(bool(runs))
        self._refresh()

    def _refresh(self, *_: object) -> None:
        self.actions.refresh(self.model.states.get(self.selected()))

    def _search(self, text: str) -> None:
        """List the runs that have every word of `text` in their name, state, student or teachers."""
        words = map(QRegularExpression.escape, text.split())
        self._filter.setFilterRegularExpression("".join(f"(?=.*{word})" for word in words))

    def _clicked(self, index: QModelIndex) -> None:
        """Show the run, unless the click was on its check box."""
        if not self._toggle.isActive():
            self._session.select_run(index.data(RUN_ROLE))

    def _show_menu(self, at: QPoint) -> None:
        index = self.view.indexAt(at)
        if index.isValid():
            self.view.setCurrentIndex(index)
        if self.selected() is not None:
            self.make_menu().popup(self.view.viewport().mapToGlobal(at))

    def make_menu(self) -> QMenu:
        """The commands for the selected run."""
        self._refresh()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([self.actions[name] for name in self.actions.commands])
        return menu

    def _watch(self, folders: Sequence[Path]) -> None:
        wanted, watched = set(map(str, folders)), set(self._watcher.directories())
        if watched - wanted:
            self._watcher.removePaths(list(watched - wanted))
        if wanted - watched:
            self._watcher.addPaths(list(wanted - watched))

    def _application_changed(self, state: Qt.ApplicationState) -> None:
        if state is Qt.ApplicationState.ApplicationActive and self.isVisible():
            self._settle.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._clock.start()
        self._settle.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()

    # -- layout --------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.search = QLineEdit(
            placeholderText="Search runs",
            accessibleName="Search runs",
            toolTip="Words of a run's name, state, student or teacher",
            clearButtonEnabled=True,
            acceptDrops=False,
        )
        self.search.textChanged.connect(self._search)
        self.empty = with_role(QLabel(EMPTY, wordWrap=True, alignment=Qt.AlignmentFlag.AlignTop), "muted")
        self.resume_button = QPushButton("Resume")
        follow_action(self.resume_button, self.actions["resume"])
        self.tools = QWidget()
        row = QHBoxLayout(self.tools, contentsMargins=QMargins(), spacing=2)
        row.addWidget(self.resume_button, 1)
        for name in ("open_folder", "trash"):
            button = QToolButton(autoRaise=True)
            button.setDefaultAction(self.actions[name])
            row.addWidget(button)
        layout = QVBoxLayout(self, contentsMargins=QMargins(8, 6, 8, 8))
        layout.addWidget(self.search)
        layout.addWidget(self.empty)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.tools)

    def minimumSizeHint(self) -> QSize:
        """Keep the list usable after the window was narrow for a while."""
        return super().minimumSizeHint().expandedTo(QSize(MIN_WIDTH, 0))
