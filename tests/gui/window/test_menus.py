"""Menus, undo, recent files, shortcuts and the About box as a user operates them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from fakd_gui.session.session import Session
from fakd_gui.widgets.theme import watcher
from fakd_gui.window.main_window import MainWindow
from fakd_gui.window.preferences import ShortcutEditor, find_conflict
from fakd_gui.window.shortcut_sheet import ShortcutSheet
from fakd_gui.window.undo_bar import Question


def menu(window: MainWindow, title: str) -> QMenu:
    # Not by its action, with which PySide6 6.8 deletes it.
    opened = next(
        one for one in window.menuBar().findChildren(QMenu) if one.title().replace("&", "") == title
    )
    opened.aboutToShow.emit()
    return opened


def entry(of: QMenu, text: str) -> QAction:
    return next(action for action in of.actions() if action.text().replace("&", "").startswith(text))


def test_undo_takes_the_newest_change_first(qtbot: QtBot, window: MainWindow) -> None:
    taken: list[str] = []
    undo = entry(menu(window, "Edit"), "Undo")
    assert not undo.isEnabled()
    window.session.offer_undo("Removed a", lambda: taken.append("a"))
    window.session.offer_undo("Removed b", lambda: taken.append("b"))
    assert window.undo_bar.isVisible()
    assert undo.text() == "&Undo: Removed b"
    qtbot.mouseClick(window.undo_bar.button, Qt.MouseButton.LeftButton)
    assert taken == ["b"]
    assert not window.undo_bar.isVisible()
    with qtbot.waitActive(window):
        window.activateWindow()
    window.workspaces.setFocus()
    qtbot.keyClick(window.workspaces, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert taken == ["b", "a"]
    assert not undo.isEnabled()


def test_undo_that_fails_can_be_tried_again(window: MainWindow) -> None:
    answers = iter([False, None])
    window.session.offer_undo("Moved a", lambda: next(answers))
    window.undo_bar.undo()
    assert window.undo_bar.stack.undoText() == "Moved a"
    window.undo_bar.undo()
    assert window.undo_bar.stack.count() == 0


def test_redo_repeats_a_change_until_there_is_a_new_one(window: MainWindow) -> None:
    bar, state = window.undo_bar, [1]

    def change(number: int) -> None:
        before = state[0]
        state[0] = number
        window.session.offer_undo(
            f"Set {number}", lambda: state.__setitem__(0, before), lambda: change(number)
        )

    change(2)
    change(3)
    redo = entry(menu(window, "Edit"), "Redo")
    assert not redo.isEnabled()
    bar.undo()
    bar.undo()
    assert state == [1]
    assert (redo.text(), redo.isEnabled()) == ("&Redo: Set 2", True)
    # It offers to undo itself again, which must be the same step.
    bar.redo()
    bar.redo()
    assert (state, bar.stack.count(), bar.stack.canRedo()) == ([3], 2, False)
    bar.undo()
    assert state == [2]
    # An offer made by what undoes a step is dropped.
    window.session.offer_undo("Set 4", lambda: change(2), lambda: change(4))
    bar.undo()
    bar.redo()
    assert (state, bar.stack.undoText()) == ([4], "Set 4")
    bar.undo()
    assert (state, bar.stack.redoText()) == ([2], "Set 4")
    change(5)
    assert not bar.stack.canRedo()


def test_change_without_redo_is_gone_once_undone(window: MainWindow) -> None:
    bar = window.undo_bar
    window.session.offer_undo("Moved a", lambda: None, lambda: False)
    bar.undo()
    bar.redo()
    assert (bar.stack.redoText(), bar.stack.canUndo()) == ("Moved a", False)
    window.session.offer_undo("Removed b", lambda: None)
    bar.undo()
    assert bar.stack.count() == 0


def test_question_is_not_overwritten_by_an_undo_offer(qtbot: QtBot, window: MainWindow) -> None:
    bar, answers = window.undo_bar, []
    bar.ask(Question("One?", "Do one", lambda: answers.append(1)))
    bar.ask(Question("Two?", "Do two", lambda: answers.append(2)))
    window.session.offer_undo("Removed a", lambda: None)
    assert bar.button.text() == "Do one"
    bar.undo()
    assert bar.isVisible()
    bar.button.click()
    assert (answers, bar.button.text()) == ([1], "Do two")
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert answers == [1]
    assert not bar.isVisible()


def test_undo_bar_stays_inside_the_window(qtbot: QtBot, window: MainWindow) -> None:
    window.session.offer_undo("Removed something with a very long name " * 8, lambda: None)
    for width in (760, 1280):
        window.resize(width, 520)
        qtbot.waitUntil(lambda: window.centralWidget().rect().contains(window.undo_bar.geometry()))


def test_recent_files_reopen(qtbot: QtBot, window: MainWindow, photos: Path) -> None:
    for name in ("coffee0", "chelsea1"):
        with qtbot.waitSignal(window.session.image_changed):
            window.open_paths([photos / f"{name}.png"])
    recent = entry(menu(window, "File"), "Open recent").menu()
    assert isinstance(recent, QMenu)
    recent.aboutToShow.emit()
    assert [Path(action.text()).name for action in recent.actions()[:2]] == ["chelsea1.png", "coffee0.png"]
    with qtbot.waitSignal(window.session.image_changed) as opened:
        recent.actions()[1].trigger()
    assert opened.args is not None
    assert opened.args[0].name == "coffee0.png"
    recent.aboutToShow.emit()
    assert [Path(action.text()).name for action in recent.actions()[:2]] == ["coffee0.png", "chelsea1.png"]


def test_a_folder_of_compare_opens_in_compare_again(
    window: MainWindow, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(photos))
    window.actions["open_folder"].trigger()
    kept = type(window.memory()).model_validate_json(window.memory().model_dump_json())
    window.recent_files.files.clear()
    window.show_workspace("Train")
    data = window.train.state.values["train_data"]
    window.restore(kept.model_copy(update={"workspace": "Train"}))
    window.recent_files.menu.aboutToShow.emit()
    window.recent_files.menu.actions()[0].trigger()
    assert window.workspaces.current == "Compare"
    assert window.train.state.values["train_data"] == data
    assert [Path(path) for path, _ in window.recent_files.files] == [photos]
    # Images of a filmstrip and those that another start restores weren't opened by anybody.
    window.session.show_images([photos / "coffee0.png", photos / "chelsea1.png"])
    window.session.open_image(photos / "coffee0.png")
    assert [Path(path) for path, _ in window.recent_files.files] == [photos]


def test_folder_of_images_becomes_a_filmstrip(
    window: MainWindow, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[list[Path], list[str]]] = []
    window.session.images_chosen.connect(lambda paths, labels: shown.append((paths, labels)))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(photos))
    entry(menu(window, "File"), "Open folder").trigger()
    assert [path.name for path in shown[0][0]][:2] == ["astronaut0.png", "astronaut1.png"]
    assert window.workspaces.currentWidget() is window.compare
    window.session.open_paths([tmp_path], "Compare")
    assert "no images" in window.banner.messages[-1]
    assert len(shown) == 1


def test_shortcut_sheet_lists_every_workspace(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitActive(window):
        window.activateWindow()
    window.workspaces.setFocus()
    qtbot.keyClick(window.workspaces, Qt.Key.Key_Question)
    sheet = window.findChild(ShortcutSheet)
    assert sheet is not None
    assert sheet.isVisible()
    assert not sheet.isModal()
    for name in ("Everywhere", *window.workspaces.panels):
        assert f"<h4>{name}</h4>" in sheet.text.text()
    window.show_shortcuts()
    qtbot.waitUntil(lambda: window.findChild(ShortcutSheet) is None)


def test_changed_shortcut_works_now_and_at_the_next_start(
    qtbot: QtBot, window: MainWindow, session: Session
) -> None:
    window.edit_shortcuts()
    editor = window.findChild(ShortcutEditor)
    assert editor is not None
    edit = editor.edits["Everywhere", "full_screen"]
    edit.setKeySequence(QKeySequence("Ctrl+K"))
    edit.editingFinished.emit()
    assert window.actions["full_screen"].shortcut() == QKeySequence("Ctrl+K")
    memory = window.memory()
    assert memory.keys == {"Everywhere/full_screen": ["Ctrl+K"]}
    editor.reset_button.click()
    assert window.actions["full_screen"].shortcut() == QKeySequence("F11")
    assert window.memory().keys == {}
    window.restore_look(memory)
    assert window.actions["full_screen"].shortcut() == QKeySequence("Ctrl+K")
    unknown = {"Everywhere/gone": ["X"], "Everywhere/paste": ["nonsense"], "Nowhere/split": ["S"]}
    window.restore_look(memory.model_copy(update={"keys": unknown}))
    assert window.actions["paste"].shortcuts() == []


def test_shortcut_in_use_is_refused(window: MainWindow) -> None:
    window.edit_shortcuts()
    editor = window.findChild(ShortcutEditor)
    assert editor is not None
    for table, name, key, used_by in (
        ("Everywhere", "full_screen", "Ctrl+O", "Everywhere: Open image"),
        ("Inspect", "hover", "Ctrl+V", "Everywhere: Paste"),
        ("Everywhere", "paste", "M", "Inspect: Matrix"),
        ("Everywhere", "check_model", "Space", "Compare: flip between the last two panes shown alone"),
        ("Compare", "save", "3", "Compare: show one pane alone, while held or until Esc"),
    ):
        edit = editor.edits[table, name]
        before = edit.keySequence()
        edit.setKeySequence(QKeySequence(key))
        edit.editingFinished.emit()
        assert editor.message.text() == f"{key} is used by {used_by}; change that one first."
        assert edit.keySequence() == before
    assert window.memory().keys == {}


def test_default_shortcuts_have_no_conflicts(window: MainWindow) -> None:
    tables = window.action_tables
    for table in tables:
        for name, command in table.commands.items():
            for key in command.keys:
                assert find_conflict(tables, table, name, key) == "", f"{table.title}: {name}, {key}"


def test_about_box_copies_versions(qtbot: QtBot, window: MainWindow) -> None:
    entry(menu(window, "Help"), "About").trigger()
    box = window.findChild(QMessageBox)
    assert box is not None
    assert not box.isModal()
    next(button for button in box.buttons() if button.text() == "Copy versions").click()
    copied = QGuiApplication.clipboard().text().splitlines()
    assert copied[0].startswith("FAKD Workbench ")
    assert any(line.startswith("torch ") for line in copied)


def test_the_colours_menu_changes_the_colours(window: MainWindow) -> None:
    colours = entry(menu(window, "View"), "Colours").menu()
    before = watcher().scheme
    try:
        for scheme in ("Dark", "Light"):
            entry(colours, scheme).trigger()
            assert watcher().scheme == scheme.lower()
    finally:
        watcher().choose(before)


def test_window_shortcuts_are_unique(window: MainWindow) -> None:
    seen: dict[str, str] = {}
    for action in window.findChildren(QAction):
        for key in action.shortcuts():
            if action.shortcutContext() is Qt.ShortcutContext.WindowShortcut and action.isEnabled():
                name = key.toString()
                assert name not in seen, f"{name}: {seen[name]} and {action.text()}"
                seen[name] = action.text()
    assert "Ctrl+O" in seen


def test_macos_moves_three_entries_into_its_own_menu(window: MainWindow) -> None:
    """By their texts it would take others, too: "Load settings…" for the preferences."""
    role = QAction.MenuRole
    of_text = {
        action.text().replace("&", ""): action.menuRole()
        for title in ("File", "Edit", "Training", "View", "Help")
        for action in menu(window, title).actions()
        if not action.isSeparator() and action.menu() is None
    }
    moved = {text: found for text, found in of_text.items() if found is not role.NoRole}
    assert moved == {
        "Quit": role.QuitRole,
        "Keyboard shortcuts…": role.PreferencesRole,
        "About": role.AboutRole,
    }


def test_export_starts_from_the_model_that_is_selected(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported: list[str] = []
    monkeypatch.setattr("fakd_gui.library.commands.choose_export", lambda *asked: exported.append(asked[2]))
    monkeypatch.setattr("fakd_gui.window.main_window.choose_export", lambda *asked: exported.append(asked[2]))
    monkeypatch.setattr("fakd_gui.window.main_window.ask_model", lambda *_: Path("other.safetensors"))
    window.library.view.clearSelection()
    window.actions["export_model"].trigger()
    assert exported == ["other.safetensors"]
    window.library.select("rcan-g5-r5-c32-x4")
    window.actions["export_model"].trigger()
    assert exported[1:] == ["rcan-g5-r5-c32-x4"]
