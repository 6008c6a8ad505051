"""The commands of Inspect: their keys, texts and effects."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from fakd_gui.inspect.export import Exporter
from fakd_gui.inspect.map_area import MapArea
from fakd_gui.inspect.state import InspectState
from fakd_gui.widgets.actions import ActionTable, Command, Gesture
from fakd_gui.widgets.blink import BLINK_COMMANDS, Blink, connect_blink
from fakd_gui.widgets.view_commands import VIEW_COMMANDS, VIEW_GESTURES, connect_view_commands

FAR = 8
"""Pixels that Shift with an arrow key moves."""
MOVES = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
HOVER_TIP = "Show the affinities of the pixel under the mouse without a click; a click pins it"
MATRIX_TIP = (
    "The affinities of a region's pixels to one another, as a matrix\n"
    "Draw the region with Shift and the mouse on the image."
)
FOLLOW_TIP = (
    "Show the student again after every validation of the running training\n"
    "Choosing another checkpoint ends it."
)

COMMANDS = (
    *(
        Command(name.format(way), text.format(way), keys=(keys + way.title(),), unfocused=True)
        for name, text, keys in (
            ("move_{}", "Move the pixel {}", ""),
            ("move_{}_far", f"Move the pixel {FAR} px {{}}", "Shift+"),
        )
        for way in MOVES
    ),
    Command("hover", "Hover", HOVER_TIP, keys=("H",), icon="cursor-default-outline", checkable=True),
    Command("next_layer", "Next layer", keys=("PgUp",), unfocused=True),
    Command("previous_layer", "Previous layer", keys=("PgDown",), unfocused=True),
    Command("matrix", "Matrix", MATRIX_TIP, keys=("M",), icon="grid", checkable=True),
    Command("previous_checkpoint", "Previous checkpoint of the run", keys=("[",)),
    Command("next_checkpoint", "Next checkpoint of the run", keys=("]",)),
    Command("follow", "Follow", FOLLOW_TIP, keys=("T",), icon="access-point", checkable=True),
    Command("flip", "Flip", "Flip between the last two panes shown alone", keys=("B",)),
    *BLINK_COMMANDS,
    Command("show_all", "Show all panes", keys=("Esc",), unfocused=True),
    Command("close_pane", "Hide", "Hide the model of the pane under the mouse", keys=("Del", "Backspace")),
    Command("copy", "Copy the panes", "Copy the panes as a picture", keys=("Ctrl+C",)),
    Command("save_panes", "Panes as shown (PNG)…"),
    Command("save_maps", "Every map alone, full size (PNG)…"),
    Command("save_values", "Values (CSV, NumPy)…"),
    Command("figure", "Figure…"),
    *VIEW_COMMANDS,
)
GESTURES = (
    Gesture("Click, drag", "choose the pixel"),
    Gesture("Shift+drag", "draw a region"),
    Gesture("1 … 9", "show one pane alone (hold or press)"),
    *VIEW_GESTURES,
)
EXPORTS = ("copy", "save_panes", "save_maps", "save_values", "figure")
"""The Export menu, enabled while there are maps."""


def create_actions(widget: QWidget, *, state: InspectState, area: MapArea, exporter: Exporter) -> ActionTable:
    """The actions of the panel `widget`, connected with what they act on."""
    actions = ActionTable("Inspect", COMMANDS, widget, gestures=GESTURES)
    for way, (dy, dx) in MOVES.items():
        actions.on(f"move_{way}", lambda dy=dy, dx=dx: state.move_query(dy, dx))
        actions.on(f"move_{way}_far", lambda dy=dy, dx=dx: state.move_query(FAR * dy, FAR * dx))
    for name, run in {
        "next_layer": lambda: state.set_layer(state.layer + 1),
        "previous_layer": lambda: state.set_layer(state.layer - 1),
        "previous_checkpoint": lambda: state.timeline.move(-1),
        "next_checkpoint": lambda: state.timeline.move(1),
        "flip": lambda: area.grid.flip(),
        "show_all": area.show_all,
        "close_pane": lambda: state.close_pane(area.board.key_at_mouse),
        "copy": exporter.copy,
        "save_panes": exporter.save_panes,
        "save_maps": exporter.save_maps,
        "save_values": exporter.save_values,
        "figure": exporter.open_figure,
    }.items():
        actions.on(name, run)
    for name, switch, changed in (
        ("hover", state.set_hovering, state.hovering_changed),
        ("matrix", state.show_matrix, state.matrix_toggled),
        ("follow", state.timeline.set_following, state.timeline.following_changed),
    ):
        actions[name].triggered.connect(switch)
        changed.connect(actions[name].setChecked)
    connect_view_commands(actions, area.camera)
    grid = area.board.grid
    connect_blink(actions, Blink(grid), grid, state.session.announce)

    def enable_show_all() -> None:
        # While there is nothing to leave, Escape belongs to the window.
        actions["show_all"].setEnabled(state.matrix_shown or area.grid.solo is not None)

    area.board.grid.solo_changed.connect(enable_show_all)
    area.matrix.grid.solo_changed.connect(enable_show_all)
    state.matrix_toggled.connect(lambda _: enable_show_all())
    enable_show_all()
    for name in EXPORTS:
        actions[name].setEnabled(False)
    return actions
