"""The matrix of a region beside the image: drawing, moving, and what is computed for it."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF

from fakd_gui.inspect.layout import InspectLayout
from fakd_gui.inspect.matrix_view import MatrixRequest, region_around, region_from


class RegionMode(QObject):
    """Keeps the region on the image and the matrices in step."""

    def __init__(self, panel: InspectLayout) -> None:
        super().__init__(panel)
        self._panel = panel
        panel.board.region_edited.connect(self._edit)
        panel.board.region_drawn.connect(lambda: panel.controls.matrix.setChecked(True))
        panel.controls.matrix.toggled.connect(self._show)
        panel.matrix.hovered.connect(lambda _: self.mark())
        panel.matrix.shown.connect(self.mark)
        panel.camera.cursor_changed.connect(self.mark)
        panel.matrix.failed.connect(panel.session.error)

    def request(self) -> None:
        """Compute the matrices of what is shown, if they are."""
        panel = self._panel
        window, region = panel.engine.window, panel.board.region
        if panel.matrix.isHidden() or window is None:
            return
        if region is None or not window.contains(region):
            region = region_around(*panel.asked.pinned, window)
            panel.board.mark_region(region, movable=True)
        teacher, students = panel.session.teacher, list(panel.board.students)
        layer = panel.controls.layer
        panel.matrix.request(
            MatrixRequest(dict(panel.engine.features), teacher, students, layer, region, panel.look())
        )

    def mark(self) -> None:
        """Point out the pixels asked about, on the image and in the matrices."""
        panel = self._panel
        pair = None if panel.matrix.isHidden() else panel.matrix.pixels()
        panel.board.mark(panel.asked.pinned, panel.asked.hovered, pair)
        # The pixel under the mouse on the image has its column, as a cell of the matrix has its two pixels.
        panel.matrix.mark(panel.asked.pinned, panel.board.pixel(panel.camera.cursor))

    def _edit(self, rect: QRectF) -> None:
        panel = self._panel
        image, window = panel.session.image, panel.engine.window
        if image is not None and window is not None:
            region = region_from(rect, image.scale, window)
            panel.board.mark_region(region, movable=panel.controls.matrix.isChecked())
            self.request()

    def _show(self, on: bool) -> None:
        panel = self._panel
        if on and panel.board.region is None and panel.engine.window is not None:
            panel.board.region = region_around(*panel.asked.pinned, panel.engine.window)
        panel.matrix.setVisible(on)
        if on:
            width = panel.splitter.width()
            panel.splitter.setSizes([2 * width // 5, 3 * width // 5])
        panel.board.number(not on)
        panel.board.mark_region(panel.board.region, movable=on)
        # The matrices say what the maps say: beside them the image is enough.
        panel.board.grid.show_only(0 if on else None)
        self.request()
        self.mark()
