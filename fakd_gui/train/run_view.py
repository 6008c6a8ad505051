"""One run as the workspace shows it: its curves, its previews, how far it is, and a line of text."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakd_core.errors import DataError
from fakd_core.events import (
    CancelToken,
    Image8,
    Preview,
    Progress,
    RunEnd,
    RunStarted,
    Scores,
    StepEnd,
    TrainEvent,
    ValidationEnd,
    format_score,
)
from fakd_core.runs.gain import describe_gain
from fakd_core.runs.layout import BASELINE, CROPS, MAX_PREVIEWS, STUDENT, RunLayout, steps_to_keep
from fakd_core.runs.series import RunSeries, read_series
from fakd_gui.train.smoothing import load_filter

PREVIEWED = (STUDENT, BASELINE)
"""The students whose previews are shown."""
PSNR_BORDER = 4
"""HR pixels left out on every side in a preview's PSNR: the scale of the usual run."""
PACE_STEPS = 50
"""The time left follows from the latest steps, so that it adapts to changes."""


@dataclass(eq=False, kw_only=True)
class PreviewFrames:
    """The validation crop: `crops` stay the same, `frames` are the students' outputs by step and student."""

    title: str = ""
    crops: dict[str, Image8] = field(default_factory=dict)
    frames: dict[int, dict[str, Image8]] = field(default_factory=dict)
    psnr: dict[tuple[str, int], float] = field(default_factory=dict)
    """In dB, on luma, by name and step; crops have step 0."""

    @classmethod
    def load(cls, run: Path, token: CancelToken) -> PreviewFrames:
        """Read the previews in the folder `run`. Slow: call from a worker thread only.

        An image that is damaged, or removed meanwhile by a resumed run, is left out.
        """
        from fakd_core.data.image_files import read_image

        def read(paths: Mapping[Any, Path]) -> dict[Any, Image8]:
            images = {}
            for key, path in paths.items():
                token.raise_if_cancelled()
                with suppress(DataError):
                    images[key] = read_image(path)
            return images

        layout = RunLayout(run)
        students = {name: read(layout.previews(name)) for name in PREVIEWED}
        frames = {
            step: {name: images[step] for name, images in students.items() if step in images}
            for step in sorted(students[STUDENT])
        }
        previews = cls(crops=read(layout.crops()), frames=frames)
        previews._score()
        return previews

    def start(self, preview: Preview) -> None:
        """Set the crops that stay the same."""
        self.title = preview.name
        self.crops = {name: image for name in CROPS if (image := getattr(preview, name)) is not None}
        self._score()

    def add(self, step: int, images: Mapping[str, Image8]) -> None:
        """Add the outputs of one more validation; older ones are thinned out as in the run folder."""
        self.frames[step] = {name: images[name] for name in PREVIEWED if name in images}
        kept = steps_to_keep(self.frames, min(self.frames), MAX_PREVIEWS)
        self.frames = {step: frame for step, frame in sorted(self.frames.items()) if step in kept}
        self._score()

    def prepend(self, past: PreviewFrames) -> None:
        """Insert the previews that a resumed run had before."""
        self.frames = dict(sorted({**past.frames, **self.frames}.items()))
        self.psnr = {**past.psnr, **self.psnr}

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the images side by side: the students between bicubic and teacher."""
        students = [name for name in PREVIEWED if any(name in frame for frame in self.frames.values())]
        return ("bicubic", *(students or [STUDENT]), "teacher", "hr")

    def image(self, name: str, step: int) -> Image8 | None:
        return self.crops.get(name) if name in CROPS else self.frames.get(step, {}).get(name)

    def _score(self) -> None:
        # Loads scikit-image: not before a run is shown.
        from fakd_core.evaluation.metrics import psnr_y

        hr = self.crops.get("hr")
        if hr is None:
            return
        images = {(name, 0): image for name, image in self.crops.items() if name != "hr"}
        for step, frame in self.frames.items():
            images |= {(name, step): image for name, image in frame.items()}
        for key, image in images.items():
            if key not in self.psnr and image.shape == hr.shape:
                self.psnr[key] = psnr_y(image, hr, PSNR_BORDER)


@dataclass(kw_only=True)
class RunView:
    """A past run, or the running one, which takes the events of its training."""

    name: str
    run: Path | None = None
    series: RunSeries = field(default_factory=RunSeries)
    previews: PreviewFrames = field(default_factory=PreviewFrames)
    text: str = ""
    step: int = 0
    is_preparing: bool = False
    """The training loads models and images, and no step was taken yet."""
    end: RunEnd | None = None
    times: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=PACE_STEPS))
    """The latest steps since the start or a pause, and the time of each."""

    @classmethod
    def load(cls, run: Path, token: CancelToken) -> RunView:
        """Read the run in the folder `run`. Slow: call from a worker thread only.

        Raises:
            RunError: its metrics are damaged.
        """
        load_filter()
        series = read_series(run)
        token.raise_if_cancelled()
        best = "no validation yet"
        if series.psnr:
            best = f"best PSNR {format_score(max(series.psnr[STUDENT]), '.3f')} dB"
        bicubic = f", bicubic {format_score(series.bicubic.psnr, '.3f')} dB" if series.bicubic else ""
        step = series.step[-1] if series.step else 0
        text = f"A past run: {step:,} of {series.steps:,} steps, {best}{bicubic}."
        text = f"{text} {describe_gain(series)}".rstrip()
        previews = PreviewFrames.load(run, token)
        return cls(name=run.name, run=run, series=series, previews=previews, text=text, step=step)

    def take(self, event: TrainEvent) -> None:
        """Add what a training reports."""
        if isinstance(event, RunStarted | StepEnd | ValidationEnd):
            self.series.take(event)
        match event:
            case Progress():
                note = f" {event.note}." if event.note else ""
                self.text = f"Preparing: {event.what}, {event.done:,} of {event.total:,}.{note}"
            case RunStarted():
                self.is_preparing, self.step = False, event.first_step
                self.previews.start(event.preview)
                self.text = _introduce(event)
            case StepEnd():
                self.step = event.step
                self.times.append((event.step, time.monotonic()))
                if event.skipped is not None:
                    self.text = f"Step {event.step:,} was skipped: {event.skipped}."
            case ValidationEnd():
                self.previews.add(event.step, {STUDENT: event.preview, **event.other_previews})
                self.text = self._describe_validation(event)
            case RunEnd():
                self.end = event

    @property
    def step_seconds(self) -> float | None:
        """Seconds per step at present; None while that is unknown."""
        if len(self.times) < 2:
            return None
        (first, started), (last, now) = self.times[0], self.times[-1]
        return max((now - started) / max(last - first, 1), 1e-9)

    def summary(self) -> str:
        """The result of a completed training."""
        bicubic = self.series.bicubic
        if self.end is None or self.end.best is None or bicubic is None:
            return "Done."
        from fakd_core.training.estimate import format_duration  # Loads torch.

        best = self.end.best
        psnr, gain = format_score(best.psnr, ".2f"), _describe_gain_over_bicubic(best, bicubic)
        on_baseline = describe_gain(self.series)
        return (
            f"Done in {format_duration(self.end.seconds)}: best PSNR {psnr} dB on the validation images"
            f"{gain}.{f' {on_baseline}' if on_baseline else ''} Open an image in Compare to see it."
        )

    def _describe_validation(self, event: ValidationEnd) -> str:
        gain = _describe_gain_over_bicubic(event.student, self.series.bicubic)
        best = " (best so far)" if event.best else ""
        scores = f"PSNR {format_score(event.student.psnr, '.3f')} dB, SSIM {event.student.ssim:.4f}"
        others = "".join(
            f"; {label_of(name)} {format_score(scores.psnr, '.3f')} dB"
            for name, scores in event.others.items()
        )
        text = f"Step {event.step:,}: {scores}{gain}{best}{others}."
        return f"{text} {describe_gain(self.series)}".rstrip()


def _describe_gain_over_bicubic(scores: Scores, bicubic: Scores | None) -> str:
    """', +1.20 dB over bicubic'; empty if that is unknown or not finite."""
    gain = scores.psnr - bicubic.psnr if bicubic else math.inf
    return f", {gain:+.2f} dB over bicubic" if math.isfinite(gain) else ""


def _introduce(event: RunStarted) -> str:
    copied = f" {event.copied_tensors} tensors were copied from the teacher." if event.copied_tensors else ""
    origin = f" LR images {event.lr_origin}." if event.lr_origin else ""
    teacher = f", teacher {format_score(event.teacher.psnr, '.2f')} dB" if event.teacher else ""
    return (
        f"{event.student_parameters / 1e6:.2f} M parameters learn from {event.train_images} images on "
        f"{event.device}.{copied} On {event.validation_images} held-out images: "
        f"bicubic {format_score(event.bicubic.psnr, '.2f')} dB{teacher}.{origin}"
    )


def label_of(key: str) -> str:
    """The label of a loss, or of a student by its name in `ValidationEnd`."""
    return {"ema": "student, EMA", "baseline-ema": "baseline, EMA"}.get(key, key)
