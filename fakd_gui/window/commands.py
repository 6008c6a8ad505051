"""The commands of the window, and the menus that list them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMainWindow, QMenu

from fakd_core.system.platforms import FULL_SCREEN_KEY
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.opening import WORKSPACES
from fakd_gui.widgets.actions import Command, Gesture
from fakd_gui.widgets.theme import watcher

COMMANDS = (
    Command("open_image", "&Open image…", "Open an image", ("Ctrl+O",)),
    Command("open_folder", "Open &folder of images…", "Open a folder of images", ("Ctrl+Shift+O",)),
    Command("choose_teacher", "Choose &teacher…"),
    Command("add_student", "Add &student…"),
    Command("check_model", "&Check a model file…"),
    Command("export_model", "&Export a model…", "Export the selected model of the library, or choose one"),
    Command("open_run", "Open r&un…"),
    Command("load_settings", "&Load settings…"),
    Command("quit", "&Quit", keys=("Ctrl+Q",)),
    Command("undo", "&Undo", "Undo the last change", ("Ctrl+Z",)),
    Command("redo", "&Redo", "Redo the change that was undone last", ("Ctrl+Shift+Z",)),
    Command("paste", "&Paste", "Open the files, the path or the image on the clipboard", ("Ctrl+V",)),
    Command("edit_shortcuts", "&Keyboard shortcuts…"),
    Command(
        "notify",
        "&Notify when a training ends",
        "Show a notification of the desktop while another window is in front",
        checkable=True,
    ),
    *(
        Command(f"show_{name.lower()}", name, f"Show {name}", (f"Ctrl+{number}",))
        for number, name in enumerate(WORKSPACES, 1)
    ),
    Command(
        "full_screen",
        "&Full screen",
        "Fill the screen, without menus, tool bars and status; Esc leaves it",
        keys=(FULL_SCREEN_KEY,),
        checkable=True,
    ),
    Command(
        "float_workspace",
        "&Float this workspace",
        "Move the workspace to a window of its own; closing that brings it back",
        keys=("Ctrl+Shift+N",),
    ),
    Command("show_shortcuts", "&Shortcuts", "Show or hide this sheet", ("?",)),
    Command("open_guide", "&User guide", "Show the user guide at this workspace", ("F1",)),
    Command(
        "copy_error", "Copy &error details", "Copy the newest traceback and version info for a bug report"
    ),
    Command("show_about", "&About"),
    Command("dismiss", "Dismiss a message", keys=("Esc",), unfocused=True),
)
GESTURES = (Gesture("drop", "open files and folders, see the user guide"),)
MENUS: Mapping[str, tuple[str, ...]] = {
    "&File": (
        *("open_image", "open_folder", "recent_files", ""),
        *("choose_teacher", "add_student", "check_model", "export_model", ""),
        *("open_run", "load_settings", "", "quit"),
    ),
    "&Edit": ("undo", "redo", "", "paste", "", "edit_shortcuts", "notify", "device"),
    "&Training": ("start", "queue", "compare_methods", "pause", "stop"),
    "&View": (*(f"show_{name.lower()}" for name in WORKSPACES), "", "library", "colours", "full_screen"),
    "&Window": ("float_workspace",),
    "&Help": ("open_guide", "show_shortcuts", "copy_error", "show_about"),
}
"""Entries by name: commands of the window or of Train, and submenus; an empty name is a separator."""


ROLES = {
    "show_about": QAction.MenuRole.AboutRole,
    "edit_shortcuts": QAction.MenuRole.PreferencesRole,
    "quit": QAction.MenuRole.QuitRole,
}
"""Entries that macOS has in the program's own menu. It would judge the others by their texts."""


def fill_menu_bar(window: QMainWindow, entries: Mapping[str, QAction | QMenu]) -> None:
    """Make the menus of `MENUS`; those without an entry of this installation leave it out."""
    for title, names in MENUS.items():
        menu = window.menuBar().addMenu(title)
        for name in names:
            entry = entries.get(name)
            if not name:
                menu.addSeparator()
            elif isinstance(entry, QMenu):
                menu.addMenu(entry)
            elif entry is not None:
                entry.setMenuRole(ROLES.get(name, QAction.MenuRole.NoRole))
                menu.addAction(entry)


def colours_menu(window: QMainWindow) -> QMenu:
    """The choice between the system's colours, light and dark."""
    menu = QMenu("&Colours", window)
    group = QActionGroup(menu)
    # As an argument of the constructor, PySide drops it.
    group.triggered.connect(lambda entry: watcher().choose(entry.data()))
    for scheme in ("system", "light", "dark"):
        QAction(scheme.capitalize(), group, checkable=True).setData(scheme)
    menu.addActions(group.actions())
    menu.aboutToShow.connect(
        lambda: [entry.setChecked(entry.data() == watcher().scheme) for entry in group.actions()]
    )
    return menu


def device_menu(window: QMainWindow, models: ModelCache, devices: Callable[[], Mapping[str, str]]) -> QMenu:
    """The choice of the device that models run on, among the machine's `devices` by name."""
    menu = QMenu("&Device", window)
    group = QActionGroup(menu)
    group.triggered.connect(lambda entry: models.choose_device(entry.data()))

    def fill() -> None:
        chosen = models.device_name
        for entry in group.actions():
            group.removeAction(entry)
            menu.removeAction(entry)
        texts = {"auto": "Automatic", **devices()}
        texts.setdefault(chosen, chosen)
        for name, text in texts.items():
            entry = QAction(text, group, checkable=True, checked=name == chosen)
            entry.setData(name)
        menu.addActions(group.actions())

    menu.aboutToShow.connect(fill)
    return menu
