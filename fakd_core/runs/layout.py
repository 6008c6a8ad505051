"""The files of a run folder: their names, their places, and which of them exist."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

STUDENT = "student"
"""The student that a run is about."""
BASELINE = "baseline"
"""The student trained beside it on the same batches without a teacher."""
CROPS = ("bicubic", "teacher", "hr")
"""The images that the students' previews are compared with."""
MAX_STATES = 3
MAX_SNAPSHOTS = 16
"""Per network: the size of a run folder does not grow with the length of the run."""
MAX_PREVIEWS = 64


def average_of(student: str) -> str:
    """The name of the moving average of a student's weights."""
    return "ema" if student == STUDENT else f"{student}-ema"


class RunLayout:
    """The paths in one run folder, and the listings of those files that exist.

    A run trains up to four networks, named "student", "baseline" and the averages of both (`average_of`).
    Nothing is created here.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.environment = folder / "environment.json"
        self.metrics = folder / "metrics.jsonl"
        self.table = folder / "metrics.csv"
        self.lock = folder / "run.lock"
        self.tensorboard = folder / "tensorboard"
        self.checkpoints = folder / "checkpoints"
        self.states = [self.checkpoints / "last.pt"]
        """The states to resume from, the newest first."""
        self.states += [self.checkpoints / f"last-{age}.pt" for age in range(1, MAX_STATES)]
        self.snapshots_folder = folder / "snapshots"
        self.previews_folder = folder / "previews"

    def is_run(self) -> bool:
        """Check whether the folder holds a run that can be read."""
        try:
            return self.config.is_file()
        except OSError:
            return False

    def weights(self, name: str = STUDENT) -> Path:
        """The newest weights of the network `name`."""
        return self.folder / f"{'student-ema' if name == average_of(STUDENT) else name}.safetensors"

    def best_weights(self, name: str = STUDENT) -> Path:
        """The weights with which the network `name` had its best validation PSNR."""
        return self.checkpoints / ("best.safetensors" if name == STUDENT else f"best-{name}.safetensors")

    def best_student(self) -> Path | None:
        """The student's best weights, before the first validation the newest; None if none are saved."""
        return next((path for path in (self.best_weights(), self.weights()) if path.is_file()), None)

    def crop(self, name: str) -> Path:
        return self.previews_folder / f"{name}.png"

    def crops(self) -> dict[str, Path]:
        """The existing files of `CROPS`, by name."""
        return {name: self.crop(name) for name in CROPS if self.crop(name).is_file()}

    def snapshot(self, step: int, name: str = STUDENT) -> Path:
        """The weights of the network `name` after `step` steps."""
        return _folder_of(self.snapshots_folder, name) / f"{step:07d}.safetensors"

    def preview(self, step: int, name: str = STUDENT) -> Path:
        """The preview crop as the network `name` made it after `step` steps."""
        return _folder_of(self.previews_folder, name) / f"{step:07d}.png"

    def snapshots(self, name: str = STUDENT) -> dict[int, Path]:
        """The existing snapshots of the network `name` by step, in order.

        There are at most `MAX_SNAPSHOTS`, evenly spaced over the run, and the newest validation is among
        them. A run that continues removes some: a file may be gone when it is opened.
        """
        return _by_step(_folder_of(self.snapshots_folder, name), ".safetensors")

    def previews(self, name: str = STUDENT) -> dict[int, Path]:
        """The existing previews of the network `name` by step, in order; see `snapshots`."""
        return _by_step(_folder_of(self.previews_folder, name), ".png")

    def files_after(self, step: int) -> list[Path]:
        """Snapshots and previews of all networks from after `step`."""
        folders = (self.snapshots_folder, self.previews_folder)
        found = [path for folder in folders for path in folder.rglob("*.*") if path.stem.isdecimal()]
        return [path for path in found if int(path.stem) > step]


def run_of(file: Path) -> Path | None:
    """The run folder of the student, best student or newest state `file`, by its name; None for others."""
    layout = RunLayout(file.parent)
    if file.parent.name == layout.checkpoints.name:
        layout = RunLayout(file.parent.parent)
    own = (layout.weights(), layout.best_weights(), layout.states[0])
    return layout.folder if file.stem in {path.stem for path in own} else None


def other_run_of(file: Path) -> Path | None:
    """The run folder of the baseline, average or snapshot `file`, by its name; None for others."""
    networks = (average_of(STUDENT), BASELINE, average_of(BASELINE))
    layout = RunLayout(file.parent)
    if file in [layout.weights(name) for name in networks]:
        return layout.folder
    layout = RunLayout(file.parent.parent)
    if file in [layout.best_weights(name) for name in networks]:
        return layout.folder
    for above in (layout, RunLayout(layout.folder.parent)):
        snapshots = above.snapshots_folder
        if file.stem.isdecimal() and file.parent in (snapshots, snapshots / BASELINE):
            return above.folder
    return None


def steps_to_keep(steps: Iterable[int], interval: int, limit: int) -> set[int]:
    """Select at most `limit` of the `steps`, one every `interval`, to keep.

    Evenly spaced, plus the newest. The result does not depend on how often the run was interrupted.
    """
    present = set(steps)
    newest = max(present, default=0)
    stride = interval
    while newest // stride >= limit:
        stride *= 2
    return {step for step in present if step % stride == 0 or step == newest}


def _folder_of(folder: Path, name: str) -> Path:
    return folder if name == STUDENT else folder / name


def _by_step(folder: Path, suffix: str) -> dict[int, Path]:
    try:
        found = [path for path in folder.iterdir() if path.suffix == suffix and path.stem.isdecimal()]
    except OSError:
        return {}
    return {int(path.stem): path for path in sorted(found, key=lambda path: int(path.stem))}
