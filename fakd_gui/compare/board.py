"""The panes of a comparison: which stand where, what each says, and the difference of two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF
from PySide6.QtWidgets import QWidget

from fakd_core.events import CancelToken, Image8, Scores
from fakd_gui.compare.difference import AT_ONCE_PIXELS, Drawn, draw_difference
from fakd_gui.compare.work import BICUBIC, HR, PaneReady
from fakd_gui.convert import qimage_from_array
from fakd_gui.jobs import LatestWins
from fakd_gui.opened_image import OpenedImage
from fakd_gui.theme import current_theme
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.layers import Layer
from fakd_gui.widgets.names import model_labels
from fakd_gui.widgets.pane_grid import PaneGrid

DIFFERENCE = "difference"
FIGURES_TIP = (
    "PSNR / SSIM on luma, as many pixels cut per side as the scale; the box measured whole; "
    "difference to the teacher; time; parameters"
)


@dataclass(frozen=True)
class Difference:
    """Which two results are subtracted, and how much the difference is amplified."""

    a: str
    b: str
    gain: int = 4


class Board(QObject):
    """Owns the results of the image shown and keeps the panes in step with them."""

    def __init__(self, camera: Camera, parent: QWidget) -> None:
        super().__init__(parent)
        self.camera = camera
        self.grid = PaneGrid(camera, parent)
        self.panes: dict[str, ImagePane] = {}
        self.results: dict[str, PaneReady] = {}
        self.region_scores: dict[str, Scores | None] = {}
        self.difference: Difference | None = None
        self.image: OpenedImage | None = None
        self.students: list[str] = []
        self.teacher = ""
        self._labels: dict[str, str] = {}
        self._placed: dict[str, Image8] = {}
        self._drawn: Drawn | None = None
        self._wanted: tuple[int, int, int] | None = None
        self._drawing = LatestWins("draw the difference", self)
        self._drawing.result.connect(self._take_drawn)
        self._drawing.failed.connect(self._not_drawn)
        camera.cursor_changed.connect(self._update_readouts)

    @property
    def keys(self) -> list[str]:
        return list(self.panes)

    def pixels(self, key: str) -> Image8 | None:
        """What the pane `key` shows, (H, W, 3) in HR size; None while it isn't there."""
        if key == HR:
            return None if self.image is None else self.image.hr
        result = self.results.get(key)
        return None if result is None else result.sr

    def label(self, key: str) -> str:
        names = {BICUBIC: "Bicubic", HR: "HR", DIFFERENCE: "Difference"}
        return names.get(key) or self._labels.get(key, key)

    def show_image(self, image: OpenedImage) -> None:
        """Forget the results of the image before."""
        if self.image is not image:
            self.results = {}
            self.region_scores = {}
        self.image = image
        height, width = image.hr_size
        self.camera.set_scene(width, height)

    def arrange(self, students: list[str], teacher: str) -> None:
        """Bicubic, the students, the teacher, the ground truth, the difference."""
        self.students, self.teacher = students, teacher
        keys = [BICUBIC, *[ref for ref in students if ref != teacher]]
        if teacher:
            keys.append(teacher)
        if self.image is not None and self.image.hr is not None:
            keys.append(HR)
        if self.difference is not None:
            keys.append(DIFFERENCE)
        self._labels = model_labels([*students, teacher])
        self.results = {key: result for key, result in self.results.items() if key in keys}
        if keys != self.keys:
            self._placed = {}
            self.panes = {key: self.panes.get(key) or ImagePane(key, self.camera, self.grid) for key in keys}
            self.grid.set_panes(list(self.panes.values()))
        else:
            self.grid.arrange()
        self.refresh()

    def waiting(self, key: str, message: str, error: bool = False, progress: float | None = None) -> None:
        pane = self.panes.get(key)
        if pane is not None:
            pane.canvas.set_message(message, error, progress)

    def receive(self, result: PaneReady) -> None:
        self.results[result.key] = result
        self.waiting(result.key, "")
        self.refresh()

    def refresh(self) -> None:
        """Bring titles, figures and pictures up to date with the results."""
        for number, (key, pane) in enumerate(self.panes.items(), start=1):
            title = f"{self.label(key)} (teacher)" if key == self.teacher else self.label(key)
            pane.set_title(title, self._colour(key), str(number) if number < 10 else "")
            if key == DIFFERENCE:
                self._show_difference(pane)
                continue
            pixels = self.pixels(key)
            if pixels is not self._placed.get(key):
                self._place(key, pane, pixels)
            figures, tip = self._figures(key)
            pane.set_figures(figures, tip)
        self._update_readouts()

    def show_region(self, region: QRectF | None, scores: dict[str, Scores | None]) -> None:
        self.region_scores = scores
        for pane in self.panes.values():
            pane.canvas.region = region
            pane.canvas.update()
        self.refresh()

    def _place(self, key: str, pane: ImagePane, pixels: Image8 | None) -> None:
        if pixels is None:
            self._placed.pop(key, None)
            pane.canvas.set_layers()
            return
        self._placed[key] = pixels
        pane.canvas.set_layers(Layer(qimage_from_array(pixels), self._scene()))

    def _scene(self) -> QRectF:
        return QRectF(0, 0, self.camera.scene.width(), self.camera.scene.height())

    def _show_difference(self, pane: ImagePane) -> None:
        assert self.difference is not None
        a, b = self.pixels(self.difference.a), self.pixels(self.difference.b)
        pair = (self.difference.a, self.difference.b)
        names = [HR if key == HR else self.label(key) for key in pair]
        pane.set_title(f"|{' − '.join(names)}|", current_theme().muted, pane.header.badge)
        if a is None or b is None:
            pane.canvas.set_layers()
            pane.canvas.set_message("Appears when both are ready")
            pane.set_figures("")
            return
        drawn = self._draw(a, b, self.difference.gain)
        if drawn is None:
            pane.canvas.set_message("Subtracting…")
            return
        pane.canvas.set_message("")
        pane.canvas.set_layers(drawn.layer)
        full = 255 / drawn.gain
        pane.set_figures(
            f"mean {drawn.mean:.2f}, largest {drawn.largest} of 255 · bright = {full:.0f} and more",
            "The largest difference of the three colour channels, in grey levels",
        )

    def _draw(self, a: Image8, b: Image8, gain: int) -> Drawn | None:
        """The difference's picture, or None while a thread draws it; `refresh` follows then."""
        if self._drawn is not None and self._drawn.shows(a, b, gain):
            return self._drawn
        if a.shape[0] * a.shape[1] <= AT_ONCE_PIXELS:
            self._drawn = draw_difference(a, b, gain, CancelToken())
            return self._drawn
        wanted = (id(a), id(b), gain)
        if not (self._drawing.running and self._wanted == wanted):
            self._wanted = wanted
            self._drawing.submit(lambda token: draw_difference(a, b, gain, token))
        return None

    def _take_drawn(self, drawn: object) -> None:
        assert isinstance(drawn, Drawn)
        self._drawn = drawn
        self.refresh()

    def _not_drawn(self, message: str) -> None:
        self.waiting(DIFFERENCE, message, error=True)

    def _figures(self, key: str) -> tuple[str, str]:
        if key == HR:
            assert self.image is not None
            height, width = self.image.hr_size
            return f"ground truth · {width} × {height}", "What the others are measured against"
        result = self.results.get(key)
        if result is None:
            return "", ""
        parts = []
        inside = self.region_scores.get(key)
        if inside is not None:
            parts.append(f"box {inside.psnr:.2f} / {inside.ssim:.4f}")
        if result.scores is not None:
            parts.append(f"{result.scores.psnr:.2f} dB / {result.scores.ssim:.4f}")
        delta = self._delta(result)
        if delta:
            parts.append(delta)
        parts.append(f"{result.seconds:.2f} s" if result.seconds >= 0.01 else "< 0.01 s")
        if result.parameters:
            parts.append(f"{result.parameters / 1e6:.2f} M")
        return " · ".join(parts), FIGURES_TIP

    def _delta(self, result: PaneReady) -> str:
        teacher = self.results.get(self.teacher)
        if teacher is None or teacher is result or teacher.scores is None or result.scores is None:
            return ""
        return f"Δ {result.scores.psnr - teacher.scores.psnr:+.2f} dB".replace("-", "−")

    def _colour(self, key: str) -> str:
        theme = current_theme()
        if key == self.teacher:
            return theme.teacher
        if key in self.students:
            return theme.student_colour(self.students.index(key))
        return {BICUBIC: theme.bicubic, HR: theme.hr}.get(key, theme.muted)

    def _update_readouts(self) -> None:
        for key, pane in self.panes.items():
            pane.set_readout(self.reading(key, self.camera.cursor))

    def reading(self, key: str, at: QPointF | None) -> str:
        """'R G B' of the pane's pixel at `at` (HR pixels), or of the difference its absolute values."""
        if at is None or self.image is None:
            return ""
        if key == DIFFERENCE:
            assert self.difference is not None
            a, b = self.pixels(self.difference.a), self.pixels(self.difference.b)
            pixels = None
            if a is not None and b is not None:
                y, x = int(at.y()), int(at.x())
                pixels = np.abs(a[y : y + 1, x : x + 1].astype(np.int16) - b[y : y + 1, x : x + 1])[0, 0]
        else:
            shown = self.pixels(key)
            pixels = None if shown is None else shown[int(at.y()), int(at.x())]
        return "" if pixels is None else " ".join(f"{int(value)}" for value in pixels)
