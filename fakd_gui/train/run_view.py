"""What is known of one run: its curves, its pictures and what there is to say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fakd_core.events import CancelToken, RunEnd, RunStarted, ValidationEnd
from fakd_core.runs.series import RunSeries, read_series
from fakd_core.training.estimate import format_duration
from fakd_gui.train.plot_lines import label_of
from fakd_gui.train.preview_frames import PreviewFrames


@dataclass
class RunView:
    """Of the running run, which grows, or of a past one."""

    name: str
    run: Path | None = None
    series: RunSeries = field(default_factory=RunSeries)
    film: PreviewFrames = field(default_factory=PreviewFrames)
    text: str = ""

    @classmethod
    def load(cls, run: Path, token: CancelToken) -> RunView:
        """Of the past run in folder `run`. Slow: call it from a job; `RunError` for damaged metrics."""
        series = read_series(run)
        token.raise_if_cancelled()
        story = cls(run.name, run, series, PreviewFrames.load(run, token))
        best = f"best PSNR {max(series.psnr):.3f} dB" if series.psnr else "no validation yet"
        bicubic = f", bicubic {series.bicubic.psnr:.3f} dB" if series.bicubic else ""
        story.text = f"A past run: {story.done:,} of {series.steps:,} steps, {best}{bicubic}."
        return story

    @property
    def done(self) -> int:
        return self.series.step[-1] if self.series.step else 0

    def introduction(self, event: RunStarted) -> str:
        copied = f" {event.copied_tensors} tensors come from the teacher." if event.copied_tensors else ""
        teacher = f", teacher {event.teacher.psnr:.2f} dB" if event.teacher else ""
        return (
            f"{event.student_parameters / 1e6:.2f} M parameters learn from {event.train_images} images "
            f"on {event.device}.{copied} On {event.validation_images} held-out images: "
            f"bicubic {event.bicubic.psnr:.2f} dB{teacher}."
        )

    def verdict(self, event: ValidationEnd) -> str:
        bicubic = self.series.bicubic
        gain = f", {event.student.psnr - bicubic.psnr:+.2f} dB over bicubic" if bicubic else ""
        best = " (best so far)" if event.best else ""
        scores = f"PSNR {event.student.psnr:.3f} dB, SSIM {event.student.ssim:.4f}"
        twins = "baseline" in event.others
        others = "".join(
            f"; {label_of(name, twins)} {scores.psnr:.3f} dB" for name, scores in event.others.items()
        )
        return f"Step {event.step:,}: {scores}{gain}{best}{others}."

    def summary(self, end: RunEnd | None) -> str:
        """How it ended, all steps done."""
        bicubic = self.series.bicubic
        if end is None or end.best is None or bicubic is None:
            return "Done."
        gain = end.best.psnr - bicubic.psnr
        return (
            f"Done in {format_duration(end.seconds)}: best PSNR {end.best.psnr:.2f} dB on the validation "
            f"images, {gain:+.2f} dB over bicubic. Open an image in Compare to see it, or click into one in "
            "Inspect."
        )
