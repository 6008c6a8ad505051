"""The runs on the left: show one, continue an unfinished one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem, QMenu, QPushButton, QVBoxLayout, QWidget

from fakd_core.errors import FakdError
from fakd_gui.run_folders import has_student
from fakd_gui.session import Session


class RunList(QWidget):
    """Runs of this session and those found in the runs folder, the newest first."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.list = QListWidget()
        self.list.setAccessibleName("Runs")
        self.list.setSpacing(2)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # A window that was narrow for a while must not leave a sliver.
        self.setMinimumWidth(130)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.list.itemClicked.connect(lambda item: session.select_run(_run_of(item)))
        self.list.itemActivated.connect(lambda item: session.select_run(_run_of(item)))
        self.empty = QLabel("Runs appear here.\nDrop a run folder to see its curves.")
        self.empty.setProperty("role", "muted")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.continue_button = QPushButton("Continue run")
        self.continue_button.setToolTip("Go on with the selected run from its last checkpoint, exactly")
        self.continue_button.clicked.connect(self.continue_selected)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addWidget(self.empty)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.continue_button)
        self.list.itemSelectionChanged.connect(self._show_state)
        session.runs_changed.connect(self._show_runs)
        session.training_started.connect(lambda _: self._mark_running())
        session.training_finished.connect(lambda _: self._mark_running())
        self._show_runs(session.runs)

    def continue_selected(self) -> None:
        """Resume the selected run; what stands in the way goes to the session's errors."""
        run = self.selected()
        if run is None or self.session.training is not None:
            return
        from fakd_core.run_record import read_config

        try:
            config = read_config(run)
        except FakdError as error:
            self.session.error.emit(str(error))
            return
        self.session.start_training(config, resume=True)

    def selected(self) -> Path | None:
        items = self.list.selectedItems()
        return _run_of(items[0]) if items else None

    def _show_runs(self, runs: list[Path]) -> None:
        chosen = self.selected()
        self.list.clear()
        for run in runs:
            item = QListWidgetItem(run.name)
            item.setData(Qt.ItemDataRole.UserRole, str(run))
            item.setToolTip(f"{run}\nClick: show its curves and take its student along")
            self.list.addItem(item)
            item.setSelected(run == chosen)
        self.list.setVisible(bool(runs))
        self.empty.setVisible(not runs)
        self._mark_running()

    def _mark_running(self) -> None:
        config = self.session.training_config if self.session.training is not None else None
        for row in range(self.list.count()):
            item = self.list.item(row)
            font = item.font()
            font.setBold(config is not None and config.run == _run_of(item))
            item.setFont(font)
        self._show_state()

    def _show_state(self) -> None:
        self.continue_button.setVisible(self.list.count() > 0)
        self.continue_button.setEnabled(self.selected() is not None and self.session.training is None)

    def _show_menu(self, at: QPoint) -> None:
        item = self.list.itemAt(at)
        if item is None:
            return
        run = _run_of(item)
        menu = QMenu(self)
        menu.addAction("Show", lambda: self.session.select_run(run))
        proceed = menu.addAction("Continue run", self.continue_selected)
        proceed.setEnabled(self.session.training is None)
        compare = menu.addAction("Use its student", lambda: self.session.add_student(str(run)))
        compare.setEnabled(has_student(run))
        menu.addAction("Open folder", lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(run))))
        menu.popup(self.list.mapToGlobal(at))


def _run_of(item: QListWidgetItem) -> Path:
    return Path(item.data(Qt.ItemDataRole.UserRole))
