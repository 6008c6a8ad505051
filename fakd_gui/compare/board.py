"""The panes of a comparison, kept in step with the state and its results."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QPoint, QPointF, Signal
from PySide6.QtWidgets import QWidget

from fakd_core.events import Progress
from fakd_gui.compare.canvases import DifferenceCanvas, SplitCanvas
from fakd_gui.compare.captions import difference_figures, difference_readout, pixel_text, result_caption
from fakd_gui.compare.difference import EXPLANATIONS
from fakd_gui.compare.panes import BICUBIC, DIFFERENCE, SPLIT, pane_colour
from fakd_gui.compare.results import PaneEvent, PaneFailed, PaneProgress, PaneResult, PaneTile, PaneWaiting
from fakd_gui.compare.state import CompareState
from fakd_gui.widgets.blink import Blink
from fakd_gui.widgets.image_canvas import Drag, ImageCanvas
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.pane_grid import PaneGrid

BACKDROP_OPACITY = 0.35
"""Opacity of bicubic's image below the first tiles of a result."""


class Board(QObject):
    """The panes in a grid; each has a header with title and figures, and a canvas."""

    menu_requested = Signal(str, QPoint)
    """The key of a pane, and the position of its menu on the screen."""

    def __init__(self, state: CompareState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self.grid = PaneGrid(state.camera, parent)
        self.blink = Blink(self.grid)
        self.drag = Drag.PAN
        self._tiles: dict[str, list[Overlay]] = {}
        self.grid.moved.connect(lambda start, end: state.move_pane(self.keys[start], end))
        state.image_changed.connect(self._tiles.clear)
        state.panes_changed.connect(self._arrange)
        state.reported.connect(self._show_event)
        state.region_changed.connect(self._show_region)
        state.measured.connect(self.refresh)
        state.camera.cursor_changed.connect(self.update_readouts)
        state.camera.tone_changed.connect(self.refresh)

    @property
    def panes(self) -> dict[str, ImagePane]:
        return self.grid.by_key

    @property
    def keys(self) -> list[str]:
        return list(self.panes)

    @property
    def key_at_mouse(self) -> str | None:
        """The pane under the mouse, or else the pane that is shown alone."""
        over, alone = self._state.camera.over, self.grid.alone
        under = (key for key, pane in self.panes.items() if pane.canvas is over)
        return next(under, None if alone is None else alone.key)

    def set_drag(self, drag: Drag) -> None:
        self.drag = drag
        for pane in self.panes.values():
            pane.canvas.drag = drag

    def move_divider(self, by: float) -> None:
        """Move the split's divider by a fraction of the pane."""
        canvas = self.panes[SPLIT].canvas
        canvas.move_divider(canvas.position + by)

    def pixel(self, key: str | None, at: QPointF | None) -> npt.NDArray[np.uint8] | None:
        """The (3,) colour that the pane `key` shows at `at` (HR pixels); None if there is none."""
        state, size = self._state, self._state.camera.scene
        if key == SPLIT and at is not None:
            first = self.panes[SPLIT].canvas.is_first_side(state.camera.to_view(at))
            key = state.split.a if first else state.split.b
        pixels = state.pixels(key)
        if at is None or pixels is None:
            return None
        height, width = pixels.shape[:2]
        y = min(height - 1, int(at.y() * height / size.height()))
        x = min(width - 1, int(at.x() * width / size.width()))
        return pixels[y, x]

    def refresh(self) -> None:
        """Bring titles, figures and images up to date."""
        state, session = self._state, self._state.session
        for number, (key, pane) in enumerate(self.panes.items(), start=1):
            colour = pane_colour(key, session.library)
            tone = "" if key == DIFFERENCE else state.camera.tone.text
            title = f"{state.title(key)} [{tone}]" if tone else state.title(key)
            pane.set_title(title, colour, str(number) if number < 10 else "")
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
                text, pane.canvas.value = difference_readout(self._state, at)
            else:
                pixel = self.pixel(key, at)
                text = "" if pixel is None else pixel_text(pixel)
            pane.set_readout(text)

    def _arrange(self) -> None:
        if self._state.image is None:
            return
        if not self.grid.set_keys(self._state.keys, self._make_pane):
            self.grid.arrange()
        self.refresh()

    def _make_pane(self, key: str) -> ImagePane:
        kinds = {SPLIT: SplitCanvas, DIFFERENCE: DifferenceCanvas}
        canvas = kinds.get(key, ImageCanvas)(self._state.camera)
        pane = ImagePane(key, canvas)
        canvas.has_overview = canvas.region_editable = True
        canvas.drag = self.drag
        pane.header.show_menu_button()
        pane.header.set_closable(True)
        pane.header.close_requested.connect(lambda: self._state.close_pane(key))
        self._set_region(pane)
        canvas.region_edited.connect(self._state.set_region)
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
            case PaneProgress(key, Progress(done, total, note=note)):
                self._show_message(key, f"Computing… {note}".rstrip(), progress=done / total)
            case PaneTile(key, overlay):
                self._show_tile(key, overlay)
            case PaneResult(key) | PaneFailed(key):
                failed = isinstance(event, PaneFailed)
                self._tiles.pop(key, None)
                self._show_message(key, event.problem.text if failed else "", error=failed)
                self.refresh()

    def _show_message(self, key: str, text: str, error: bool = False, progress: float | None = None) -> None:
        if key in self.panes:
            # Over tiles, the progress bar is enough.
            text = "" if key in self._tiles and not error else text
            self.panes[key].canvas.set_message(text, error, progress)

    def _show_tile(self, key: str, overlay: Overlay) -> None:
        """Show a part of a result over a faint bicubic image."""
        if key not in self.panes:
            return
        self._tiles.setdefault(key, []).append(overlay)
        below = self._state.results.get(BICUBIC)
        backdrop = [] if below is None else [below.overlay.with_opacity(BACKDROP_OPACITY)]
        self.panes[key].canvas.set_overlays(*backdrop, *self._tiles[key])

    def _show_result(self, key: str, pane: ImagePane) -> None:
        result = self._state.results.get(key)
        if key not in self._tiles:
            pane.canvas.set_overlays(*([] if result is None else [result.overlay]))
        pane.set_figures(*result_caption(self._state, key))

    # -- the region

    def _show_region(self) -> None:
        """Draw the region in every pane, with its scores on a line of their own."""
        for pane in self.panes.values():
            self._set_region(pane)
        self.grid.arrange()
        self.refresh()

    def _set_region(self, pane: ImagePane) -> None:
        region = self._state.region
        pane.canvas.region = None if region is None else region.rect
        pane.canvas.update()
        pane.header.set_lines(2 if region is None else 3)

    # -- split and difference

    def _show_split(self, pane: ImagePane) -> None:
        state, split = self._state, self._state.split
        sides = [state.results[key].overlay for key in (split.a, split.b) if key in state.results]
        ready = len(sides) == 2
        pane.set_figures("", "Drag the divider; the first is left of it, or above it")
        pane.canvas.set_message("" if ready else "Appears when both are ready")
        pane.canvas.names, pane.canvas.vertical = (state.label(split.a), state.label(split.b)), split.vertical
        pane.canvas.set_overlays(*(sides if ready else []))

    def _show_difference(self, pane: ImagePane) -> None:
        canvas, image = pane.canvas, self._state.current_difference()
        if image is not None and image.overlay is not None:
            canvas.shown = image.difference
            canvas.set_overlays(image.overlay)
            canvas.set_message("")
            pane.set_figures(difference_figures(image), EXPLANATIONS[image.difference.kind])
            return
        pane.set_figures("")
        if image is None or image.error:
            canvas.set_overlays()
        waiting = "Appears when both are ready" if image is None else "Subtracting…"
        error = "" if image is None else image.error
        canvas.set_message(error or waiting, error=bool(error))
