"""Compare's widgets: tool bar, bars of choices, panes, film strip, status line."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QLabel, QMenu, QPushButton, QStackedWidget, QToolBar, QVBoxLayout, QWidget

from fakd_gui.compare.board import Board
from fakd_gui.compare.film_strip import Filmstrip
from fakd_gui.compare.pair_bars import DifferenceBar, SplitBar
from fakd_gui.session.session import Session
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.empty_state import EmptyState
from fakd_gui.widgets.image_tools import OpenTools, add_view_tools, make_tool_bar, menu_button, set_icon

ROOM_FOR_LARGE_THUMBNAILS = 560
"""Panel height in pixels below which the film strip leaves room to the panes."""


SPLIT_TIP = "Two results in one pane with a divider to drag (S)"
DIFFERENCE_TIP = "What two results differ by, amplified (D)"


class CompareWidgets(QWidget):
    """All that Compare consists of, in reading order, which is the order of the keyboard's focus."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.camera = Camera(self)
        self.board = Board(self.camera, self)
        self.bar = make_tool_bar(self)
        self.panes_menu = QMenu(self)
        self._fill_bar(self.bar)
        self.split_bar, self.difference_bar = SplitBar(self), DifferenceBar(self)
        self.empty = EmptyState(self.open_tools, "compare models on it", self)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.board.grid)
        self.no_panes = NoPanes(self)
        self.stack.addWidget(self.no_panes)
        self.strip = Filmstrip(self)
        self.status = BusyBar(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 6)
        column.setSpacing(4)
        column.addWidget(self.bar)
        for choices in (self.split_bar, self.difference_bar):
            column.addWidget(choices)
            choices.hide()
        column.addWidget(self.stack, 1)
        column.addWidget(self.strip)
        column.addWidget(self.status)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.strip.set_compact(self.height() < ROOM_FOR_LARGE_THUMBNAILS)

    def enable_actions(self, image: bool, panes: int) -> None:
        """What can be done with an image or without, and with so many `panes` that show one result each."""
        for action in (self.region_action, self.figure_action, self.save_action):
            action.setEnabled(image and panes > 0)
        why = "\nNeeds two panes: Panes shows closed ones again." if image and panes < 2 else ""
        for action, tip in ((self.split_action, SPLIT_TIP), (self.difference_action, DIFFERENCE_TIP)):
            action.setEnabled(image and panes > 1)
            action.setToolTip(tip + why)

    def _fill_bar(self, bar: QToolBar) -> None:
        self.open_tools = OpenTools(bar)
        samples = self.open_tools.samples
        self.folder_action = QAction("Open a folder…", samples)
        samples.addAction(self.folder_action)
        samples.addSeparator()
        bar.addSeparator()
        menu_button(bar, "Panes", "plus", "Add a model or a picture, show and hide panes", self.panes_menu)
        bar.addSeparator()
        add_view_tools(bar, self.camera)
        bar.addSeparator()
        self.split_action = self._add("Split", SPLIT_TIP, "compare-horizontal", True)
        self.difference_action = self._add("Difference", DIFFERENCE_TIP, "vector-difference", True)
        self.region_action = self._add(
            "Region",
            "Drag to draw a rectangle that is measured in every pane (R; or hold Shift)",
            "selection-drag",
            True,
        )
        bar.addSeparator()
        self.figure_action = self._add(
            "Figure…", "Make a paper's figure: crops with scores, as PNG or PDF", "image-multiple"
        )
        self.save_action = self._add(
            "Save…",
            "Write the image of every pane that is shown as PNG into a folder",
            "content-save-outline",
        )

    def _add(self, text: str, tip: str, icon_name: str, checkable: bool = False) -> QAction:
        action = self.bar.addAction(text)
        action.setToolTip(tip)
        action.setCheckable(checkable)
        set_icon(action, icon_name)
        return action


class NoPanes(QWidget):
    all_wanted = Signal()
    """The person wants every pane back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("Every pane is closed", alignment=Qt.AlignmentFlag.AlignCenter)
        title.setProperty("role", "heading")
        hint = QLabel("Panes, above, shows them again one by one.", alignment=Qt.AlignmentFlag.AlignCenter)
        hint.setProperty("role", "muted")
        self.show_button = QPushButton("Show all panes")
        self.show_button.setProperty("role", "primary")
        self.show_button.clicked.connect(self.all_wanted)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addStretch()
        layout.addWidget(title)
        layout.addWidget(hint, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.show_button, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()
