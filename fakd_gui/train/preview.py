"""The validation crop: bicubic, students, teacher and ground truth side by side, for every validation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QMargins, QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from fakd_core.events import format_score
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.run_view import PreviewFrames, label_of
from fakd_gui.train.state import TrainState
from fakd_gui.widgets.actions import follow_action
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.elided_label import ElidedLabel
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.theme import with_role

MIN_HEIGHT = 76
"""Minimum height of an image in pixels."""
MAX_ASPECT = 1.4
"""Maximum height of an image in widths: a crop is square."""


class CropCamera(Camera):
    """Fits at whole multiples of screen pixels and never shrinks: a crop is for its details."""

    @property
    def fit_zoom(self) -> float:
        room = min(self.viewport.width() / self.scene.width(), self.viewport.height() / self.scene.height())
        return max(1, math.floor(room * self.pixel_ratio + 0.05)) / self.pixel_ratio


class Column(QWidget):
    """One image under its name and PSNR."""

    def __init__(self, camera: Camera) -> None:
        super().__init__()
        self.caption = with_role(ElidedLabel(), "muted")
        self.caption.setAlignment(Qt.AlignmentFlag.AlignCenter)
        # Equal columns, whatever their captions.
        self.caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.canvas = ImageCanvas(camera)
        layout = QVBoxLayout(self, contentsMargins=QMargins(), spacing=2)
        layout.addWidget(self.caption)
        layout.addWidget(self.canvas, 1)


class PreviewStrip(QWidget):
    """Shows `PreviewFrames`: the slider goes through the validations, the wheel zooms all images."""

    step_shown = Signal(object)
    """The step of the validation that is shown, or None."""

    max_height_changed = Signal()

    def __init__(self, state: TrainState, commands: TrainCommands) -> None:
        super().__init__()
        self._state = state
        self.camera = CropCamera(self)
        self.columns: dict[str, Column] = {}
        self.scrubber = QSlider(
            Qt.Orientation.Horizontal,
            accessibleName="Validation",
            toolTip="Go through the validations (Left, Right; Home, End)",
            pageStep=5,
            minimumWidth=40,
        )
        self.step_label = with_role(QLabel(), "muted")
        self.step_label.setMinimumWidth(self.fontMetrics().horizontalAdvance("step 0,000,000 (00 of 00)"))
        self.follow = QCheckBox("&Follow")
        follow_action(self.follow, commands["follow"])
        self._row = QHBoxLayout(spacing=6)
        self._tools = tools = QHBoxLayout(spacing=8)
        for widget in (self.step_label, self.scrubber, self.follow):
            tools.addWidget(widget, int(widget is self.scrubber))
        layout = QVBoxLayout(self, contentsMargins=QMargins(4, 0, 0, 0), spacing=4)
        layout.addLayout(tools)
        layout.addLayout(self._row, 1)
        self.scrubber.valueChanged.connect(self._draw)
        self.scrubber.actionTriggered.connect(self._scrubbed)
        state.curves_changed.connect(self._catch_up)
        self.frames = PreviewFrames()
        self.step: int | None = None
        self.refresh()

    def show_frames(self, frames: PreviewFrames) -> None:
        """Show a run's previews: those of its newest validation, or still the chosen ones of the same run."""
        if frames is not self.frames:
            self.frames, self.step = frames, None
        self.refresh()

    def refresh(self) -> None:
        """Show new validations: the newest if they are followed, otherwise the same as before."""
        steps = list(self.frames.frames)
        with QSignalBlocker(self.scrubber):
            self.scrubber.setMaximum(max(len(steps) - 1, 0))
            if self._state.curves.follow or self.step is None:
                self.scrubber.setValue(self.scrubber.maximum())
            elif steps:
                self.scrubber.setValue(_nearest(steps, self.step))
        self.scrubber.setEnabled(len(steps) > 1)
        self._make_columns()
        self._draw()

    def show_step(self, step: int) -> None:
        """Show the validation nearest to `step`."""
        steps = list(self.frames.frames)
        if steps:
            place = _nearest(steps, step)
            self._state.change_curves(follow=place == len(steps) - 1)
            self.scrubber.setValue(place)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Limit the height to what the images can use, so that the curves get the rest."""
        captions = max(column.caption.sizeHint().height() for column in self.columns.values())
        head = self._tools.sizeHint().height() + captions + self.layout().spacing() + 2
        height = head + max(MIN_HEIGHT, round(MAX_ASPECT * self.width() / max(len(self.columns), 1)))
        if height != self.maximumHeight():
            self.setMaximumHeight(height)
            self.max_height_changed.emit()
        self._draw()

    def _catch_up(self) -> None:
        """Show the newest validation if it is to be followed."""
        if self._state.curves.follow and self.step != max(self.frames.frames, default=None):
            self.refresh()

    def _scrubbed(self, action: int) -> None:
        """Stop following at an earlier validation, and follow again at the newest."""
        self._state.change_curves(follow=self.scrubber.sliderPosition() == self.scrubber.maximum())

    def _make_columns(self) -> None:
        names = self.frames.columns
        if tuple(self.columns) == names:
            return
        for column in self.columns.values():
            self._row.removeWidget(column)
            column.deleteLater()
        self.columns = {name: Column(self.camera) for name in names}
        for column in self.columns.values():
            self._row.addWidget(column, 1)

    def _draw(self, *_: object) -> None:
        steps = list(self.frames.frames)
        step = self.step = steps[min(self.scrubber.value(), len(steps) - 1)] if steps else None
        hr = self.frames.crops.get("hr")
        if hr is not None:
            self.camera.set_scene(hr.shape[1], hr.shape[0])
        for name, column in self.columns.items():
            image = self.frames.image(name, step or 0)
            if image is None:
                column.canvas.set_overlays()
                column.canvas.set_message("no teacher" if name == "teacher" and hr is not None else "")
            else:
                area = QRectF(0, 0, image.shape[1], image.shape[0])
                column.canvas.set_overlays(Overlay.from_pixels(image, area))
                column.canvas.set_message("")
            column.caption.setText(self._caption(name, step))
            column.caption.setToolTip(column.caption.text())
            column.canvas.setAccessibleName(column.caption.text().replace("\n", ", "))
        place = f" ({self.scrubber.value() + 1} of {len(steps)})" if len(steps) > 1 else ""
        self.step_label.setText("no validation yet" if step is None else f"step {step:,}{place}")
        self.step_shown.emit(step)

    def _caption(self, name: str, step: int | None) -> str:
        if name == "hr":
            return f"HR\n{self.frames.title}"
        title = label_of(name)
        psnr = self.frames.psnr.get((name, 0 if name in self.frames.crops else step or 0))
        return f"{title}\n" if psnr is None else f"{title}\n{format_score(psnr, '.2f')} dB"


def _nearest(steps: Sequence[int], step: int) -> int:
    return min(range(len(steps)), key=lambda place: abs(steps[place] - step))
