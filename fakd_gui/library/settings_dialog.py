"""The settings of a run, and what differs between two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from fakd_core.runs.config import read_config
from fakd_core.runs.option_help import training_options
from fakd_gui.session.session import Session


def settings_of(run: Path) -> dict[str, str]:
    """The settings of `run` as texts, by the name of the option; raises `FakdError` if they can't be read."""
    config = read_config(run)
    return {name: _text(getattr(config, name)) for name in training_options() if name != "run"}


class SettingsDialog(QDialog):
    """A table with a line per option and a column per run; of two runs, what differs comes first."""

    def __init__(self, session: Session, runs: Sequence[Path], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        names = " and ".join(run.name for run in runs)
        self.setWindowTitle(f"Settings of {names}" if len(runs) == 1 else f"What differs between {names}")
        self.differences = QCheckBox("Only what differs", checked=True, visible=len(runs) > 1)
        self.table = QTableWidget(0, 1 + len(runs), editTriggers=QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setAccessibleName(self.windowTitle())
        self.table.setHorizontalHeaderLabels(["Setting", *(run.name for run in runs)])
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.differences.toggled.connect(lambda _: self._fill())
        self._settings: list[dict[str, str]] = []
        with session.reporting():
            self._settings = [settings_of(run) for run in runs]
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, rejected=self.reject)
        layout = QVBoxLayout(self)
        for widget in (self.differences, self.table, buttons):
            layout.addWidget(widget)
        self.resize(220 + 240 * len(runs), 460)
        self._fill()

    def _fill(self) -> None:
        self.table.setRowCount(0)
        options = training_options()
        only = len(self._settings) > 1 and self.differences.isChecked()
        for name in self._settings[0] if self._settings else ():
            values = [settings[name] for settings in self._settings]
            if only and len(set(values)) == 1:
                continue
            row = self.table.rowCount()
            self.table.insertRow(row)
            for column, text in enumerate((options[name].title, *values)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(row, column, item)


def _text(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
