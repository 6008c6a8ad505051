"""The validation crop of a run: what stays the same, and what the students made of it at each validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fakd_core.events import CancelToken, Image8, Preview
from fakd_core.runs.layout import BASELINE, CROPS, MAX_PREVIEWS, STUDENT, RunLayout, steps_to_keep

STUDENTS = (STUDENT, BASELINE)
"""Those whose pictures are shown, by their names in `ValidationEnd`."""
PSNR_BORDER = 4
"""HR pixels left out on every side of the crop's PSNR: the scale of the usual run."""


@dataclass
class PreviewFrames:
    """`crops` holds some of `CROPS`; `frames` the pictures by step and student, in order of the steps."""

    title: str = ""
    crops: dict[str, Image8] = field(default_factory=dict)
    frames: dict[int, dict[str, Image8]] = field(default_factory=dict)
    psnr: dict[tuple[str, int], float] = field(default_factory=dict)
    """In dB, on luma, by name and step; the crops that stay the same have step 0."""

    @classmethod
    def load(cls, run: Path, token: CancelToken) -> PreviewFrames:
        """What the folder `run` holds, with every PSNR. Slow: call it from a job.

        A picture that is damaged, or removed by a run that goes on, is left out.
        """
        from fakd_core.data.image_files import read_image
        from fakd_core.errors import DataError

        def read(path: Path) -> Image8 | None:
            token.raise_if_cancelled()
            try:
                return read_image(path)
            except DataError:
                return None

        film, layout = cls(), RunLayout(run)
        crops = {name: read(path) for name, path in layout.crops().items()}
        film.crops = {name: image for name, image in crops.items() if image is not None}
        for student in STUDENTS:
            for step, path in layout.previews(student).items():
                if (image := read(path)) is not None:
                    film.frames.setdefault(step, {})[student] = image
        film.frames = {step: frame for step, frame in sorted(film.frames.items()) if "student" in frame}
        film._score()
        return film

    def begin(self, preview: Preview) -> None:
        """What stays the same became known."""
        self.title = preview.name
        pictures = {"bicubic": preview.bicubic, "teacher": preview.teacher, "hr": preview.hr}
        self.crops = {name: image for name, image in pictures.items() if image is not None}
        self._score()

    def add(self, step: int, images: Mapping[str, Image8]) -> None:
        """The pictures of one more validation; older ones are thinned out as in the run's folder."""
        self.frames[step] = {name: images[name] for name in STUDENTS if name in images}
        kept = steps_to_keep(self.frames, min(self.frames), MAX_PREVIEWS)
        self.frames = {step: frame for step, frame in sorted(self.frames.items()) if step in kept}
        self._score()

    def prepend(self, past: PreviewFrames) -> None:
        """The pictures of a run that goes on, from its folder."""
        self.frames = dict(sorted({**past.frames, **self.frames}.items()))
        self.psnr = {**past.psnr, **self.psnr}

    @property
    def columns(self) -> tuple[str, ...]:
        """What stands beside one another: the students between what they start from and what they aim at."""
        students = [name for name in STUDENTS if any(name in frame for frame in self.frames.values())]
        return ("bicubic", *(students or ["student"]), "teacher", "hr")

    def picture(self, name: str, step: int) -> Image8 | None:
        return self.crops.get(name) if name in CROPS else self.frames.get(step, {}).get(name)

    def _score(self) -> None:
        # Imported here, with a run under way or on a job's thread: it brings scikit-image with it.
        from fakd_core.evaluation.metrics import psnr_y

        hr = self.crops.get("hr")
        if hr is None:
            return
        pictures = {(name, 0): image for name, image in self.crops.items() if name != "hr"}
        for step, frame in self.frames.items():
            pictures |= {(name, step): image for name, image in frame.items()}
        for key, image in pictures.items():
            if key not in self.psnr and image.shape == hr.shape:
                self.psnr[key] = psnr_y(image, hr, PSNR_BORDER)
