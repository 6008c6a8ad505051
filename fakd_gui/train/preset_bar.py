"""The preset that the settings are of, and the menu of presets and settings files."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QMargins, QSize, Qt, Signal
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from fakd_core.errors import ConfigError
from fakd_core.runs.presets import PRESETS, user_presets
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.editors import choice
from fakd_gui.train.state import CUSTOM, TrainState
from fakd_gui.widgets.image_tools import icon_button
from fakd_gui.widgets.theme import restyle, with_role


class PresetBar(QWidget):
    """A list of presets and a menu button."""

    def __init__(self, state: TrainState, commands: TrainCommands) -> None:
        super().__init__()
        self._state = state
        self._commands = commands
        self.combo = choice([])
        self.button = icon_button(
            "dots-horizontal",
            "Save, load, rename or delete presets and settings files",
            opens_menu=True,
            iconSize=QSize(16, 16),
        )
        self.menu = self.button.menu()
        self.menu.addActions([commands[f"{verb}_preset"] for verb in ("save", "rename", "delete")])
        self.menu.addSeparator()
        self.menu.addActions([commands["load_settings"], commands["save_settings"]])
        self.naming = NameRow()
        """Shown below the bar while the user enters a name."""
        self.naming.accepted.connect(self.combo.setFocus)
        commands.on("save_preset", lambda: self.naming.ask(commands.save_preset, state.last_user_preset))
        commands.on("rename_preset", lambda: self.naming.ask(commands.rename_preset, state.preset))
        # A proxy set later removes the two from the Tab order: Qt stops at the menu.
        self.setFocusProxy(self.combo)
        layout = QHBoxLayout(self, contentsMargins=QMargins(), spacing=4)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.button)
        self.combo.activated.connect(lambda _: self._activated())
        state.preset_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        """List the built-in presets, the user's, and Custom while it is shown."""
        self.combo.clear()
        self.combo.addItems(list(PRESETS))
        own = user_presets()
        if own:
            self.combo.insertSeparator(self.combo.count())
            self.combo.addItems(list(own))
        if self._state.preset == CUSTOM:
            self.combo.addItem(CUSTOM)
        self.combo.setCurrentText(self._state.preset)

    def _activated(self) -> None:
        if self.combo.currentText() not in ("", CUSTOM):
            self._commands.apply_preset(self.combo.currentText())


class NameRow(QWidget):
    """Asks for the name of a preset: Enter accepts it, Esc cancels."""

    accepted = Signal()

    def __init__(self) -> None:
        super().__init__(visible=False)
        self._use: Callable[[str], None] | None = None
        self.edit = QLineEdit(
            acceptDrops=False,
            placeholderText="Name of the preset",
            accessibleName="Name of the preset",
            toolTip="Enter saves, Esc cancels",
            minimumWidth=80,
        )
        self.save = QPushButton("Save")
        self.reason = with_role(QLabel(wordWrap=True), "error")
        layout = QGridLayout(self, contentsMargins=QMargins(), spacing=4)
        layout.addWidget(self.edit, 0, 0)
        layout.addWidget(self.save, 0, 1)
        layout.addWidget(self.reason, 1, 0, 1, 2)
        self.edit.returnPressed.connect(self._accept)
        self.save.clicked.connect(self._accept)
        self.edit.textEdited.connect(lambda _: self._show_reason(""))
        QShortcut("Esc", self.edit, self.hide, context=Qt.ShortcutContext.WidgetShortcut)

    def ask(self, use: Callable[[str], None], name: str) -> None:
        """Suggest `name`, and call `use` with the one that is entered until it raises no `ConfigError`."""
        self._use = use
        self._show_reason("")
        self.edit.setText(name)
        self.edit.selectAll()
        self.show()
        self.edit.setFocus()

    def _accept(self) -> None:
        try:
            self._use(self.edit.text().strip())
        except ConfigError as error:
            self._show_reason(str(error))
        else:
            self.hide()
            self.accepted.emit()

    def _show_reason(self, reason: str) -> None:
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))
        restyle(self.edit, invalid=bool(reason))
