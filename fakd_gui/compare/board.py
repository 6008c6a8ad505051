"""The panes of a comparison, kept in step with the state and its results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QPoint, QPointF, QRectF, Signal
from PySide6.QtWidgets import QWidget

from fakd_core.events import Progress
from fakd_gui.compare.captions import (
    Caption,
    caption_of,
    difference_figures,
    difference_readout,
    difference_title,
    pixel_text,
)
from fakd_gui.compare.difference_canvas import DifferenceCanvas
from fakd_gui.compare.panes import BICUBIC, DIFFERENCE, HR, SPLIT, pane_colour
from fakd_gui.compare.results import (
    PaneEvent,
    PaneFailed,
    PaneProgress,
    PaneResult,
    PaneStarted,
    PaneTile,
    PaneWaiting,
)
from fakd_gui.compare.split_canvas import SplitCanvas
from fakd_gui.compare.state import CompareState
from fakd_gui.widgets.image_canvas import Drag, ImageCanvas
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.pane_grid import PaneGrid
from fakd_gui.widgets.theme import current_theme

BACKDROP_OPACITY = 0.35
"""Opacity of bicubic's image below the first tiles of a result."""


class Board(QObject):
    """The panes in a grid; each has a header with title and figures, and a canvas."""

    region_edited = Signal(QRectF)
    menu_requested = Signal(str, QPoint)
    """The key of a pane, and the position of its menu on the screen."""

    def __init__(self, state: CompareState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self.grid = PaneGrid(state.camera, parent)
        self.panes: dict[str, ImagePane] = {}
        self.drag = Drag.PAN
        self._shown: dict[str, Overlay | None] = {}
        self._tiles: dict[str, list[Overlay]] = {}
        self.grid.moved.connect(lambda start, end: state.move_pane(self.keys[start], end))
        state.image_changed.connect(self._tiles.clear)
        state.panes_changed.connect(self._arrange)
        state.reported.connect(self._show_event)
        state.difference_drawn.connect(self.refresh)
        state.region_changed.connect(self._show_region)
        state.region_measured.connect(self.refresh)
        state.camera.cursor_changed.connect(self.update_readouts)

    @property
    def keys(self) -> list[str]:
        return list(self.panes)

    @property
    def key_at_mouse(self) -> str | None:
        """The pane under the mouse, or else the pane that is shown alone."""
        over, solo = self._state.camera.over, self.grid.solo
        alone = None if solo is None else self.grid.panes[solo].key
        return next((key for key, pane in self.panes.items() if pane.canvas is over), alone)

    def set_drag(self, drag: Drag) -> None:
        """Choose what dragging does in every pane."""
        self.drag = drag
        for pane in self.panes.values():
            pane.canvas.drag = drag

    def move_divider(self, by: float) -> None:
        """Move the split's divider by a fraction of the pane."""
        for pane in self.panes.values():
            if isinstance(pane.canvas, SplitCanvas):
                pane.canvas.move_divider(pane.canvas.position + by)

    def pixel(self, key: str, at: QPointF | None) -> npt.NDArray[np.uint8] | None:
        """The (3,) colour that the pane `key` shows at `at` (HR pixels); None if there is none."""
        state, size = self._state, self._state.camera.scene
        if key == SPLIT and at is not None:
            canvas = self.panes[SPLIT].canvas
            assert isinstance(canvas, SplitCanvas)
            first = canvas.is_first_side(state.camera.to_view(at))
            key = state.split.a if first else state.split.b
        pixels = state.pixels(key)
        if at is None or pixels is None:
            return None
        height, width = pixels.shape[:2]
        y = min(height - 1, int(at.y() * height / size.height()))
        x = min(width - 1, int(at.x() * width / size.width()))
        pixel: npt.NDArray[np.uint8] = pixels[y, x]
        return pixel

    def refresh(self) -> None:
        """Bring titles, figures and images up to date."""
        state, session = self._state, self._state.session
        for number, (key, pane) in enumerate(self.panes.items(), start=1):
            colour = pane_colour(key, session.teacher, session.students)
            pane.set_title(state.title(key), colour, str(number) if number < 10 else "")
            if key == DIFFERENCE:
                self._show_difference(pane)
            elif key == SPLIT:
                self._show_split(pane)
            else:
                self._show_result(key, pane)
        self.update_readouts()

    def update_readouts(self) -> None:
        """Show the values under the cursor in every header."""
        at = self._state.camera.cursor
        for key, pane in self.panes.items():
            if key == DIFFERENCE:
                pane.set_readout(self._difference_readout(pane.canvas, at))
            else:
                pixel = self.pixel(key, at)
                pane.set_readout("" if pixel is None else pixel_text(pixel))

    def _arrange(self) -> None:
        """Make and remove panes, and place them."""
        if self._state.image is None:
            return
        keys = self._state.keys
        if keys != self.keys:
            self.panes = {key: self.panes.get(key) or self._make_pane(key) for key in keys}
            self._shown = {key: overlay for key, overlay in self._shown.items() if key in keys}
            self.grid.set_panes(list(self.panes.values()))
        else:
            self.grid.arrange()
        self.refresh()

    def _make_pane(self, key: str) -> ImagePane:
        kinds = {SPLIT: SplitCanvas, DIFFERENCE: DifferenceCanvas}
        canvas = kinds.get(key, ImageCanvas)(self._state.camera)
        pane = ImagePane(key, self._state.camera, self.grid, canvas=canvas)
        canvas.has_overview = canvas.region_editable = True
        canvas.drag = self.drag
        pane.header.show_menu_button()
        self._set_region(pane)
        canvas.region_edited.connect(self.region_edited)
        for source in (canvas, pane.header):
            source.menu_requested.connect(lambda at: self.menu_requested.emit(key, at))
        if isinstance(canvas, SplitCanvas):
            canvas.divider_moved.connect(self.update_readouts)
        return pane

    # -- events and results

    def _show_event(self, event: PaneEvent) -> None:
        match event:
            case PaneWaiting(key, reason):
                self._show_message(key, reason)
            case PaneStarted(key) if key not in self._state.results:
                self._show_message(key, "Computing…", progress=0)
            case PaneProgress(key, Progress(done, total, note=note)):
                self._show_message(key, f"Computing… {note}".rstrip(), progress=done / total)
            case PaneTile(key, overlay):
                self._show_tile(key, overlay)
            case PaneResult(key):
                self._tiles.pop(key, None)
                self._show_message(key, "")
                self.refresh()
            case PaneFailed(key, problem):
                self._tiles.pop(key, None)
                self._show_message(key, problem.text, error=True)
                self.refresh()

    def _show_message(
        self, key: str, text: str, *, error: bool = False, progress: float | None = None
    ) -> None:
        if key in self.panes:
            # Over tiles, the progress bar is enough.
            text = "" if key in self._tiles and not error else text
            self.panes[key].canvas.set_message(text, error, progress)

    def _show_tile(self, key: str, overlay: Overlay) -> None:
        """Show a part of a result over a faint bicubic image."""
        if key not in self.panes:
            return
        self._tiles.setdefault(key, []).append(overlay)
        bicubic = self._state.results.get(BICUBIC)
        below = None if bicubic is None else bicubic.overlay
        backdrop = [] if below is None else [below.with_opacity(BACKDROP_OPACITY)]
        self._shown.pop(key, None)
        self.panes[key].canvas.set_overlays(*backdrop, *self._tiles[key])

    def _show_result(self, key: str, pane: ImagePane) -> None:
        result = self._state.results.get(key)
        overlay = None if result is None else result.overlay
        if key not in self._tiles and (key not in self._shown or self._shown[key] is not overlay):
            self._shown[key] = overlay
            pane.canvas.set_overlays(*([] if overlay is None else [overlay]))
        caption = Caption() if result is None else self._caption(key, result)
        pane.set_figures(caption.figures, caption.tip, costs=caption.costs, region=caption.region)

    def _caption(self, key: str, result: PaneResult) -> Caption:
        state, size = self._state, self._state.camera.scene
        assert state.image is not None
        height, width = result.pixels.shape[:2]
        if key == HR:
            return Caption(f"ground truth · {width} × {height}", tip="The others are measured against it")
        if (height, width) != (size.height(), size.width()):
            return Caption(f"{width} × {height}", tip="Of LR size: enlarged by repeating pixels")
        teacher = state.session.teacher if state.session.teacher != key else ""
        caption = caption_of(
            result,
            state.image.lr.shape[:2],
            teacher=state.results.get(teacher),
            region=state.region_scores.get(key),
            teacher_region=state.region_scores.get(teacher),
        )
        if state.region is not None and state.image.hr is None:
            return replace(caption, region="Box: no HR to measure it against")
        return caption

    # -- the region

    def _show_region(self) -> None:
        """Draw the region in every pane, with its scores on a line of their own."""
        lines = [pane.header.lines for pane in self.panes.values()]
        for pane in self.panes.values():
            self._set_region(pane)
        if lines != [pane.header.lines for pane in self.panes.values()]:
            self.grid.arrange()
        self.refresh()

    def _set_region(self, pane: ImagePane) -> None:
        region = self._state.region
        pane.canvas.region = None if region is None else region.rect
        pane.canvas.update()
        lines = 2 if region is None else 3
        if pane.header.lines != lines:
            pane.header.set_lines(lines)

    # -- split and difference

    def _show_split(self, pane: ImagePane) -> None:
        state, split, canvas = self._state, self._state.split, pane.canvas
        assert isinstance(canvas, SplitCanvas)
        first, second = state.results.get(split.a), state.results.get(split.b)
        names = state.label(split.a), state.label(split.b)
        pane.set_title(" | ".join(names), current_theme().muted, pane.header.badge)
        pane.set_figures("", "Drag the divider; the first is left of it, or above it")
        if first is None or second is None or first.overlay is None or second.overlay is None:
            canvas.set_overlays()
            canvas.set_message("Appears when both are ready")
            return
        canvas.set_message("")
        canvas.set_split(first.overlay, second.overlay, names=names, vertical=split.vertical)

    def _show_difference(self, pane: ImagePane) -> None:
        state, difference, canvas = self._state, self._state.difference, pane.canvas
        assert isinstance(canvas, DifferenceCanvas)
        title = difference_title(difference.kind, state.label(difference.a), state.label(difference.b))
        pane.set_title(title, current_theme().muted, pane.header.badge)
        ready, drawn = state.difference_pixels() is not None, state.current_difference()
        error = state.difference_error if ready and drawn is None else ""
        waiting = "Subtracting…" if ready else "Appears when both are ready"
        canvas.set_message(error or ("" if drawn else waiting), error=bool(error))
        if drawn is not None:
            canvas.shown = difference
            canvas.set_overlays(drawn.overlay)
            pane.set_figures(difference_figures(drawn), difference.explanation)
            return
        pane.set_figures("")
        if error or not ready:
            canvas.shown = None
            canvas.set_overlays()

    def _difference_readout(self, canvas: ImageCanvas, at: QPointF | None) -> str:
        pair = self._state.difference_pixels()
        if at is None or not isinstance(canvas, DifferenceCanvas):
            return ""
        text, canvas.value = "", None
        if pair is not None and pair[0].shape == pair[1].shape:
            (a, b), drawn = pair, self._state.current_difference()
            y, x = min(a.shape[0] - 1, int(at.y())), min(a.shape[1] - 1, int(at.x()))
            text, canvas.value = difference_readout(a, b, self._state.difference, drawn=drawn, y=y, x=x)
        return text
