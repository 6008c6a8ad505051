"""The dialog that changes keyboard shortcuts, and the check for conflicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from fakd_gui.widgets.actions import ActionTable
from fakd_gui.widgets.theme import restyle


def changed_keys(tables: Iterable[ActionTable]) -> dict[str, list[str]]:
    """The shortcuts that differ from the defaults, by 'table/command'."""
    return {
        f"{table.title}/{name}": list(table.keys[name])
        for table in tables
        for name, command in table.commands.items()
        if table.keys[name] != command.keys
    }


def restore_keys(tables: Iterable[ActionTable], keys: Mapping[str, Sequence[str]]) -> None:
    """Set the shortcuts that `changed_keys` gave; unknown commands and invalid keys are ignored."""
    for table in tables:
        for name in table.commands:
            if (found := keys.get(f"{table.title}/{name}")) is not None:
                table.set_keys(name, [key for key in found if QKeySequence(key).toString()])


def find_conflict(tables: Sequence[ActionTable], table: ActionTable, name: str, key: str) -> str:
    """The command that has `key` already, as 'Compare: Split'; empty if `name` of `table` can have it.

    Two workspaces may use the same key; so may unfocused commands, of which the first enabled one gets it.
    """
    pressed = QKeySequence(key)
    is_everywhere = table[name].shortcutContext() is Qt.ShortcutContext.WindowShortcut
    for rival in tables:
        for gesture in rival.gestures if rival is table or is_everywhere else ():
            if pressed in map(QKeySequence, gesture.pressed()):
                return f"{rival.title}: {gesture.text}"
        for other, command in rival.commands.items():
            contexts = (rival[other].shortcutContext(), table[name].shortcutContext())
            meet = rival is table or Qt.ShortcutContext.WindowShortcut in contexts
            takes_turns = command.unfocused and table.commands[name].unfocused
            if rival[other] is table[name] or takes_turns or not meet:
                continue
            if pressed in map(QKeySequence, rival.keys[other]):
                return f"{rival.title}: {plain_text(command.text)}"
    return ""


def plain_text(text: str) -> str:
    """A menu text without mnemonic and dots."""
    return text.replace("&", "").removesuffix("…")


class ShortcutEditor(QDialog):
    """One row per command of `tables`; changes work at once. A key that is in use is refused."""

    def __init__(self, tables: Sequence[ActionTable], parent: QWidget) -> None:
        super().__init__(parent, windowTitle="Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._tables = tables
        self.edits: dict[tuple[str, str], QKeySequenceEdit] = {}
        """By table and command."""
        text = "Search commands"
        search = QLineEdit(
            placeholderText=text, accessibleName=text, clearButtonEnabled=True, acceptDrops=False
        )
        search.textChanged.connect(self._filter)
        self._tree = QTreeWidget(columnCount=2, accessibleName="Commands and their shortcuts")
        self._tree.setHeaderLabels(["Command", "Shortcut"])
        hint = "Click a shortcut and press the new keys; the cross removes it."
        self.message = QLabel(hint, wordWrap=True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.reset_button = buttons.addButton("Reset all", QDialogButtonBox.ButtonRole.ResetRole)
        self.reset_button.setAutoDefault(False)
        self.reset_button.clicked.connect(self._reset)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        for widget in (search, self._tree, self.message, buttons):
            layout.addWidget(widget)
        for table in tables:
            self._add_table(table)
        self._show_keys()
        self._tree.expandAll()
        self._tree.setColumnWidth(0, 320)
        self.resize(620, 640)

    def _add_table(self, table: ActionTable) -> None:
        group = QTreeWidgetItem(self._tree, [table.title])
        for name, command in table.commands.items():
            item = QTreeWidgetItem(group, [plain_text(command.text)])
            item.setToolTip(0, command.tip)
            edit = QKeySequenceEdit(maximumSequenceLength=1, clearButtonEnabled=True)
            edit.setAccessibleName(f"Shortcut of {plain_text(command.text)}")
            edit.editingFinished.connect(lambda table=table, name=name: self._change(table, name))
            self.edits[table.title, name] = edit
            item.setSizeHint(1, edit.sizeHint())
            self._tree.setItemWidget(item, 1, edit)
        table.keys_changed.connect(self._show_keys)

    def _show_keys(self) -> None:
        for table in self._tables:
            for name in table.commands:
                edit, keys = self.edits[table.title, name], table.keys[name]
                edit.setKeySequence(QKeySequence(keys[0] if keys else ""))
                edit.setToolTip(f"Also {', '.join(keys[1:])}" if len(keys) > 1 else "")

    def _change(self, table: ActionTable, name: str) -> None:
        """Replace the first shortcut of a command by what was typed; removed, all of them go."""
        key = self.edits[table.title, name].keySequence().toString()
        old = table.keys[name]
        conflict = find_conflict(self._tables, table, name, key) if key else ""
        shown = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
        self.message.setText(f"{shown} is used by {conflict}; change that one first." if conflict else "")
        restyle(self.message, role="error" if conflict else "")
        if not conflict and key != (old[0] if old else ""):
            table.set_keys(name, (key, *old[1:]) if key else ())
        self._show_keys()

    def _reset(self) -> None:
        for table in self._tables:
            table.reset_keys()
        self.message.setText("")

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for row in range(self._tree.topLevelItemCount()):
            group = self._tree.topLevelItem(row)
            for index in range(group.childCount()):
                item = group.child(index)
                name = f"{group.text(0)} {item.text(0)}".lower()
                item.setHidden(not all(word in name for word in words))
