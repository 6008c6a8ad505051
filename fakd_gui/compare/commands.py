"""The commands of Compare: their keys, texts and effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, QPointF
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from fakd_gui.compare.board import Board
from fakd_gui.compare.canvases import DIVIDER_STEP
from fakd_gui.compare.captions import hex_text
from fakd_gui.compare.export import Exporter
from fakd_gui.compare.filmstrip import Filmstrip
from fakd_gui.compare.panes import BICUBIC, DIFFERENCE, SPLIT, is_model, swap_sides
from fakd_gui.compare.panes_menu import fill_panes_menu
from fakd_gui.compare.presentation import Presentation
from fakd_gui.compare.state import CompareState
from fakd_gui.widgets.actions import ActionTable, Command, Gesture
from fakd_gui.widgets.blink import BLINK_COMMANDS, connect_blink
from fakd_gui.widgets.file_dialogs import ask_folder
from fakd_gui.widgets.image_canvas import Drag
from fakd_gui.widgets.region_box import Grip, drag_grip
from fakd_gui.widgets.tone_bar import TONE_COMMANDS, connect_tone
from fakd_gui.widgets.view_commands import VIEW_COMMANDS, VIEW_GESTURES, connect_view_commands

ARROWS = {"Left": QPointF(-1, 0), "Right": QPointF(1, 0), "Up": QPointF(0, -1), "Down": QPointF(0, 1)}
FAR = 10
"""Pixels by which Shift and an arrow key move the region."""
SPLIT_TIP = "Two results in one pane with a divider to drag"
DIFFERENCE_TIP = "The difference of two results, amplified"
PRESENT_TIP = "The two results of the split on the whole screen, and nothing else; Esc leaves it"
SHEET_TIP = "All panes in one picture with names and scores; of the region, if there is one"
REGION_TIP = "Drag to draw a rectangle that is measured in every pane; or hold Shift"
SHOW_ALL_TIP = "Show all panes; press again to clear the region"

REGION_COMMANDS = tuple(
    Command(name, text, keys=(keys,), unfocused=True)
    for arrow in ARROWS
    for name, text, keys in (
        (f"move_region_{arrow}", f"Move the region {arrow.lower()} by 1 px", arrow),
        (f"move_region_{arrow}_far", f"Move the region {arrow.lower()} by {FAR} px", f"Shift+{arrow}"),
        (f"resize_region_{arrow}", f"Move the region's edge {arrow.lower()} by 1 px", f"Ctrl+{arrow}"),
    )
)
COMMANDS = (
    Command("open_folder", "Open a folder…"),
    Command("split", "Split", SPLIT_TIP, keys=("S",), icon="compare-horizontal", checkable=True),
    Command(
        "difference", "Difference", DIFFERENCE_TIP, keys=("D",), icon="vector-difference", checkable=True
    ),
    Command("present", "Present the pair", PRESENT_TIP, keys=("P",)),
    Command("swap", "Swap sides", "Swap the sides of the split and of the difference", keys=("X",)),
    Command("divider_back", "Move the divider left or up", keys=("[",)),
    Command("divider_forward", "Move the divider right or down", keys=("]",)),
    Command("region", "Region", REGION_TIP, keys=("R",), icon="selection-drag", checkable=True),
    *REGION_COMMANDS,
    Command("previous_image", "Previous image", keys=("PgUp", "Left", "Up"), unfocused=True),
    Command("next_image", "Next image", keys=("PgDown", "Right", "Down"), unfocused=True),
    Command(
        "figure", "Figure…", "Make a paper's figure: crops with scores, as PNG or PDF", icon="image-multiple"
    ),
    Command(
        "save", "Save every image…", "Save the images of all shown panes as PNG", icon="content-save-outline"
    ),
    Command("flip", "Flip", "Flip between the last two panes shown alone", keys=("B",)),
    *BLINK_COMMANDS,
    Command("show_all", "Show all panes", SHOW_ALL_TIP, keys=("Esc",), unfocused=True),
    Command("clear_region", "Clear the region", keys=("Esc",), unfocused=True),
    Command("copy_colour", "Copy colour", "Copy the colour under the mouse as #rrggbb", keys=("C",)),
    Command("copy_pane", "Copy image", "Copy the image of the pane under the mouse", keys=("Ctrl+C",)),
    Command("copy_all", "Copy all as one picture", SHEET_TIP, keys=("Ctrl+Shift+C",)),
    Command("save_all", "Save all as one picture…", SHEET_TIP, keys=("Ctrl+Shift+S",)),
    Command("save_pane", "Save image…", "Save the image of the pane under the mouse as PNG"),
    Command("close_pane", "Close", "Close the pane under the mouse", keys=("Del", "Backspace")),
    Command(
        "pane_menu", "Pane menu", "Open the menu of the pane under the mouse", keys=("Menu",), unfocused=True
    ),
    *TONE_COMMANDS,
    *VIEW_COMMANDS,
)
GESTURES = (
    Gesture("1 … 9", "show one pane alone, while held or until Esc"),
    Gesture("Space", "flip between the last two panes shown alone"),
    Gesture("Space + drag", "pan, whatever tool is active"),
    Gesture("Shift + drag", "draw a region; its handles resize it"),
    *VIEW_GESTURES,
)


class CompareCommands(QObject):
    """The actions of the panel `parent`, connected with what they act on."""

    def __init__(self, *, state: CompareState, board: Board, strip: Filmstrip, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._board = board
        self._strip = strip
        self._window = parent
        self.exporter = Exporter(state, parent)
        self.actions = ActionTable("Compare", COMMANDS, parent, gestures=GESTURES)
        self.panes_menu = QMenu("Panes", parent, toolTipsVisible=True)
        self.panes_menu.aboutToShow.connect(lambda: fill_panes_menu(self.panes_menu, state))
        self._connect_actions()
        board.grid.dragged_out.connect(lambda index: self.exporter.drag(board.keys[index]))
        board.menu_requested.connect(lambda key, at: self.pane_menu(key).popup(at))
        for changed in (state.image_changed, state.panes_changed, state.region_changed):
            changed.connect(self._update)
        board.grid.solo_changed.connect(self._update)
        strip.images_changed.connect(self._update)
        self._update()

    def _connect_actions(self) -> None:
        on, state, board, camera = self.actions.on, self._state, self._board, self._state.camera
        on("open_folder", self._open_folder)
        on("split", lambda: state.show_split(None if state.split_shown else state.split))
        on("difference", lambda: state.show_difference(None if state.difference_shown else state.difference))
        on("present", lambda: Presentation(state, self._window).showFullScreen())
        on("swap", self._swap)
        on("divider_back", lambda: board.move_divider(-DIVIDER_STEP))
        on("divider_forward", lambda: board.move_divider(DIVIDER_STEP))
        on("region", lambda: board.set_drag(Drag.REGION if self.actions["region"].isChecked() else Drag.PAN))
        for arrow, by in ARROWS.items():
            edge = Grip(int(by.x() != 0), int(by.y() != 0))
            on(f"move_region_{arrow}", lambda by=by: self._drag_region(Grip(0, 0), by))
            on(f"move_region_{arrow}_far", lambda by=by: self._drag_region(Grip(0, 0), by * FAR))
            on(f"resize_region_{arrow}", lambda by=by, edge=edge: self._drag_region(edge, by))
        on("previous_image", lambda: self._strip.step(-1))
        on("next_image", lambda: self._strip.step(1))
        on("figure", self._open_figure)
        on("save", lambda: self.exporter.choose_folder([key for key in state.keys if key != SPLIT]))
        on("copy_all", self.exporter.copy_sheet)
        on("save_all", self.exporter.save_sheet)
        on("flip", board.grid.flip)
        on("show_all", lambda: board.grid.show_only(None))
        on("clear_region", lambda: state.set_region(None))
        on("copy_colour", self._copy_colour)
        for name, run in (
            ("copy_pane", self.exporter.copy),
            ("save_pane", self.exporter.choose_file),
            ("close_pane", state.close_pane),
            ("pane_menu", lambda key: board.panes[key].header.request_menu()),
        ):
            on(name, lambda run=run: self._run_at_mouse(run))
        connect_view_commands(self.actions, camera)
        connect_tone(self.actions, camera)
        connect_blink(self.actions, board.blink, board.grid, state.session.announce)

    def _update(self) -> None:
        """Enable what can be done now, and check what is shown."""
        state, actions = self._state, self.actions
        opened, panes = state.image is not None, len(state.result_keys)
        pair = opened and panes > 1
        for names, enabled in (
            (("region", "figure", "save", "copy_all", "save_all"), opened and panes > 0),
            (("split", "difference", "blink", "blink_all", "present"), pair),
            (("copy_colour", "copy_pane", "save_pane", "close_pane", "pane_menu", "flip"), opened),
            (("divider_back", "divider_forward"), pair and state.split_shown),
            (("swap",), pair and (state.split_shown or state.difference_shown)),
            (("previous_image", "next_image"), bool(self._strip.paths)),
            # While there is nothing to leave, Escape belongs to the window.
            (("show_all",), self._board.grid.solo is not None),
            (("clear_region", *(command.name for command in REGION_COMMANDS)), state.region is not None),
        ):
            for name in names:
                actions[name].setEnabled(enabled)
        hint = "\nNeeds two panes: show closed ones with Panes." if opened and panes < 2 else ""
        for name, tip, shown in (("split", SPLIT_TIP, SPLIT), ("difference", DIFFERENCE_TIP, DIFFERENCE)):
            actions.set_tip(name, tip + hint)
            actions[name].setChecked(shown in state.keys)

    def pane_menu(self, key: str) -> QMenu:
        """The menu of the pane `key`; deleted when it closes."""
        state, grid, index = self._state, self._board.grid, self._board.keys.index(key)
        menu = QMenu(self._window)
        menu.aboutToHide.connect(menu.deleteLater)
        if grid.solo == index:
            menu.addAction("Show all panes", lambda: grid.show_only(None))
        else:
            menu.addAction("Show alone", lambda: grid.show_only(index))
        if key not in (SPLIT, DIFFERENCE):
            others = [other for other in state.result_keys if other != key]
            for text, show, pair in (
                ("Split with", state.show_split, state.split),
                ("Difference to", state.show_difference, state.difference),
            ):
                submenu = menu.addMenu(text)
                submenu.setEnabled(bool(others))
                for other in others:
                    submenu.addAction(state.label(other), partial(show, replace(pair, a=key, b=other)))
        blink = menu.addMenu("Blink with")
        blink.setEnabled(len(grid.panes) > 1)
        for other, pane in self._board.panes.items():
            if other != key:
                blink.addAction(
                    pane.header.title, partial(self._board.blink.start, [grid.panes[index], pane])
                )
        menu.addSeparator()
        for text, place in (("Move left", index - 1), ("Move right", index + 1)):
            move = menu.addAction(text, partial(state.move_pane, key, place))
            move.setEnabled(0 <= place < len(self._board.keys))
        menu.addSeparator()
        if key != SPLIT:
            ready = state.picture(key) is not None
            self._add_command(menu, "copy_pane", lambda: self.exporter.copy(key)).setEnabled(ready)
            self._add_command(menu, "save_pane", lambda: self.exporter.choose_file(key)).setEnabled(ready)
            if state.region is not None:
                for text, run in (
                    ("Copy region", self.exporter.copy),
                    ("Save region…", self.exporter.choose_file),
                ):
                    menu.addAction(text, partial(run, key, region=True)).setEnabled(ready)
            menu.addSeparator()
        self._add_command(menu, "close_pane", lambda: state.close_pane(key))
        return menu

    def _add_command(self, menu: QMenu, name: str, run: Callable[[], object]) -> QAction:
        """Add an entry with the text and the first key of a command, for the pane of the menu."""
        keys = [key.toString() for key in self.actions[name].shortcuts()[:1]]
        return menu.addAction("\t".join([self.actions.commands[name].text, *keys]), run)

    def _run_at_mouse(self, run: Callable[[str], object]) -> None:
        key = self._board.key_at_mouse
        if key is not None:
            run(key)

    def _swap(self) -> None:
        state = self._state
        if state.split_shown:
            state.show_split(swap_sides(state.split))
        if state.difference_shown:
            state.show_difference(swap_sides(state.difference))

    def _drag_region(self, grip: Grip, by: QPointF) -> None:
        state = self._state
        if state.region is not None:
            state.set_region(drag_grip(state.region.rect, grip, by=by, scene=state.camera.scene))

    def _copy_colour(self) -> None:
        state, key, at = self._state, self._board.key_at_mouse, self._state.camera.cursor
        pixel = self._board.pixel(key, at)
        if pixel is None:
            return
        colour, position = hex_text(pixel), f"x {int(at.x())}, y {int(at.y())}"
        QGuiApplication.clipboard().setText(colour)
        state.session.announce(f"Copied {colour}, the colour of {state.label(key)} at {position}")

    def _open_figure(self) -> None:
        from fakd_gui.figure.dialog import open_crop_figure

        state, region = self._state, self._state.region
        if state.image is not None:
            refs = [key for key in state.result_keys if key == BICUBIC or is_model(key)]
            box = None if region is None else (region.left, region.top, region.width, region.height)
            open_crop_figure(self._window, state.session, state.image, models=refs, region=box)

    def _open_folder(self) -> None:
        if folder := ask_folder(self._window, "Open a folder of images"):
            self._state.session.open_paths([folder], "Compare")
