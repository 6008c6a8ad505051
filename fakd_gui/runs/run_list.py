"""The runs on the left: find, show, compare, continue, rename and delete them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fakd_core.runs.states import RunState, read_states
from fakd_gui.models.export import ModelExporter
from fakd_gui.runs.actions import RunActions
from fakd_gui.runs.delegate import PATH, WORDS, RunDelegate, make_item, run_of, show_state, shown_name
from fakd_gui.runs.watch import RunWatch
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.run_folders import begun, has_student, is_run
from fakd_gui.session.session import Session
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme, icon

LOOK_MS = 4000
"""How often the states are read anew while the list is seen."""
MINIMUM_WIDTH = 148
NO_MODIFIER = Qt.KeyboardModifier.NoModifier


class KeyList(QListWidget):
    """Some keys do something else than in other lists."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.on_key: Mapping[int, Callable[[], object]] = {}

    def keyPressEvent(self, event: QKeyEvent) -> None:
        act = self.on_key.get(event.key())
        if act is None or event.modifiers() not in (NO_MODIFIER, Qt.KeyboardModifier.KeypadModifier):
            super().keyPressEvent(event)
        else:
            act()


class RunList(QWidget):
    """Runs of this session and those found in the runs folder, the newest first."""

    settings_wanted = Signal(object)
    """The folder of a run whose settings are to be used for a new one."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.states: dict[Path, RunState] = {}
        self._ticked = False
        self._make_list()
        self._make_tools()
        self._reader = LatestWins("read the runs' states", self)
        self._reader.result.connect(self._take_states)
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self.look)
        self.doing = RunActions(session, self)
        self.exporter = ModelExporter(session, self)
        self._watch = RunWatch(self)
        self._watch.changed.connect(self.scan)
        QGuiApplication.instance().applicationStateChanged.connect(self._application_changed)
        self._lay_out()
        session.runs_changed.connect(self._show_runs)
        session.compared_changed.connect(lambda _: self._show_ticks())
        session.training_started.connect(lambda _: self._training_changed())
        session.training_finished.connect(lambda _: self._training_changed())
        follow_theme(self, self._apply_theme)
        self._show_runs(session.runs)

    # -- what is there -------------------------------------------------------------------------------

    def scan(self) -> None:
        """Find runs that came, let go of those that went, and read how far they are."""
        for run in list(self.session.runs):
            if not is_run(run) and not self.doing.is_mine(run):
                self.session.move_run(run, None)
        self.session.find_runs()
        self._watch.follow(self.session.runs_root)
        self.look()

    def look(self) -> None:
        """Read the states anew, on a thread."""
        runs, known = list(self.session.runs), dict(self.states)
        if runs and not self._reader.running:
            self._reader.submit(lambda token: read_states(runs, known, token))

    def selected(self) -> Path | None:
        items = self.list.selectedItems()
        return run_of(items[0]) if items else None

    # -- actions -------------------------------------------------------------------------------------

    def show_selected(self) -> None:
        self._with_selected(self.session.select_run)

    def continue_selected(self) -> None:
        """Resume the selected run from its last checkpoint."""
        self._with_selected(self.doing.proceed)

    def rename_selected(self) -> None:
        """Edit the name in place."""
        run, items = self.selected(), self.list.selectedItems()
        if run is not None and self.doing.may_move(run, "renamed"):
            self.list.editItem(items[0])

    def delete_selected(self) -> None:
        """Move the selected run to the trash; where the system says where it is, that can be undone."""
        self._with_selected(self.doing.delete)

    def open_selected(self) -> None:
        """Show the selected run's folder in the system's file manager."""
        self._with_selected(lambda run: QDesktopServices.openUrl(QUrl.fromLocalFile(str(run))))

    def _with_selected(self, act: Callable[[Path], object]) -> None:
        run = self.selected()
        if run is not None:
            act(run)

    # -- showing -------------------------------------------------------------------------------------

    def _show_runs(self, runs: list[Path]) -> None:
        ordered = sorted(runs, key=begun, reverse=True)
        if ordered != [run_of(item) for item in self._items()]:
            chosen = self.selected()
            self.list.blockSignals(True)
            self.list.clear()
            for run in ordered:
                item = make_item(run, run in self.session.compared)
                self.list.addItem(item)
                if run == chosen:
                    self.list.setCurrentItem(item)
            self.list.blockSignals(False)
            self.look()
        self.empty.setVisible(not runs)
        for widget in (self.list, self.search, self.tools):
            widget.setVisible(bool(runs))
        self._show_states()

    def _take_states(self, states: object) -> None:
        assert isinstance(states, dict)
        failures = self.session.failures
        states = {
            run: replace(state, failure=failures[run].text if run in failures else "")
            for run, state in states.items()
        }
        changed = states != self.states
        self.states = states
        if changed:
            self._show_states()

    def _show_states(self) -> None:
        theme = current_theme()
        self.list.blockSignals(True)
        for item in self._items():
            run = run_of(item)
            show_state(item, self.states.get(run), self.doing.is_mine(run), theme)
        self.list.blockSignals(False)
        self.list.viewport().update()
        self._filter()
        self._show_buttons()

    def _show_ticks(self) -> None:
        self.list.blockSignals(True)
        for item in self._items():
            ticked = run_of(item) in self.session.compared
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        self.list.blockSignals(False)
        self.list.viewport().update()

    def _filter(self) -> None:
        """Every word must be in the name, the state, or the names of student and teacher."""
        words = self.search.text().lower().split()
        for item in self._items():
            text = item.data(WORDS) or item.text().lower()
            item.setHidden(not all(word in text for word in words))

    def _show_buttons(self) -> None:
        run = self.selected()
        state = self.states.get(run) if run is not None else None
        finished = state is not None and state.finished
        self.continue_button.setEnabled(run is not None and self.session.training is None and not finished)
        reason = (
            "It is finished" if finished else "Go on with the selected run from its last checkpoint, exactly"
        )
        self.continue_button.setToolTip(reason)
        for button in (self.folder_button, self.delete_button):
            button.setEnabled(run is not None)

    def _training_changed(self) -> None:
        self._show_states()
        self._watch.look_soon()

    # -- reacting ------------------------------------------------------------------------------------

    def _clicked(self, item: QListWidgetItem) -> None:
        """A click on the box compares, one beside it shows."""
        if not self._ticked:
            self.session.select_run(run_of(item))

    def _changed(self, item: QListWidgetItem) -> None:
        run = run_of(item)
        ticked = item.checkState() is Qt.CheckState.Checked
        if item.text() != shown_name(run):
            self._rename(run, item)
        elif ticked != (run in self.session.compared):
            self._ticked = True
            QTimer.singleShot(0, self._forget_tick)
            others = [other for other in self.session.compared if other != run]
            self.session.compare_runs([*others, run] if ticked else others)

    def _forget_tick(self) -> None:
        self._ticked = False

    def _rename(self, run: Path, item: QListWidgetItem) -> None:
        to = self.doing.rename(run, item.text())
        self.list.blockSignals(True)
        item.setText(shown_name(to or run))
        item.setData(PATH, to or run)
        self.list.blockSignals(False)
        if to is not None:
            if run in self.states:
                self.states[to] = self.states.pop(run)
            self.session.move_run(run, to)

    def _application_changed(self, state: Qt.ApplicationState) -> None:
        if state is Qt.ApplicationState.ApplicationActive and self.isVisible():
            self._watch.look_soon()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._clock.start()
        self._watch.look_soon()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()

    def _show_menu(self, at: QPoint) -> None:
        item = self.list.itemAt(at) or self.list.currentItem()
        if item is not None:
            self.list.setCurrentItem(item)
            self.menu_of(run_of(item)).popup(self.list.mapToGlobal(at))

    def menu_of(self, run: Path) -> QMenu:
        """What can be done with `run`, the selected one."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        free = self.session.training is None
        compared = run in self.session.compared
        others = [other for other in self.session.compared if other != run]
        entries = (
            ("Show", self.show_selected, "Return", True),
            ("Continue run", self.continue_selected, "", free and self.continue_button.isEnabled()),
            (
                "Compare no longer" if compared else "Compare",
                lambda: self.session.compare_runs(others if compared else [*others, run]),
                "Space",
                True,
            ),
            ("Use its student", lambda: self.session.add_student(str(run)), "", has_student(run)),
            ("Export its student…", lambda: self.exporter.choose(str(run)), "", has_student(run)),
            ("Use its settings", lambda: self.settings_wanted.emit(run), "", True),
            ("Open folder", self.open_selected, "", True),
            ("Rename…", self.rename_selected, "F2", not self.doing.is_mine(run)),
            ("Move to the trash", self.delete_selected, "Del", not self.doing.is_mine(run)),
        )
        for text, act, key, enabled in entries:
            entry = menu.addAction(f"{text}\t{key}" if key else text, act)
            entry.setEnabled(enabled)
        return menu

    # -- making --------------------------------------------------------------------------------------

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _make_list(self) -> None:
        self.list = KeyList()
        self.list.setAccessibleName("Runs")
        self.list.setItemDelegate(RunDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setEditTriggers(QListWidget.EditTrigger.NoEditTriggers)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.list.itemClicked.connect(self._clicked)
        self.list.itemChanged.connect(self._changed)
        self.list.itemSelectionChanged.connect(self._show_buttons)
        self.list.on_key = {
            Qt.Key.Key_F2: self.rename_selected,
            Qt.Key.Key_Delete: self.delete_selected,
            Qt.Key.Key_Return: self.show_selected,
            Qt.Key.Key_Enter: self.show_selected,
        }
        self.empty = QLabel("Runs appear here.\nDrop a run folder to see its curves.")
        self.empty.setProperty("role", "muted")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)

    def _make_tools(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search runs")
        self.search.setAccessibleName("Search runs")
        self.search.setToolTip("Words of a run's name, state, student or teacher")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _: self._filter())
        self.continue_button = QPushButton("Continue")
        self.continue_button.clicked.connect(self.continue_selected)
        self.folder_button, self.delete_button = QToolButton(), QToolButton()
        for button, tip, act in (
            (self.folder_button, "Open the run's folder", self.open_selected),
            (self.delete_button, "Move the run to the trash (Del)", self.delete_selected),
        ):
            button.setAutoRaise(True)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.clicked.connect(act)

    def _apply_theme(self, theme: Theme) -> None:
        self.folder_button.setIcon(icon("folder-open-outline"))
        self.delete_button.setIcon(icon("trash-can-outline"))
        self._show_states()

    def _lay_out(self) -> None:
        self.tools = QWidget()
        row = QHBoxLayout(self.tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.continue_button, 1)
        row.addWidget(self.folder_button)
        row.addWidget(self.delete_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        for widget in (self.search, self.empty):
            layout.addWidget(widget)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.tools)
        self._keep_width()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._keep_width()

    def _keep_width(self) -> None:
        """A window that was narrow for a while must not leave a sliver."""
        margins = self.layout().contentsMargins()
        needed = self.tools.minimumSizeHint().width() + margins.left() + margins.right()
        self.setMinimumWidth(max(MINIMUM_WIDTH, needed))
