"""Single keys on keyboards of other scripts, and where symbols and digits need Shift or AltGr."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QLineEdit, QListWidget, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from fakd_gui.widgets.actions import ActionTable, Command
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.keyboards import SingleKeys, typed_key
from fakd_gui.widgets.pane_grid import PaneGrid

PRESS, RELEASE = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
NONE, SHIFT, ALT_GR = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.GroupSwitchModifier,
)
HA = "\N{CYRILLIC SMALL LETTER HA}"
CONTROL, OPTION = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier


def key_event(
    text: str,
    modifiers: Qt.KeyboardModifier = NONE,
    scan: int = 0,
    virtual: int = 0,
    kind: QEvent.Type = PRESS,
    key: int = 0,
) -> QKeyEvent:
    """The event of a key that types `text`, as Qt makes it: a letter's key is its capital's code."""
    return QKeyEvent(kind, key or ord(text.upper()), modifiers, scan, virtual, 0, text)


@pytest.mark.parametrize(
    ("event", "platform", "expected"),
    [
        (key_event("ы", scan=39), "linux", "S"),
        (key_event("σ", scan=39), "linux", "S"),
        (key_event(HA, scan=34), "linux", "["),
        (key_event("ъ", scan=35), "linux", "]"),
        (key_event("ы", virtual=ord("S")), "win32", "S"),
        (key_event("ъ", virtual=0xDD), "win32", "]"),
        (key_event("ф", virtual=0), "darwin", "A"),
        (key_event("я", virtual=6), "darwin", "Z"),
        (key_event(HA, virtual=33), "darwin", "["),
        (key_event("[", ALT_GR, scan=17), "linux", "["),
        (key_event("]", CONTROL | OPTION, virtual=ord("9")), "win32", "]"),
        (key_event("[", OPTION, virtual=23, key=Qt.Key.Key_5), "darwin", "["),
        (key_event("0", SHIFT, scan=19), "linux", "0"),
        (key_event("+", SHIFT, scan=21), "linux", "+"),
        (key_event("?", SHIFT, scan=16), "linux", "?"),
        (key_event("&", CONTROL, scan=10), "linux", "Ctrl+1"),
        (key_event("\x1a", CONTROL, scan=52, key=Qt.Key.Key_Z), "linux", ""),
        (key_event("ü", scan=34), "linux", ""),
        (key_event("s", scan=39), "linux", ""),
        (key_event("ы", CONTROL, scan=39), "linux", ""),
        (key_event(" "), "linux", ""),
    ],
)
def test_the_key_of_the_us_layout(event: QKeyEvent, platform: str, expected: str) -> None:
    typed = typed_key(event, platform)
    assert ("" if typed is None else QKeySequence(typed).toString()) == expected


class Workspace(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.list, self.field = QListWidget(), QLineEdit()
        self.list.addItems(["чаша", "ы", "9 images"])
        column = QVBoxLayout(self)
        column.addWidget(self.list)
        column.addWidget(self.field)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        commands = (Command("split", "Split", keys=("S",)), Command("back", "Back", keys=("[",)))
        self.table = ActionTable("Compare", commands, self)
        self.used: list[str] = []
        for name in ("split", "back"):
            self.table.on(name, lambda name=name: self.used.append(name))
        SingleKeys(self, self.table.handle)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.table.handle(event)


def test_a_russian_or_german_keyboard_reaches_the_commands_from_any_focus_but_text(qtbot: QtBot) -> None:
    workspace = Workspace()
    qtbot.addWidget(workspace)
    with qtbot.waitActive(workspace):
        workspace.show()
        workspace.activateWindow()
    for focus in (workspace, workspace.list, workspace.field):
        focus.setFocus()
        QApplication.sendEvent(focus, key_event("ы", scan=39, virtual=ord("S")))
        QApplication.sendEvent(focus, key_event("[", ALT_GR, scan=17))
    assert workspace.used == ["split", "back"] * 2
    assert workspace.field.text() == "ы["
    # A key without a command searches the list, as ever.
    workspace.list.setFocus()
    QApplication.sendEvent(workspace.list, key_event("ч", scan=53, virtual=0x58))
    assert workspace.list.currentItem().text() == "чаша"


def test_a_digit_behind_shift_shows_its_pane_while_it_is_held(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a French keyboard, where Shift may be released before the digit."""
    grid = PaneGrid(Camera())
    qtbot.addWidget(grid)
    grid.set_panes([ImagePane(str(number), ImageCanvas(grid.camera)) for number in range(2)])
    monkeypatch.setattr("fakd_gui.widgets.pane_grid.HOLD_SECONDS", 0.0)
    assert grid.press(key_event("2", SHIFT, scan=11))
    assert grid.solo == 1
    assert not grid.release(key_event("", NONE, scan=50, kind=RELEASE, key=Qt.Key.Key_Shift))
    assert grid.solo == 1
    assert grid.release(key_event("é", scan=11, kind=RELEASE))
    assert grid.solo is None
