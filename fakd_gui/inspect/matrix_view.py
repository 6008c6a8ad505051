"""The affinity of a region's pixels to one another as matrices, as the paper shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fakd_core.evaluation.features import FeatureMaps, Floats, Window
from fakd_core.events import CancelToken, Image8
from fakd_gui.inspect.board import COLUMN_COLOUR, MapStyle, coloured, difference_key
from fakd_gui.inspect.colour_bar import signed
from fakd_gui.session.jobs import LatestWins
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import qimage_from_array
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.pane_grid import PaneGrid
from fakd_gui.widgets.theme import current_theme

MAX_REGION = 32
"""Side of a region in LR pixels: its matrices have at most 1024 x 1024 cells."""
DEFAULT_REGION = 16


@dataclass(frozen=True)
class MatrixRequest:
    """What the matrices are made of."""

    features: Mapping[str, FeatureMaps] = field(repr=False)
    teacher: str
    students: Sequence[str]
    layer: int
    region: Window
    look: MapStyle


@dataclass(frozen=True)
class Matrices:
    """(N, N) values by model and difference, and their pictures."""

    wanted: MatrixRequest
    values: dict[str, Floats] = field(repr=False)
    pictures: dict[str, Image8] = field(repr=False)


@dataclass(frozen=True)
class MatrixHeading:
    """What stands above a matrix."""

    key: str
    title: str
    colour: str


def make_matrices(wanted: MatrixRequest) -> Matrices:
    """Compute and colour them; off the GUI thread for large regions."""
    values: dict[str, Floats] = {}
    for ref in (wanted.teacher, *wanted.students):
        held = wanted.features.get(ref)
        if held is not None and held.window.contains(wanted.region):
            values[ref] = held.affinity_matrix(wanted.layer, wanted.region)
    for student in wanted.students:
        if student in values and wanted.teacher in values:
            values[difference_key(student)] = values[student] - values[wanted.teacher]
    models = (wanted.teacher, *wanted.students)
    pictures = {key: coloured(matrix, key not in models, wanted.look) for key, matrix in values.items()}
    return Matrices(wanted, values, pictures)


def region_from(rect: QRectF, scale: int, bounds: Window) -> Window:
    """The LR pixels that `rect` (HR pixels) touches, at most 32x32 of them, inside `bounds`."""
    left, top = int(rect.left() // scale), int(rect.top() // scale)
    width = int(-(-rect.right() // scale)) - left
    height = int(-(-rect.bottom() // scale)) - top
    width = min(max(1, width), MAX_REGION, bounds.width)
    height = min(max(1, height), MAX_REGION, bounds.height)
    left = min(max(left, bounds.left), bounds.left + bounds.width - width)
    top = min(max(top, bounds.top), bounds.top + bounds.height - height)
    return Window(top, left, height, width)


def region_around(y: int, x: int, bounds: Window) -> Window:
    """A region of moderate size around the pixel (y, x)."""
    half = DEFAULT_REGION // 2
    return region_from(QRectF(x - half, y - half, DEFAULT_REGION, DEFAULT_REGION), 1, bounds)


class MatrixView(QWidget):
    """Linked panes of N x N cells: row i, column j holds the affinity of pixels i and j of the region."""

    hovered = Signal(object)
    """The two pixels ((y, x), (y, x)) of the cell under the mouse, or None."""
    picked = Signal(int, int)
    """A cell was clicked: the pixel (y, x) of its row."""
    shown = Signal()
    failed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.camera = Camera(self)
        self.grid = PaneGrid(self.camera, self)
        self.panes: dict[str, ImagePane] = {}
        self.matrices: Matrices | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.grid)
        self._worker = LatestWins("matrices", self)
        self._worker.result.connect(self._take)
        self._worker.failed.connect(self.failed)
        self.camera.cursor_changed.connect(self._point_out)

    def arrange(self, headings: Sequence[MatrixHeading]) -> None:
        """One pane per model and difference."""
        keys = [heading.key for heading in headings]
        if keys != list(self.panes):
            self.panes = {key: self.panes.get(key) or self._make_pane(key) for key in keys}
            self.grid.set_panes(list(self.panes.values()))
        for number, heading in enumerate(headings, start=1):
            badge = str(number) if number < 10 else ""
            self.panes[heading.key].set_title(heading.title, heading.colour, badge)

    def request(self, wanted: MatrixRequest) -> None:
        """Compute the matrices; `shown` follows."""

        def work(token: CancelToken) -> Matrices:
            return make_matrices(wanted)

        self._worker.submit(work)

    def mark(self, pixel: tuple[int, int], other: tuple[int, int] | None = None) -> None:
        """Point out the row of `pixel` (y, x) and the column of `other`, where they lie in the region."""
        if self.matrices is None:
            return
        region = self.matrices.wanted.region
        side, marks = region.positions, list[tuple[QRectF, str]]()
        if region.contains_pixel(*pixel):
            marks.append((QRectF(0, region.index(*pixel), side, 1), current_theme().accent))
        if other is not None and region.contains_pixel(*other):
            marks.append((QRectF(region.index(*other), 0, 1, side), COLUMN_COLOUR))
        for pane in self.panes.values():
            pane.canvas.marks = tuple(marks)
            pane.canvas.update()

    def cell(self) -> tuple[int, int] | None:
        """Row and column of the cell under the mouse."""
        at = self.camera.cursor
        return None if at is None or self.matrices is None else (int(at.y()), int(at.x()))

    def pixels(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """The two pixels of the cell under the mouse."""
        cell = self.cell()
        if cell is None or self.matrices is None:
            return None
        region = self.matrices.wanted.region
        return region.pixel(cell[0]), region.pixel(cell[1])

    def _make_pane(self, key: str) -> ImagePane:
        pane = ImagePane(key, self.camera, self.grid)
        pane.canvas.pointed.connect(self._pick)
        pane.canvas.setToolTip(
            "Row i, column j: the affinity of the region's pixels i and j, counted along its rows.\n"
            "Click: inspect the pixel of the row; drag to pan, wheel to zoom"
        )
        return pane

    def _take(self, result: object) -> None:
        assert isinstance(result, Matrices)
        self.matrices = result
        region = result.wanted.region
        side = region.positions
        self.camera.set_scene(side, side)
        for key, pane in self.panes.items():
            if key not in result.values:
                pane.canvas.set_overlays()
                continue
            pane.canvas.set_overlays(
                Overlay(qimage_from_array(result.pictures[key]), QRectF(0, 0, side, side))
            )
            values = result.values[key]
            is_model = key in (result.wanted.teacher, *result.wanted.students)
            mean = float(values.mean() if is_model else abs(values).mean())
            pane.set_figures(
                f"{'mean' if is_model else 'mean |Δ|'} {signed(mean, 3 if is_model else 4)}",
                f"All {side} × {side} pairs of the region of {region.width} × {region.height} px",
            )
        self._point_out()
        self.shown.emit()

    def _point_out(self) -> None:
        cell = self.cell()
        for key, pane in self.panes.items():
            values = self.matrices.values.get(key) if self.matrices is not None else None
            pane.set_readout(
                "" if values is None or cell is None else f"{values[cell]:+.3f}".replace("-", "−")
            )
        self.hovered.emit(self.pixels())

    def _pick(self, at: QPointF) -> None:
        if self.matrices is None:
            return
        region = self.matrices.wanted.region
        row = int(at.y() // 1)
        if 0 <= row < region.positions:
            self.picked.emit(*region.pixel(row))
