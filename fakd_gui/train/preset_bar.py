"""Which preset the form shows, and the menu that keeps settings: own presets and TOML files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFileDialog,
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
from fakd_core.runs.presets import (
    PRESETS,
    SUFFIX,
    check_preset_name,
    preset_path,
    save_settings,
    user_presets,
)
from fakd_gui.session.session import Session
from fakd_gui.train.editors import choice
from fakd_gui.widgets.file_dialogs import ask_save_path
from fakd_gui.widgets.theme import Theme, follow_theme, icon
from fakd_gui.widgets.tweaks import restyle

CUSTOM = "Custom"
FILES = "Settings (*.toml);;All files (*)"


class PresetBar(QWidget):
    """`chosen` carries the name of a preset to show, `loaded` a file of settings."""

    chosen = Signal(str)
    loaded = Signal(object)

    def __init__(
        self, session: Session, values: Callable[[], Mapping[str, object]], parent: QWidget | None = None
    ) -> None:
        """`values` gives what is to be saved."""
        super().__init__(parent)
        self.session = session
        self._values = values
        self._last = ""
        """The name of the own preset that was shown last: what an edited one is saved as again."""
        self.combo = choice([])
        self.button = QToolButton()
        self.menu = QMenu(self)
        self.naming = NameRow()
        """Stands below the bar; hidden while no name is asked for."""
        self._naming: Callable[[str], None] = self.save_as
        self._make_menu()
        self._lay_out()
        self.list_presets()
        self.combo.activated.connect(lambda _: self._activated())
        self.naming.named.connect(self._named)
        follow_theme(self, self._apply_theme)

    @property
    def current(self) -> str:
        return self.combo.currentText()

    def set_current(self, name: str) -> None:
        """Show `name`, or that the settings are no preset's."""
        custom = self.combo.findText(CUSTOM)
        if name == CUSTOM and custom < 0:
            self.combo.addItem(CUSTOM)
        self.combo.setCurrentText(name)
        if name != CUSTOM and custom >= 0:
            self.combo.removeItem(custom)
        own = name in user_presets()
        if name != CUSTOM:
            self._last = name if own else ""
        self._rename.setEnabled(own)
        self._delete.setEnabled(own)

    def list_presets(self) -> None:
        """Those that come along, then a person's own."""
        name = self.current
        self.combo.clear()
        self.combo.addItems(list(PRESETS))
        own = user_presets()
        if own:
            self.combo.insertSeparator(self.combo.count())
            self.combo.addItems(list(own))
        self.set_current(name if name in {*PRESETS, *own} else CUSTOM)

    # -- own presets ---------------------------------------------------------------------------------

    def save_as(self, name: str) -> None:
        """Keep the settings as the preset `name`; an own one of that name is replaced."""
        path = preset_path(name)
        before = path.read_bytes() if path.exists() else None
        save_settings(path, self._values())
        self._show(name)
        if before is None:
            self.session.announce(f"Saved the preset {name}")
        else:
            saved = path.read_bytes()
            self.session.offer_undo(
                f"Replaced the preset {name}",
                lambda: self._put_back(name, before),
                lambda: self._put_back(name, saved),
            )

    def rename(self, name: str) -> None:
        """Give the own preset that is shown another name."""
        old = self.current
        path = preset_path(name)
        if path.exists() and name.lower() != old.lower():
            raise ConfigError(f"{name} is there already; choose another name.")
        _moved(preset_path(old), path)
        self._show(name)

    def delete(self) -> None:
        """Remove the own preset that is shown; the settings stay in the form."""
        name = self.current
        path = preset_path(name)
        try:
            content = path.read_bytes()
            path.unlink()
        except OSError as error:
            self.session.report(f"{path}: can't be removed ({error.strerror}).")
            return
        self._show(CUSTOM)
        self.session.offer_undo(f"Deleted the preset {name}", lambda: self._put_back(name, content))

    def _put_back(self, name: str, content: bytes) -> None:
        path = preset_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._show(name if self.current == CUSTOM else self.current)

    def _show(self, name: str) -> None:
        self.list_presets()
        self.set_current(name)

    # -- asking --------------------------------------------------------------------------------------

    def ask_name(self, what: Callable[[str], None], name: str) -> None:
        """Open the line that asks for a name, for `save_as` or `rename`."""
        self._naming = what
        self.naming.ask(name)

    def _named(self, name: str) -> None:
        try:
            check_preset_name(name)
            if name.lower() == CUSTOM.lower():
                raise ConfigError(f"{CUSTOM} stands for settings of no preset; choose another name.")
            self._naming(name)
        except ConfigError as error:
            self.naming.refuse(str(error))
        else:
            self.naming.hide()
            self.combo.setFocus()

    def _load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Load settings", str(self.session.runs_root), FILES)
        if name:
            self.loaded.emit(Path(name))

    def _save_file(self) -> None:
        start = Path.home() / f"{self._last or 'settings'}{SUFFIX}"
        chosen = ask_save_path(self, "Save settings", start, {"Settings": SUFFIX})
        if chosen is None:
            return
        path, _ = chosen
        try:
            save_settings(path, self._values())
        except ConfigError as error:
            self.session.report(f"Not saved. {error}")
        else:
            self.session.announce(f"Wrote {path.name}; on the command line: fakd train --config {path.name}")

    def _activated(self) -> None:
        if self.current and self.current != CUSTOM:
            self.chosen.emit(self.current)

    def _make_menu(self) -> None:
        self.menu.addAction("&Save as a preset…", lambda: self.ask_name(self.save_as, self._last))
        self._rename = self.menu.addAction(
            "&Rename the preset…", lambda: self.ask_name(self.rename, self.current)
        )
        self._delete = self.menu.addAction("&Delete the preset", self.delete)
        self.menu.addSeparator()
        self.menu.addAction("&Load settings…", self._load)
        self.menu.addAction("Save settings as &TOML…", self._save_file)
        self.button.setMenu(self.menu)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.button.setToolTip("Save, load, rename or delete presets and files of settings")
        self.button.setAccessibleName("Presets and files of settings")
        self.button.setIconSize(QSize(16, 16))

    def _lay_out(self) -> None:
        # A proxy set later takes these two out of the Tab order: Qt loses its way at the menu.
        self.setFocusProxy(self.combo)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.button)

    def _apply_theme(self, theme: Theme) -> None:
        self.button.setIcon(icon("dots-horizontal"))


def _moved(old: Path, new: Path) -> None:
    try:
        old.rename(new)
    except OSError as error:
        raise ConfigError(f"It can't be renamed: {error.strerror}.") from None


class NameRow(QWidget):
    """Enter takes the name, Esc closes the line; hidden until it is asked."""

    named = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit()
        self.edit.setAcceptDrops(False)
        self.edit.setPlaceholderText("Name of the preset")
        self.edit.setAccessibleName("Name of the preset")
        self.edit.setToolTip("Enter saves, Esc leaves everything as it is")
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
        self.edit.returnPressed.connect(self._take)
        self.save.clicked.connect(self._take)
        self.edit.textEdited.connect(lambda _: self.refuse(""))
        self.edit.installEventFilter(self)
        self.hide()

    def ask(self, name: str) -> None:
        self.refuse("")
        self.edit.setText(name)
        self.edit.selectAll()
        self.show()
        self.edit.setFocus()

    def refuse(self, reason: str) -> None:
        """Say why the name can't be taken; nothing clears that."""
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))
        restyle(self.edit, invalid=bool(reason))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() is QEvent.Type.KeyPress:
                self.hide()
            return True
        return super().eventFilter(watched, event)

    def _take(self) -> None:
        self.named.emit(self.edit.text().strip())
