"""The action table: shortcuts, tooltips, remapped keys, keys that the focused widget has first."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QFileDialog,
    QLineEdit,
    QPushButton,
    QSlider,
    QToolBar,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from fakd_gui.widgets.actions import ActionTable, Command, Gesture, follow_action
from fakd_gui.widgets.empty_state import EmptyState
from fakd_gui.widgets.image_tools import OpenTools, icon_button

COMMANDS = (
    Command("split", "&Split", "Two results in one pane\nwith a divider", keys=("S",), checkable=True),
    Command("next", "Next image", keys=("Right", "PgDown"), unfocused=True),
    Command("export", "&Export…"),
)


class Workspace(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.field, self.slider = QLineEdit(), QSlider(Qt.Orientation.Horizontal)
        column = QVBoxLayout(self)
        column.addWidget(self.field)
        column.addWidget(self.slider)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.table = ActionTable("Compare", COMMANDS, self, gestures=(Gesture("Space + drag", "pan"),))
        self.triggered: list[str] = []
        for name in ("split", "next", "export"):
            self.table.on(name, lambda name=name: self.triggered.append(name))

    def keyPressEvent(self, event: object) -> None:
        if not self.table.handle(event):  # type: ignore[arg-type]
            super().keyPressEvent(event)  # type: ignore[arg-type]


def shown(qtbot: QtBot) -> Workspace:
    workspace = Workspace()
    qtbot.addWidget(workspace)
    with qtbot.waitActive(workspace):
        workspace.show()
        workspace.activateWindow()
    return workspace


def test_shortcut_works_with_any_focus_but_a_text_field(qtbot: QtBot) -> None:
    workspace = shown(qtbot)
    workspace.slider.setFocus()
    qtbot.keyClick(workspace.slider, "S")
    assert workspace.triggered == ["split"]
    workspace.field.setFocus()
    qtbot.keyClick(workspace.field, "S")
    assert (workspace.triggered, workspace.field.text()) == (["split"], "S")


def test_arrow_keys_belong_to_the_focused_widget_first(qtbot: QtBot) -> None:
    workspace = shown(qtbot)
    workspace.slider.setFocus()
    qtbot.keyClick(workspace.slider, Qt.Key.Key_Right)
    assert (workspace.triggered, workspace.slider.value()) == ([], 1)
    workspace.setFocus()
    qtbot.keyClick(workspace, Qt.Key.Key_Right)
    qtbot.keyClick(workspace, Qt.Key.Key_PageDown)
    qtbot.keyClick(workspace, Qt.Key.Key_Right, Qt.KeyboardModifier.KeypadModifier)
    workspace.table["next"].setEnabled(False)
    qtbot.keyClick(workspace, Qt.Key.Key_Right)
    assert workspace.triggered == ["next", "next", "next"]


def test_tooltips_and_sheet_follow_the_keys(qtbot: QtBot) -> None:
    workspace = shown(qtbot)
    table = workspace.table
    assert table["split"].toolTip() == "Two results in one pane (S)\nwith a divider"
    assert table["export"].toolTip() == "Export…"
    assert ("S", "Two results in one pane") in table.shortcut_rows()
    with qtbot.waitSignal(table.keys_changed):
        table.set_keys("split", ["Ctrl+K"])
    assert table["split"].toolTip().startswith("Two results in one pane (Ctrl+K)")
    qtbot.keyClick(workspace, "S")
    qtbot.keyClick(workspace, "K", Qt.KeyboardModifier.ControlModifier)
    assert workspace.triggered == ["split"]
    assert table.shortcut_rows() == [
        ("Space + drag", "pan"),
        ("Ctrl+K", "Two results in one pane"),
        ("Right, PgDown", "Next image"),
    ]
    table.reset_keys()
    assert table.keys["split"] == ("S",)


def test_a_button_follows_an_action(qtbot: QtBot) -> None:
    workspace, button = shown(qtbot), QPushButton("Export")
    qtbot.addWidget(button)
    follow_action(button, workspace.table["export"])
    assert (button.text(), button.toolTip(), button.isEnabled()) == ("Export", "Export…", True)
    button.click()
    assert workspace.triggered == ["export"]
    workspace.table["export"].setEnabled(False)
    workspace.table.set_keys("export", ("F9",))
    assert (button.toolTip(), button.isEnabled()) == ("Export… (F9)", False)


def test_the_buttons_that_open_an_image_ask_for_it(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("photo.png", ""))
    bar = QToolBar()
    qtbot.addWidget(bar)
    tools = OpenTools(bar)
    empty = EmptyState(tools, "look at it")
    qtbot.addWidget(empty)
    buttons = {
        button.text(): button for owner in (bar, empty) for button in owner.findChildren(QAbstractButton)
    }
    for text in ("Open", "Open image…"):
        with qtbot.waitSignal(tools.image_chosen) as chosen:
            buttons[text].click()
        assert chosen.args == [Path("photo.png")]


def test_an_icon_s_accessible_name_is_its_tooltip_without_the_ellipsis(qtbot: QtBot) -> None:
    button = icon_button("file-outline", "Choose a model file…")
    qtbot.addWidget(button)
    assert (button.toolTip(), button.accessibleName()) == ("Choose a model file…", "Choose a model file")
