"""The validation crop as it improves: bicubic, students, teacher and ground truth, over the validations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from fakd_gui.train.plot_lines import BASELINE, label_of
from fakd_gui.train.preview_frames import PreviewFrames
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.overlays import Overlay

LOWEST, TALLEST = 76, 1.4
"""The least height of a picture in pixels, and the most in widths: a crop is square."""


class CropCamera(Camera):
    """Fits by whole multiples of the screen's pixels and never reduces: detail is what a crop is for."""

    @property
    def fit_zoom(self) -> float:
        room = min(self.viewport.width() / self.scene.width(), self.viewport.height() / self.scene.height())
        return max(1, math.floor(room * self.pixel_ratio + 0.05)) / self.pixel_ratio


class Column(QWidget):
    """One picture under its name and PSNR."""

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.caption = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.caption.setProperty("role", "muted")
        # Equal columns, whatever the captions say.
        self.caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.canvas = ImageCanvas(camera)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.caption)
        layout.addWidget(self.canvas, 1)


class PreviewStrip(QWidget):
    """Shows `PreviewFrames`; the slider goes through validations, the wheel zooms all pictures alike."""

    step_shown = Signal(object)
    """After how many steps the pictures are from, or None."""

    capped = Signal()
    """It has another greatest height."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.film = PreviewFrames()
        self._step: int | None = None
        self.camera = CropCamera(self)
        self.columns: dict[str, Column] = {}
        self.scrubber = QSlider(Qt.Orientation.Horizontal)
        self.scrubber.setAccessibleName("Validation")
        self.scrubber.setToolTip("Go through the validations (Left, Right; Home, End)")
        self.scrubber.setPageStep(5)
        self.scrubber.setMinimumWidth(40)
        self.step_label = QLabel()
        self.step_label.setProperty("role", "muted")
        self.step_label.setMinimumWidth(self.fontMetrics().horizontalAdvance("step 0,000,000 (00 of 00)"))
        self.follow = QCheckBox("&Follow")
        self.follow.setToolTip("Go on to each new validation")
        self.follow.setChecked(True)
        self._row = QGridLayout()
        self._row.setHorizontalSpacing(6)
        self._tools = tools = QHBoxLayout()
        tools.setSpacing(8)
        for widget in (self.step_label, self.scrubber, self.follow):
            tools.addWidget(widget, int(widget is self.scrubber))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(tools)
        layout.addLayout(self._row, 1)
        self.scrubber.valueChanged.connect(lambda _: self._draw())
        self.scrubber.actionTriggered.connect(self._scrubbed)
        self.follow.toggled.connect(lambda on: self.refresh() if on else None)
        self.show_film(PreviewFrames())

    @property
    def step(self) -> int | None:
        """After how many steps the pictures are from."""
        return self._step

    def show_film(self, film: PreviewFrames) -> None:
        """Show another run's pictures, from its newest validation on."""
        self.film, self._step = film, None
        self.refresh()

    def refresh(self) -> None:
        """The film grew: go on to its end, or stay at the step that is shown."""
        steps = list(self.film.frames)
        self.scrubber.blockSignals(True)
        self.scrubber.setMaximum(max(len(steps) - 1, 0))
        if self.follow.isChecked() or self._step is None:
            self.scrubber.setValue(self.scrubber.maximum())
        elif steps:
            self.scrubber.setValue(_nearest(steps, self._step))
        self.scrubber.blockSignals(False)
        self.scrubber.setEnabled(len(steps) > 1)
        self._make_columns()
        self._draw()

    def show_step(self, step: int) -> None:
        """Show the validation nearest to `step`."""
        steps = list(self.film.frames)
        if steps:
            place = _nearest(steps, step)
            self.follow.setChecked(place == len(steps) - 1)
            self.scrubber.setValue(place)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """No higher than the pictures can use, so that the curves get the rest."""
        captions = max(column.caption.sizeHint().height() for column in self.columns.values())
        head = self._tools.sizeHint().height() + captions + self.layout().spacing() + 2
        highest = head + max(LOWEST, round(TALLEST * self._column_width()))
        if highest != self.maximumHeight():
            self.setMaximumHeight(highest)
            self.capped.emit()
        self._draw()

    def _column_width(self) -> int:
        return self.width() // max(len(self.columns), 1)

    def remember(self) -> dict[str, object]:
        return {"follow": self.follow.isChecked()}

    def recall(self, remembered: Mapping[str, object]) -> None:
        self.follow.setChecked(bool(remembered.get("follow", True)))

    def _scrubbed(self, action: int) -> None:
        """Looking back ends following; going to the end takes it up again."""
        self.follow.setChecked(self.scrubber.sliderPosition() == self.scrubber.maximum())

    def _make_columns(self) -> None:
        wanted = self.film.columns
        if tuple(self.columns) == wanted:
            return
        for column in self.columns.values():
            self._row.removeWidget(column)
            column.deleteLater()
        self.columns = {name: Column(self.camera) for name in wanted}
        for place, column in enumerate(self.columns.values()):
            self._row.addWidget(column, 0, place)
        for place in range(self._row.columnCount()):
            self._row.setColumnStretch(place, int(place < len(wanted)))

    def _draw(self) -> None:
        steps = list(self.film.frames)
        step = self._step = steps[min(self.scrubber.value(), len(steps) - 1)] if steps else None
        hr = self.film.crops.get("hr")
        if hr is not None:
            self.camera.set_scene(hr.shape[1], hr.shape[0])
        for name, column in self.columns.items():
            image = self.film.picture(name, step or 0)
            overlays = (
                []
                if image is None
                else [Overlay.from_pixels(image, QRectF(0, 0, image.shape[1], image.shape[0]))]
            )
            column.canvas.set_overlays(*overlays)
            column.canvas.set_message(
                "no teacher" if name == "teacher" and image is None and hr is not None else ""
            )
            column.caption.setText(self._caption(name, step))
            column.canvas.setAccessibleName(column.caption.text().replace("\n", ", "))
        place = f" ({self.scrubber.value() + 1} of {len(steps)})" if len(steps) > 1 else ""
        self.step_label.setText("no validation yet" if step is None else f"step {step:,}{place}")
        self.step_shown.emit(step)

    def _caption(self, name: str, step: int | None) -> str:
        if name == "hr":
            return f"HR\n{self.film.title}"
        twins = BASELINE in self.columns
        title = label_of(name, twins)
        if twins and self.fontMetrics().horizontalAdvance(title) > self._column_width() - 6:
            title = {"student": "FAKD", BASELINE: "baseline"}.get(name, title)
        psnr = self.film.psnr.get((name, 0 if name in self.film.crops else step or 0))
        return f"{title}\n" if psnr is None else f"{title}\n{psnr:.2f} dB"


def _nearest(steps: Sequence[int], step: int) -> int:
    return min(range(len(steps)), key=lambda place: abs(steps[place] - step))
