"""The panes of a comparison, kept in step with the results; the split and the difference of two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QPoint, QPointF, QRectF, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from fakd_core.errors import DataError
from fakd_core.events import Image8
from fakd_gui.compare.captions import (
    Caption,
    caption,
    difference_at,
    difference_figures,
    difference_title,
    pixel_text,
)
from fakd_gui.compare.difference_canvas import DifferenceCanvas
from fakd_gui.compare.difference_drawer import DifferenceDrawer
from fakd_gui.compare.split import SplitCanvas
from fakd_gui.compare.state import DIFFERENCE, SPLIT, PaneSet
from fakd_gui.compare.work import BICUBIC, HR, PaneReady, Region, RegionScores
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_canvas import Drag, ImageCanvas
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.pane_grid import PaneGrid
from fakd_gui.widgets.theme import current_theme

BACKDROP = 0.35
"""How faint bicubic's picture is below tiles that are there already."""


class Board(QObject):
    """Owns the results of the image shown and keeps the panes in step with them."""

    region_edited = Signal(QRectF)
    menu_requested = Signal(str, QPoint)
    """The key of a pane, and where on the screen its menu is wanted."""

    def __init__(self, camera: Camera, parent: QWidget) -> None:
        super().__init__(parent)
        self.camera = camera
        self.grid = PaneGrid(camera, parent)
        self.pane_set = PaneSet()
        self.panes: dict[str, ImagePane] = {}
        self.results: dict[str, PaneReady] = {}
        self.region: Region | None = None
        self.region_scores: dict[str, RegionScores] = {}
        self.image: OpenedImage | None = None
        self.drag = Drag.PAN
        self._placed: dict[str, Overlay | None] = {}
        self._tiles: dict[str, list[Overlay]] = {}
        self.drawer = DifferenceDrawer(self)
        self.drawer.changed.connect(self.refresh)
        self.drawer.failed.connect(lambda problem: self.waiting(DIFFERENCE, problem.text, error=True))
        camera.cursor_changed.connect(self.update_readouts)

    @property
    def keys(self) -> list[str]:
        return list(self.panes)

    def label(self, key: str) -> str:
        return self.pane_set.label(key)

    def pixels(self, key: str) -> Image8 | None:
        """What the pane `key` shows, (H, W, 3) of HR or LR size; None while it isn't there."""
        if key == HR:
            return None if self.image is None else self.image.hr
        result = self.results.get(key)
        return None if result is None else result.sr

    def picture(self, key: str) -> QImage | None:
        """What the pane `key` shows as a picture of its own, the difference in its colours."""
        difference = self.pane_set.difference
        if key == DIFFERENCE and difference is not None:
            a, b = self.pixels(difference.a), self.pixels(difference.b)
            drawn = None if a is None or b is None else self.drawer.of(a, b, difference)
            overlay = None if drawn is None else drawn.overlay
        else:
            result = self.results.get(key)
            overlay = None if result is None else result.overlay
        return None if overlay is None else overlay.image.copy()

    def show_image(self, image: OpenedImage, keep_view: bool = False) -> None:
        """Forget the results of the image before."""
        if self.image is not image:
            self.results = {}
            self.region_scores = {}
            self._tiles = {}
        self.image = image
        self.pane_set.has_hr = image.hr is not None
        height, width = image.hr_size
        self.camera.set_scene(width, height, keep_view)

    def arrange(self, students: Sequence[str], teacher: str) -> None:
        """Show the panes of the line-up: by itself bicubic, the students, the teacher, pictures, HR."""
        self.pane_set.students, self.pane_set.teacher = list(students), teacher
        keys = self.pane_set.keys
        self.results = {key: result for key, result in self.results.items() if key in keys}
        if keys != self.keys:
            self.panes = {key: self.panes.get(key) or self._make_pane(key) for key in keys}
            self._placed = {key: overlay for key, overlay in self._placed.items() if key in keys}
            self.grid.set_panes(list(self.panes.values()), keep_solo=True)
        else:
            self.grid.arrange()
        self.refresh()

    def waiting(self, key: str, message: str, error: bool = False, progress: float | None = None) -> None:
        pane = self.panes.get(key)
        if pane is not None:
            # Over tiles that are there already, the bar says enough.
            pane.canvas.set_message("" if key in self._tiles and not error else message, error, progress)

    def show_tile(self, key: str, overlay: Overlay) -> None:
        """Show a part of what `key` will be, over a faint bicubic."""
        if key not in self.panes:
            return
        self._tiles.setdefault(key, []).append(overlay)
        bicubic = self.results.get(BICUBIC)
        below = [] if bicubic is None or bicubic.overlay is None else [bicubic.overlay.with_opacity(BACKDROP)]
        self._placed.pop(key, None)
        self.panes[key].canvas.set_overlays(*below, *self._tiles[key])

    def receive(self, result: PaneReady) -> None:
        self.results[result.key] = result
        self._tiles.pop(result.key, None)
        self.waiting(result.key, "")
        self.refresh()

    def forget(self, key: str) -> None:
        """Take back what `key` showed."""
        self.results.pop(key, None)
        self._tiles.pop(key, None)
        self._placed.pop(key, None)
        if key in self.panes:
            self.panes[key].canvas.set_overlays()
        self.refresh()

    def refresh(self) -> None:
        """Bring titles, figures and pictures up to date with the results."""
        for number, (key, pane) in enumerate(self.panes.items(), start=1):
            badge = str(number) if number < 10 else ""
            pane.set_title(self.pane_set.title(key), self.pane_set.colour(key), badge)
            if key == DIFFERENCE:
                self._show_difference(pane)
            elif key == SPLIT:
                self._show_split(pane)
            else:
                self._place(key, pane)
                said = self._caption(key)
                pane.set_figures(said.figures, said.tip, costs=said.costs, region=said.region)
        self.update_readouts()

    def show_region(self, region: Region | None, scores: Mapping[str, RegionScores]) -> None:
        """Mark `region` in every pane, and say its scores on a line of their own."""
        self.region, self.region_scores = region, dict(scores)
        box = None if region is None else QRectF(region.left, region.top, region.width, region.height)
        lines = 2 if region is None else 3
        changed = False
        for pane in self.panes.values():
            pane.canvas.region = box
            pane.canvas.update()
            if pane.header.lines != lines:
                changed = True
                pane.header.set_lines(lines)
        if changed:
            self.grid.arrange()
        self.refresh()

    def set_drag(self, drag: Drag) -> None:
        """What dragging does in every pane."""
        self.drag = drag
        for pane in self.panes.values():
            pane.canvas.drag = drag

    def key_of(self, pane: object) -> str | None:
        return next((key for key, other in self.panes.items() if pane in (other, other.canvas)), None)

    @property
    def key_at_mouse(self) -> str | None:
        """The pane that the mouse is on; else the one that is shown alone."""
        found = self.key_of(self.camera.over)
        if found is None and self.grid.solo is not None:
            return self.grid.panes[self.grid.solo].key
        return found

    def pixel(self, key: str, at: QPointF | None) -> npt.NDArray[np.uint8] | None:
        """The (3,) colour that the pane `key` shows at `at` (HR pixels); None where there is none."""
        if key == SPLIT:
            split, canvas = self.pane_set.split, self.panes[SPLIT].canvas
            if split is None or at is None or not isinstance(canvas, SplitCanvas):
                return None
            key = split.a if canvas.on_first_side(self.camera.to_view(at)) else split.b
        shown = self.pixels(key)
        if at is None or shown is None:
            return None
        height, width = shown.shape[:2]
        y = min(height - 1, int(at.y() * height / self.camera.scene.height()))
        x = min(width - 1, int(at.x() * width / self.camera.scene.width()))
        found: npt.NDArray[np.uint8] = shown[y, x]
        return found

    def update_readouts(self) -> None:
        at = self.camera.cursor
        for key, pane in self.panes.items():
            if key == DIFFERENCE:
                pane.set_readout(self._read_difference(pane.canvas, at))
                continue
            pixel = self.pixel(key, at)
            pane.set_readout("" if pixel is None else pixel_text(pixel))

    def _make_pane(self, key: str) -> ImagePane:
        kinds = {SPLIT: SplitCanvas, DIFFERENCE: DifferenceCanvas}
        canvas = kinds.get(key, ImageCanvas)(self.camera)
        pane = ImagePane(key, self.camera, self.grid, canvas=canvas)
        canvas.has_overview = canvas.region_editable = True
        canvas.drag = self.drag
        pane.header.add_menu_button()
        pane.header.set_lines(2 if self.region is None else 3)
        if self.region is not None:
            box = self.region
            canvas.region = QRectF(box.left, box.top, box.width, box.height)
        canvas.region_edited.connect(self.region_edited)
        canvas.menu_requested.connect(lambda at: self.menu_requested.emit(key, at))
        pane.header.menu_requested.connect(lambda at: self.menu_requested.emit(key, at))
        if isinstance(canvas, SplitCanvas):
            canvas.divided.connect(self.update_readouts)
        return pane

    def _place(self, key: str, pane: ImagePane) -> None:
        result = self.results.get(key)
        overlay = None if result is None else result.overlay
        if key in self._tiles or (key in self._placed and self._placed[key] is overlay):
            return
        self._placed[key] = overlay
        pane.canvas.set_overlays(*([] if overlay is None else [overlay]))

    def _caption(self, key: str) -> Caption:
        result = self.results.get(key)
        if result is None or self.image is None:
            return Caption()
        height, width = self.image.lr.shape[:2]
        lr_size = height, width
        if key == HR:
            height, width = result.sr.shape[:2]
            return Caption(f"ground truth · {width} × {height}", tip="What the others are measured against")
        if result.sr.shape[:2] != (self.camera.scene.height(), self.camera.scene.width()):
            height, width = result.sr.shape[:2]
            return Caption(f"{width} × {height}", tip="Of LR size: enlarged by repeating pixels")
        if self.region is not None and self.image.hr is None:
            alone = caption(result, None, None, None, None, lr_size)
            return replace(alone, region="Box: no HR to measure it against")
        teacher = self.pane_set.teacher
        whole = None if key == teacher else self.results.get(teacher)
        inside = self.region_scores
        other = None if key == teacher else inside.get(teacher)
        return caption(result, whole, self.region, inside.get(key), other, lr_size)

    # -- split and difference

    def _show_split(self, pane: ImagePane) -> None:
        split, canvas = self.pane_set.split, pane.canvas
        assert split is not None
        assert isinstance(canvas, SplitCanvas)
        first, second = self.results.get(split.a), self.results.get(split.b)
        names = (self.label(split.a), self.label(split.b))
        pane.set_title(" | ".join(names), current_theme().muted, pane.header.badge)
        pane.set_figures("", "Drag the divider; the first is left of it, or above it")
        if first is None or second is None or first.overlay is None or second.overlay is None:
            canvas.set_overlays()
            canvas.set_message("Appears when both are ready")
            return
        canvas.set_message("")
        canvas.set_split(first.overlay, second.overlay, names, split.vertical)

    def _show_difference(self, pane: ImagePane) -> None:
        difference, canvas = self.pane_set.difference, pane.canvas
        assert difference is not None
        assert isinstance(canvas, DifferenceCanvas)
        a, b = self.pixels(difference.a), self.pixels(difference.b)
        names = (self.label(difference.a), self.label(difference.b))
        pane.set_title(difference_title(difference, *names), current_theme().muted, pane.header.badge)
        drawn = None
        if self.image is None or a is None or b is None:
            message, error = "Appears when both are ready", False
        else:
            try:
                drawn = self.drawer.draw(a, b, difference, self.image.scale)
                message, error = ("" if drawn is not None else "Subtracting…"), False
            except DataError as reason:
                message, error = str(reason), True
        canvas.set_message(message, error)
        if drawn is None:
            if a is None or b is None or error:
                canvas.set_overlays()
                canvas.shown = None
            pane.set_figures("")
            return
        canvas.shown = difference
        canvas.set_overlays(drawn.overlay)
        pane.set_figures(difference_figures(drawn), difference.explanation)

    def _read_difference(self, canvas: ImageCanvas, at: QPointF | None) -> str:
        difference = self.pane_set.difference
        if at is None or difference is None or not isinstance(canvas, DifferenceCanvas):
            return ""
        a, b = self.pixels(difference.a), self.pixels(difference.b)
        text, canvas.value = "", None
        if a is not None and b is not None and a.shape == b.shape:
            y, x = min(a.shape[0] - 1, int(at.y())), min(a.shape[1] - 1, int(at.x()))
            text, canvas.value = difference_at(a, b, difference, self.drawer.of(a, b, difference), y, x)
        return text
