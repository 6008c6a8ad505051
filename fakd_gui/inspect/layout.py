"""The inspector's widgets and where they stand, and what they show; what happens is the panel's."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from fakd_gui.inspect.board import MapBoard, MapStyle
from fakd_gui.inspect.colour_bar import ColourBar
from fakd_gui.inspect.controls import InspectControls
from fakd_gui.inspect.engine import AffinityEngine
from fakd_gui.inspect.loss_chart import LossChart
from fakd_gui.inspect.matrix_view import MatrixView
from fakd_gui.inspect.query import Query
from fakd_gui.inspect.timeline import Timeline
from fakd_gui.inspect.timeline_bar import TimelineBar
from fakd_gui.session.session import Session
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.empty_state import EmptyState
from fakd_gui.widgets.image_tools import OpenTools, add_view_tools, make_tool_bar
from fakd_gui.widgets.theme import affinity_lut, difference_lut

AFFINITY_RANGES = ((0.0, 1.0), (-1.0, 1.0))
DIFFERENCE_RANGES = ((-0.5, 0.5), (-1.0, 1.0), (-0.1, 0.1))
MARGIN, SPACING = 8, 16
ROOM_FOR_HISTOGRAM = 560
"""Panel height in pixels below which the histograms leave their room to the maps."""
ROOM_FOR_LOSSES = 700
"""Panel width in pixels below which only the headers tell the losses."""
ROOM_FOR_SCALE = 200
"""What is left for each scale beside the losses of many students."""


class InspectLayout(QWidget):
    """Tool bar, controls, checkpoints, maps and matrices, scales with histograms, losses, status line."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.camera = Camera(self)
        self.board = MapBoard(self.camera, self)
        self.engine = AffinityEngine(session.models, self)
        self.asked = Query(self)
        self.timeline = Timeline(session, self)
        self.bar = make_tool_bar(self)
        self.open_tools = OpenTools(self.bar)
        self.bar.addSeparator()
        add_view_tools(self.bar, self.camera)
        self.bar.addSeparator()
        self.controls = InspectControls(self)
        self.bar.addWidget(self.controls.look)
        self.timeline_bar = TimelineBar(self.timeline, session, self)
        self.affinity_bar = ColourBar(
            "Affinity", "Cosine similarity to the marked pixel", affinity_lut, AFFINITY_RANGES, self
        )
        self.difference_bar = ColourBar(
            "Difference", "Student minus teacher", difference_lut, DIFFERENCE_RANGES, self
        )
        self.losses = LossChart(self)
        self.matrix = MatrixView(self)
        self.matrix.hide()
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(self.board.grid)
        self.splitter.addWidget(self.matrix)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setStretchFactor(0, 2)
        self.splitter.setStretchFactor(1, 3)
        self.empty = EmptyState(self.open_tools, "see what the networks relate its pixels to", self)
        self.status = BusyBar(self)
        self._lay_out()
        self._order_focus()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _lay_out(self) -> None:
        self.below = QWidget(self)
        self._scales = QHBoxLayout(self.below)
        self._scales.setContentsMargins(0, 0, 0, 0)
        self._scales.setSpacing(SPACING)
        for widget in (self.affinity_bar, self.difference_bar, self.losses):
            self._scales.addWidget(widget, 1, Qt.AlignmentFlag.AlignBottom)
        self.content = QWidget(self)
        content = QVBoxLayout(self.content)
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(4)
        content.addWidget(self.controls)
        content.addWidget(self.timeline_bar)
        content.addWidget(self.splitter, 1)
        content.addWidget(self.below)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, 4, MARGIN, 6)
        layout.setSpacing(4)
        layout.addWidget(self.bar)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.status)

    def _order_focus(self) -> None:
        """Tab goes from control to control as they are read."""
        controls, line = self.controls, self.timeline_bar
        order: list[QWidget] = [controls.picture_choice, controls.opacity_slider, controls.layer_slider]
        order += [controls.students, controls.hover, controls.matrix]
        order += [line.runs, line.slider, line.survey, line.follow]
        order += [self.affinity_bar.choice, self.difference_bar.choice]
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    def look(self) -> MapStyle:
        """How maps are drawn just now."""
        return MapStyle(self.controls.opacity, self.affinity_bar.bounds, self.difference_bar.bounds)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_room()

    def fit_room(self) -> None:
        """Leave out what there is no room or no use for."""
        tall = self.height() >= ROOM_FOR_HISTOGRAM
        for bar in (self.affinity_bar, self.difference_bar):
            bar.scale.show_histograms(tall)
        wide = self.width() >= ROOM_FOR_LOSSES
        self.timeline_bar.show_curve(wide)
        compared = bool(self.board.teacher and self.board.students)
        self.difference_bar.setVisible(compared)
        # Not a minimum width, which would keep the window from becoming narrower.
        room = self.width() - 2 * (MARGIN + SPACING)
        for_losses = max(room // 3, self.losses.bars.least_width(len(self.board.students)))
        for_scale = max(1, (room - for_losses) // 2)
        for index, share in enumerate((for_scale, for_scale, for_losses)):
            self._scales.setStretch(index, share)
        self.losses.setVisible(compared and tall and wide and for_scale >= ROOM_FOR_SCALE)
