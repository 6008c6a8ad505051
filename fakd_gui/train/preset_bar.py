"""The preset that the settings are of, and the menu of presets and settings files."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QWidget,
)

from fakd_core.errors import ConfigError
from fakd_core.runs.presets import PRESETS, user_presets
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.editors import choice
from fakd_gui.train.state import CUSTOM, TrainState
from fakd_gui.widgets.theme import Theme, follow_theme, icon, restyle


class PresetBar(QWidget):
    """A list of presets and a menu button."""

    def __init__(self, state: TrainState, commands: TrainCommands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._commands = commands
        self.combo = choice([])
        self.button = QToolButton()
        self.menu = QMenu(self)
        self.naming = NameRow()
        """Shown below the bar while the user enters a name."""
        self._make_menu()
        self._lay_out()
        self.combo.activated.connect(lambda _: self._activated())
        state.preset_changed.connect(self._refresh)
        follow_theme(self, self._apply_theme)
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

    def _make_menu(self) -> None:
        state, commands = self._state, self._commands
        commands.on("save_preset", lambda: self.naming.ask(commands.save_preset, state.last_user_preset))
        commands.on("rename_preset", lambda: self.naming.ask(commands.rename_preset, state.preset))
        self.naming.accepted.connect(self.combo.setFocus)
        for name in ("save_preset", "rename_preset", "delete_preset", "", "load_settings", "save_settings"):
            if name:
                self.menu.addAction(commands[name])
            else:
                self.menu.addSeparator()
        self.button.setMenu(self.menu)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.button.setToolTip("Save, load, rename or delete presets and settings files")
        self.button.setAccessibleName("Presets and settings files")
        self.button.setIconSize(QSize(16, 16))

    def _lay_out(self) -> None:
        # A proxy set later removes the two from the Tab order: Qt stops at the menu.
        self.setFocusProxy(self.combo)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.button)

    def _apply_theme(self, theme: Theme) -> None:
        self.button.setIcon(icon("dots-horizontal"))


class NameRow(QWidget):
    """Asks for the name of a preset: Enter accepts it, Esc cancels."""

    accepted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._use: Callable[[str], None] | None = None
        self.edit = QLineEdit()
        self.edit.setAcceptDrops(False)
        self.edit.setPlaceholderText("Name of the preset")
        self.edit.setAccessibleName("Name of the preset")
        self.edit.setToolTip("Enter saves, Esc cancels")
        self.edit.setMinimumWidth(80)
        self.save = QPushButton("Save")
        self.reason = QLabel()
        self.reason.setProperty("role", "error")
        self.reason.setWordWrap(True)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.edit, 0, 0)
        layout.addWidget(self.save, 0, 1)
        layout.addWidget(self.reason, 1, 0, 1, 2)
        self.edit.returnPressed.connect(self._accept)
        self.save.clicked.connect(self._accept)
        self.edit.textEdited.connect(lambda _: self._show_reason(""))
        QShortcut("Esc", self.edit, self.hide, context=Qt.ShortcutContext.WidgetShortcut)
        self.hide()

    def ask(self, use: Callable[[str], None], name: str) -> None:
        """Suggest `name`, and call `use` with the one that is entered until it raises no `ConfigError`."""
        self._use = use
        self._show_reason("")
        self.edit.setText(name)
        self.edit.selectAll()
        self.show()
        self.edit.setFocus()

    def _accept(self) -> None:
        assert self._use is not None
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
