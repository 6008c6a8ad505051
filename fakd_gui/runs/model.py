"""The runs as a list model, newest first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QIcon

from fakd_core.runs.states import RunState
from fakd_gui.session.run_folders import started_at
from fakd_gui.session.session import Session
from fakd_gui.widgets.theme import current_theme, icon

Index = QModelIndex | QPersistentModelIndex
RUN_ROLE, STATE_ROLE, SEARCH_ROLE, ICON_ROLE = (Qt.ItemDataRole.UserRole + number for number in range(4))
TIP = "Click to show this run's curves and add its student. Check to overlay its curves."


class RunModel(QAbstractListModel):
    """Runs with their states; checked ones are compared, and editing a name renames the folder."""

    check_toggled = Signal()
    """The user checked or unchecked a run."""

    def __init__(
        self, session: Session, rename: Callable[[Path, str], bool], parent: QObject | None = None
    ) -> None:
        """Make an empty model; `rename` renames a run, and returns False if the name was refused."""
        super().__init__(parent)
        self._session = session
        self._rename = rename
        self.runs: list[Path] = []
        self.started: dict[Path, float] = {}
        """Start times as they were last read, for the order of the runs."""
        self.states: dict[Path, RunState] = {}
        session.run_moved.connect(self._move)
        for changed in (session.compared_changed, session.training_started, session.training_finished):
            changed.connect(self.refresh)

    def set_runs(self, runs: Iterable[Path]) -> bool:
        """List `runs`, the newest first; returns False if they are listed already."""
        ordered = sorted(runs, key=self._started, reverse=True)
        if ordered == self.runs:
            return False
        if not self.runs:
            self.beginResetModel()
            self.runs = ordered
            self.endResetModel()
            return True
        # Row by row, so that selection, scroll position and the editor of a name stay.
        nowhere = QModelIndex()
        for row in reversed(range(len(self.runs))):
            if self.runs[row] not in ordered:
                self.beginRemoveRows(nowhere, row, row)
                del self.runs[row]
                self.endRemoveRows()
        listed = set(self.runs)
        self._reorder([run for run in ordered if run in listed])
        for row, run in enumerate(ordered):
            if run not in listed:
                self.beginInsertRows(nowhere, row, row)
                self.runs.insert(row, run)
                self.endInsertRows()
        return True

    def _reorder(self, runs: list[Path]) -> None:
        """List the same runs in another order."""
        if runs != self.runs:
            self.layoutAboutToBeChanged.emit()
            before, rows = self.persistentIndexList(), {run: row for row, run in enumerate(runs)}
            after = [self.index(rows[self.runs[index.row()]]) for index in before]
            self.runs = runs
            self.changePersistentIndexList(before, after)
            self.layoutChanged.emit()

    def _started(self, run: Path) -> float:
        """The time at which the run started; infinity while it is being set up."""
        if run not in self.started:
            try:
                self.started[run] = started_at(run)
            except OSError:
                return inf
        return self.started[run]

    def set_states(self, states: Mapping[Path, RunState]) -> None:
        """Show the states that were read, and why trainings of this session failed."""
        failures = self._session.failures
        new = {
            run: replace(state, failure=failures[run].text if run in failures else "")
            for run, state in states.items()
        }
        if new != self.states:
            self.states = new
            self.refresh()

    def refresh(self, *_: object) -> None:
        if self.runs:
            self.dataChanged.emit(self.index(0), self.index(len(self.runs) - 1))

    def is_training(self, run: Path) -> bool:
        """True if this window is training `run`."""
        return self._session.training_run == run

    def _move(self, run: Path, to: Path | None) -> None:
        if to is not None and run in self.runs:
            self.runs[self.runs.index(run)] = to
            if run in self.started:
                self.started[to] = self.started.pop(run)
            if run in self.states:
                self.states[to] = self.states.pop(run)
            self.refresh()

    # -- Qt's model ----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.runs)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        run = self.runs[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.EditRole:
                return shown_name(run)
            case Qt.ItemDataRole.CheckStateRole:
                is_compared = run in self._session.compared
                return Qt.CheckState.Checked if is_compared else Qt.CheckState.Unchecked
            case Qt.ItemDataRole.FontRole:
                font = QFont()
                font.setBold(self.is_training(run))
                return font
            case Qt.ItemDataRole.ToolTipRole:
                return "\n".join(filter(None, (str(run.with_name(shown_name(run))), self._note(run), TIP)))
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(filter(None, (shown_name(run), self._state_text(run), self._note(run))))
        if role == RUN_ROLE:
            return run
        if role == STATE_ROLE:
            return self._state_text(run)
        if role == SEARCH_ROLE:
            models = self.states[run].models if run in self.states else ""
            return f"{shown_name(run)} {self._state_text(run)} {models}"
        return self._icon(run) if role == ICON_ROLE else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        run = self.runs[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole:
            self.check_toggled.emit()
            self._session.toggle_comparison(run)
        elif value != shown_name(run):
            return self._rename(run, str(value))
        return True

    def _state_text(self, run: Path) -> str:
        state = self.states.get(run)
        if state is None:
            return "running" if self.is_training(run) else ""
        return state.summary()

    def _note(self, run: Path) -> str:
        """The reason why the run can't be used, or the owner of its training."""
        state = self.states.get(run)
        if state is None:
            return ""
        is_elsewhere = state.owner and not self.is_training(run)
        owner = f"It is being trained by {state.owner}." if is_elsewhere else ""
        return state.problem or state.failure or owner

    def _icon(self, run: Path) -> QIcon:
        state, theme = self.states.get(run), current_theme()
        if self.is_training(run) or (state and state.in_use):
            return icon("play-circle-outline", theme.accent)
        if state is None:
            return icon("circle-outline", theme.border)
        if state.problem or (state.failure and not state.finished):
            return icon("alert-circle-outline", theme.bad)
        if state.finished:
            return icon("check-circle-outline", theme.good)
        return icon("pause-circle-outline", theme.muted)


def shown_name(run: Path) -> str:
    """The folder's name with replacements for bytes that aren't UTF-8."""
    return os.fsencode(run.name).decode("utf-8", "replace")
