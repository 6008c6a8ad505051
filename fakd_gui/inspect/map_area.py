"""The maps and matrices with the colour scales and losses below them: the results of the runner, drawn."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QMargins, QRectF, QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from fakd_core.models.spec import TAP_COUNT
from fakd_gui.inspect.board import MapBoard
from fakd_gui.inspect.colour_bar import ColourBar, MapValues
from fakd_gui.inspect.loss_chart import LossChart, StudentLosses
from fakd_gui.inspect.matrix_view import MatrixView
from fakd_gui.inspect.runner import InspectRunner
from fakd_gui.inspect.state import AFFINITY_RANGES, DIFFERENCE_RANGES, IMAGE, InspectState
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.pane_grid import PaneGrid
from fakd_gui.widgets.theme import affinity_lut, difference_lut

MARGIN, SPACING = 8, 16
"""Around the panel, and between scales and losses, in pixels."""
MIN_HISTOGRAM_HEIGHT = 560
"""Panel height in pixels below which the histograms leave their room to the maps."""
MIN_CHART_WIDTH = 700
"""Panel width in pixels below which only the headers have the losses."""
MIN_SCALE_WIDTH = 200
"""Width of each scale beside the losses of many students."""


class MapArea(QWidget):
    """Draws what the state chooses of the runner's results."""

    def __init__(self, state: InspectState, runner: InspectRunner) -> None:
        super().__init__()
        self._state = state
        self._runner = runner
        self.camera = Camera(self)
        self.board = MapBoard(state, self.camera, self)
        self.matrix = MatrixView(state, self)
        self.matrix.grid.hide()
        self.affinity_bar = ColourBar(
            "Affinity", "Cosine similarity to the marked pixel", lut=affinity_lut, ranges=AFFINITY_RANGES
        )
        self.difference_bar = ColourBar(
            "Difference", "Student minus teacher", lut=difference_lut, ranges=DIFFERENCE_RANGES
        )
        self.chart = LossChart(self)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        for number, (grid, stretch) in enumerate(((self.board.grid, 2), (self.matrix.grid, 3))):
            self._splitter.addWidget(grid)
            self._splitter.setStretchFactor(number, stretch)
        below = QWidget(self)
        self._scales = QHBoxLayout(below, contentsMargins=QMargins(), spacing=SPACING)
        for widget in (self.affinity_bar, self.difference_bar, self.chart):
            self._scales.addWidget(widget, 1, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self, contentsMargins=QMargins(), spacing=4)
        layout.addWidget(self._splitter, 1)
        layout.addWidget(below)
        self._connect()

    def _connect(self) -> None:
        state, runner, board = self._state, self._runner, self.board
        self.affinity_bar.range_chosen.connect(lambda *bounds: state.set_style(affinity_range=bounds))
        self.difference_bar.range_chosen.connect(lambda *bounds: state.set_style(difference_range=bounds))
        self.chart.bars.layer_clicked.connect(state.set_layer)
        for changed in (self.matrix.camera.cursor_changed, self.matrix.shown, state.query_changed):
            changed.connect(lambda *_: self.mark())
        self.camera.cursor_changed.connect(self._cursor_moved)
        board.grid.moved.connect(lambda start, end: state.move_pane(list(board.panes)[start], end))
        state.panes_moved.connect(self.arrange)
        state.style_changed.connect(self._show_style)
        state.region_changed.connect(board.mark_region)
        state.matrix_toggled.connect(self._show_matrix)
        runner.model_ready.connect(self._show_picture)
        runner.matrices.result.connect(self.matrix.show_matrices)

    @property
    def grid(self) -> PaneGrid:
        """The panes that the digits show alone."""
        return self.matrix.grid if self._state.matrix_shown else self.board.grid

    def arrange(self) -> None:
        """Make panes for the models."""
        self.board.arrange()
        self.matrix.arrange()
        self.mark()
        self._show_picture()

    def show_maps(self) -> None:
        """Compute the rows of the shown pixel and draw them."""
        self.board.rows, self.board.window = self._runner.rows(), self._runner.window
        self.mark()
        self.draw()

    def draw(self) -> None:
        """Draw the rows in their colours, with histograms, figures and readouts."""
        state, board = self._state, self.board
        self._show_picture()
        board.draw()
        for bar, shown in self._by_bar(key for key in board.panes if key in board.rows):
            maps = [
                MapValues(state.label(key), state.colour(key), board.rows[key], state.digit(key))
                for key in shown
            ]
            # Room for as many means in both, so that the two scales stand at one height.
            bar.show_values(maps, len(state.models))
        self._show_figures()
        self._show_readouts()

    def _by_bar(self, keys: Iterable[str]) -> list[tuple[ColourBar, list[str]]]:
        """The keys of models with their colour scale, and those of differences with theirs."""
        keys, models = list(keys), self._state.models
        return [
            (self.affinity_bar, [key for key in keys if key in models]),
            (self.difference_bar, [key for key in keys if key not in models]),
        ]

    def show_losses(self) -> None:
        maps = self._runner.maps
        names = [] if maps is None else [f"{tap} {name}" for tap, name in enumerate(maps.spec.tap_names)]
        self.chart.show_losses(names, self._show_figures(), self._state.layer)

    def mark(self) -> None:
        """Outline the pixels and matrix rows that belong to each other."""
        self.board.mark(self.matrix.hovered_pixels())
        # The pixel under the mouse on the image has its column, as a matrix cell has its two pixels.
        self.matrix.mark(self._state.query, self.board.pixel(self.camera.cursor))

    def show_all(self) -> None:
        """Show all panes; if they are, hide the matrices."""
        if self.grid.solo is not None:
            self.grid.show_only(None)
        else:
            self._state.show_matrix(False)

    def fit_room(self, size: QSize) -> None:
        """Leave out what a panel of `size` has no room or no use for."""
        compared = bool(self._state.teacher and self._state.students)
        tall, wide = size.height() >= MIN_HISTOGRAM_HEIGHT, size.width() >= MIN_CHART_WIDTH
        for bar in (self.affinity_bar, self.difference_bar):
            bar.scale.show_histograms(tall)
        self.difference_bar.setVisible(compared)
        # Not a minimum width, which would keep the window from becoming narrower.
        room = size.width() - 2 * (MARGIN + SPACING)
        chart_width = max(room // 3, self.chart.bars.min_width(len(self._state.students)))
        scale_width = max(1, (room - chart_width) // 2)
        for index, stretch in enumerate((scale_width, scale_width, chart_width)):
            self._scales.setStretch(index, stretch)
        self.chart.setVisible(compared and tall and wide and scale_width >= MIN_SCALE_WIDTH)

    def _show_figures(self) -> list[StudentLosses]:
        state, losses = self._state, list[StudentLosses]()
        for student in state.students:
            found = {layer: self._runner.loss(student, layer) for layer in range(TAP_COUNT)}
            known = {layer: loss for layer, loss in found.items() if loss is not None}
            losses.append(
                StudentLosses(state.label(student), state.colour(student), known, state.digit(student))
            )
        self.board.show_figures(self._runner.features, losses)
        return losses

    def _show_readouts(self) -> None:
        """Show the values under the cursor, in the headers and on the scales."""
        # Affinity is symmetric: while hovering, the other pixel to read at is the chosen one.
        hovering = self._state.hovered is not None
        pixel = self._state.query if hovering else self.board.pixel(self.camera.cursor)
        values = self.board.values_at(pixel)
        self.board.show_values(values)
        for bar, keys in self._by_bar(values):
            bar.mark([values[key] for key in keys])

    def _show_picture(self) -> None:
        state, image = self._state, self._state.image
        if image is None:
            return
        height, width = image.hr_size
        picture, covers, maps = image.lr, QRectF(0, 0, width, height), self._runner.maps
        if state.style.picture == "HR" and image.hr is not None:
            picture = image.hr
        elif state.style.picture == "SR" and maps is not None:
            picture, covers = maps.sr, self.board.covers(maps.window)
        self.board.show_picture(picture, covers)

    def _show_style(self) -> None:
        self.affinity_bar.set_range(self._state.style.affinity_range)
        self.difference_bar.set_range(self._state.style.difference_range)
        self.draw()

    def _show_matrix(self, on: bool) -> None:
        self.matrix.grid.setVisible(on)
        if on:
            width = self._splitter.width()
            self._splitter.setSizes([2 * width // 5, 3 * width // 5])
        self.board.set_titles(numbered=not on)
        self.board.mark_region()
        # The matrices show the models: beside them the image is enough.
        self.board.grid.show_only(list(self.board.panes).index(IMAGE) if on else None)
        self.mark()

    def _cursor_moved(self) -> None:
        pixel = self.board.pixel(self.camera.cursor)
        covered = pixel is not None and self._runner.window.contains_pixel(*pixel)
        self._state.hover(pixel if covered else None)
        self.mark()
        self._show_readouts()
