"""The commands of a workspace as QActions: one table for menus, tool bars, tooltips and shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QKeyCombination, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QWidget

from fakd_gui.widgets.image_tools import set_icon
from fakd_gui.widgets.keyboards import typed_key


@dataclass(frozen=True)
class Command:
    """One command of an action table.

    Args:
        name: Its key in the table and in the user's key map.
        text: The menu entry, with an ampersand before its mnemonic.
        tip: The tooltip; the table appends the shortcut. By default the text.
        keys: Default shortcuts in `QKeySequence`'s portable notation; the first is shown in menus.
        icon: Name of a Material Design icon.
        checkable: Toggles instead of triggering.
        unfocused: The keys belong to the focused widget first (arrows, Page Up, Escape): they reach the
            command through `ActionTable.handle` if no widget used them.
    """

    name: str
    text: str
    tip: str = ""
    keys: tuple[str, ...] = ()
    icon: str = ""
    checkable: bool = False
    unfocused: bool = False


@dataclass(frozen=True)
class Gesture:
    """Keys that are held, or mouse gestures: no command, but a line of the shortcut sheet."""

    keys: str
    """The keys as the sheet shows them: several separated by commas, a range as '1 … 9'."""
    text: str

    def pressed(self) -> list[str]:
        """The keys in it that a command could have as well."""
        first, _, last = self.keys.partition(" … ")
        return [str(key) for key in range(int(first), int(last) + 1)] if last else self.keys.split(", ")


class ActionTable(QObject):
    """The QActions of `commands`, by name; their shortcuts work while the focus is inside `widget`.

    The user's key map may replace the default keys (`set_keys`); tooltips and menus follow.
    """

    keys_changed = Signal()

    def __init__(
        self,
        title: str,
        commands: Iterable[Command],
        widget: QWidget,
        *,
        gestures: Sequence[Gesture] = (),
        context: Qt.ShortcutContext = Qt.ShortcutContext.WidgetWithChildrenShortcut,
    ) -> None:
        super().__init__(widget)
        self.title = title
        self.commands = {command.name: command for command in commands}
        self.gestures = tuple(gestures)
        self.keys: dict[str, tuple[str, ...]] = {}
        """The present shortcuts by command, in portable notation."""
        self._actions: dict[str, QAction] = {}
        for command in self.commands.values():
            action = QAction(command.text, widget)
            action.setObjectName(command.name)
            action.setCheckable(command.checkable)
            action.setShortcutContext(context)
            if command.icon:
                set_icon(action, command.icon)
            widget.addAction(action)
            self._actions[command.name] = action
            self.set_keys(command.name, command.keys)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def on(self, name: str, run: Callable[[], object]) -> None:
        """Call `run` when the command is triggered."""
        self._actions[name].triggered.connect(lambda _=False: run())

    def set_keys(self, name: str, keys: Sequence[str]) -> None:
        """Replace the command's shortcuts; an empty sequence leaves it without one."""
        self._set_keys(name, keys)
        self.keys_changed.emit()

    def _set_keys(self, name: str, keys: Sequence[str]) -> None:
        command, action = self.commands[name], self._actions[name]
        self.keys[name] = tuple(keys)
        action.setShortcuts([] if command.unfocused else [QKeySequence(key) for key in keys])
        self.set_tip(name, command.tip)

    def set_tip(self, name: str, tip: str) -> None:
        """Replace the command's tooltip; the shortcut is appended to its first line."""
        first, *more = (tip or self.commands[name].text.replace("&", "")).split("\n")
        shown = _native(self.keys[name])
        self._actions[name].setToolTip("\n".join([f"{first} ({shown})" if shown else first, *more]))

    def reset_keys(self) -> None:
        """Return to the default shortcuts."""
        for command in self.commands.values():
            self._set_keys(command.name, command.keys)
        self.keys_changed.emit()

    def handle(self, event: QKeyEvent) -> bool:
        """Trigger the command of a key that is no shortcut and that no widget used; False if there is none.

        That is an unfocused command, or any whose key another keyboard layout has elsewhere.
        """
        # On macOS arrow keys come with the keypad's modifier.
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        pressed = QKeySequence(QKeyCombination(modifiers, Qt.Key(event.key())))
        typed = typed_key(event)
        for name, command in self.commands.items():
            action, keys = self._actions[name], [QKeySequence(key) for key in self.keys[name]]
            used = command.unfocused and pressed in keys
            if action.isEnabled() and (used or (typed is not None and QKeySequence(typed) in keys)):
                action.trigger()
                return True
        return False

    def shortcut_rows(self) -> list[tuple[str, str]]:
        """Keys and meaning of every command that has a shortcut and of every gesture, for the sheet."""
        rows = [(gesture.keys, gesture.text) for gesture in self.gestures]
        for name, command in self.commands.items():
            if self.keys[name]:
                first_line = command.tip.split("\n")[0] or command.text.replace("&", "")
                rows.append((_native(self.keys[name]), first_line))
        return rows


def _native(keys: Sequence[str]) -> str:
    return ", ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)


def follow_action(button: QAbstractButton, action: QAction) -> None:
    """Let `button` trigger or toggle `action` and show its tooltip and state, but a text of its own."""

    def follow() -> None:
        button.setEnabled(action.isEnabled())
        button.setToolTip(action.toolTip())
        button.setChecked(action.isChecked())

    if action.isCheckable():
        button.toggled.connect(action.setChecked)
    else:
        button.clicked.connect(lambda: action.trigger())
    action.changed.connect(follow)
    follow()
