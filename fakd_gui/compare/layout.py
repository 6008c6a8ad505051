"""Builds Compare's widgets: tool bar, bars of choices, panes, film strip, status line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout

from fakd_gui.compare.difference_bar import DifferenceBar
from fakd_gui.compare.film_strip import FilmStrip
from fakd_gui.compare.lineup import SPLIT
from fakd_gui.compare.menus import PanesMenu
from fakd_gui.compare.split_bar import SplitBar
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.empty_state import EmptyState
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.image_tools import add_open_tools, add_view_tools, make_tool_bar, menu_button, set_icon

if TYPE_CHECKING:
    from fakd_gui.compare.panel import ComparePanel


def lay_out(panel: ComparePanel) -> None:
    """Give `panel` its widgets, as attributes that it and its keys use."""
    bar = make_tool_bar(panel)
    samples = add_open_tools(bar, panel.opener)
    folder = QAction("Open a folder…", samples)
    folder.triggered.connect(panel.choose_open_folder)
    samples.insertAction(next(iter(samples.actions()), None), folder)
    bar.addSeparator()
    panel.panes_menu = PanesMenu(panel, bar)
    menu_button(bar, "Panes", "plus", "Add a model or a picture, show and hide panes", panel.panes_menu)
    bar.addSeparator()
    add_view_tools(bar, panel.camera)
    bar.addSeparator()

    def action(
        text: str, tip: str, name: str, act: Callable[..., object], checkable: bool = False
    ) -> QAction:
        made = bar.addAction(text)
        made.setToolTip(tip)
        made.setCheckable(checkable)
        made.triggered.connect(act)
        set_icon(made, name)
        return made

    panel.split_action = action(
        "Split",
        "Two results in one pane with a divider to drag (S)",
        "compare-horizontal",
        lambda wanted: panel.set_split(panel.split_bar.split if wanted else None),
        checkable=True,
    )
    panel.difference_action = action(
        "Difference",
        "What two results differ by, amplified (D)",
        "vector-difference",
        lambda wanted: panel.set_difference(panel.difference_bar.difference if wanted else None),
        checkable=True,
    )
    panel.region_action = action(
        "Region",
        "Drag to draw a rectangle that is measured in every pane (R; or hold Shift)",
        "selection-drag",
        panel.set_region_tool,
        checkable=True,
    )
    bar.addSeparator()
    panel.figure_action = action(
        "Figure…",
        "Make a paper's figure: crops with scores, as PNG or PDF",
        "image-multiple",
        panel.open_figure,
    )
    panel.save_action = action(
        "Save…",
        "Write the image of every pane that is shown as PNG into a folder",
        "content-save-outline",
        lambda: panel.exporter.choose_folder([key for key in panel.board.keys if key != SPLIT]),
    )
    panel.image_actions = [
        panel.split_action,
        panel.difference_action,
        panel.region_action,
        panel.figure_action,
        panel.save_action,
    ]
    panel.split_bar, panel.difference_bar = SplitBar(panel), DifferenceBar(panel)
    panel.split_bar.changed.connect(lambda: panel.set_split(panel.split_bar.split))
    panel.difference_bar.changed.connect(lambda: panel.set_difference(panel.difference_bar.difference))
    panel.empty = EmptyState(panel.opener, "compare models on it", panel)
    panel.stack = QStackedWidget(panel)
    panel.stack.addWidget(panel.empty)
    panel.stack.addWidget(panel.board.grid)
    panel.strip = FilmStrip(panel)
    panel.status = BusyBar(panel)
    panel.status.cancelled.connect(panel.cancel)
    column = QVBoxLayout(panel)
    column.setContentsMargins(8, 4, 8, 6)
    column.setSpacing(4)
    column.addWidget(bar)
    for choices in (panel.split_bar, panel.difference_bar):
        column.addWidget(choices)
        choices.hide()
    column.addWidget(panel.stack, 1)
    column.addWidget(panel.strip)
    column.addWidget(panel.status)
    FileDrops(panel, panel.take)
