"""The state that the workspaces share: models, the open image, runs and the training."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from fakd_core.data.folders import describe_left_out, find_images
from fakd_core.errors import DataError, FakdError
from fakd_core.events import CancelToken, TrainEvent
from fakd_core.runs.config import TrainConfig
from fakd_core.system.platforms import keep_awake
from fakd_gui.session.jobs import Job, JobEnd, LatestWins
from fakd_gui.session.library import Library
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.opened_image import OpenedImage, open_image
from fakd_gui.session.opening import (
    SHOWN_IN,
    TAKES_ONE,
    Action,
    Opener,
    Workspace,
    plan_opening,
    refusal,
)
from fakd_gui.session.problem import Problem
from fakd_gui.session.run_folders import default_runs_root, follow_run, is_run, is_same_folder

T = TypeVar("T")

SCALE_DELAY_MS = 50
"""Time until the teacher's scale is read: loading torch would hold up the window's first picture."""


class Session(QObject):
    """Holds what is chosen and what is running; workspaces change it and follow its signals.

    `teacher` is a model reference as on the command line: a bundled name, a checkpoint file or a run folder.
    """

    teacher_changed = Signal(str)
    scale_changed = Signal(int)
    image_changed = Signal(object)
    """The new `OpenedImage`."""
    is_lr_changed = Signal(bool)
    """True: images are low resolution and are upscaled as they are."""
    opened = Signal(object, str)
    """A path that the user opened, and in which workspace."""
    workspace_requested = Signal(str)
    error = Signal(object)
    """The `Problem` that `report` was called with, or of a job that failed."""
    unexpected_changed = Signal()
    runs_changed = Signal(list)
    run_selected = Signal(object)
    """The folder of the run whose curves are to be shown."""
    run_moved = Signal(object, object)
    """The old and the new folder of a run; None if it is gone."""
    compared_changed = Signal(list)
    """The folders of the runs whose curves are overlaid."""
    training_started = Signal(object)
    """The `Job`; it yields the trainer's events."""
    training_finished = Signal(object)
    """The `JobEnd`."""
    images_chosen = Signal(list, list)
    """The images of a new filmstrip: their paths, in order, and a label for each."""
    status_message = Signal(str)
    """A short confirmation: what was copied or written."""
    undo_offered = Signal(str, object, object)
    """A change in words, and the functions that undo and redo it (None: it can't be redone)."""

    def __init__(self, parent: QObject | None = None, runs_root: Path | None = None) -> None:
        super().__init__(parent)
        self.models = ModelCache(self)
        self.models.notified.connect(self.report)
        self.runs_root = runs_root or default_runs_root()
        self.teacher = ""
        self.image: OpenedImage | None = None
        self.scale = 4
        """The teacher's; an image opened at another scale is opened again."""
        self.is_lr = False
        self.runs: list[Path] = []
        self.compared: list[Path] = []
        self._moves: dict[Path, Path | None] = {}
        """The present folders of runs that were renamed, by the former ones; None for deleted ones."""
        self.failures: dict[Path, Problem] = {}
        """The problems of trainings that failed in this session, by run folder, until they are resumed."""
        self.unexpected: Problem | None = None
        """The newest problem that has details."""
        self.training: Job | None = None
        self.training_config: TrainConfig | None = None
        """The settings of the running training, or of the last one."""
        self.openers: dict[Action, Opener] = {
            Action.SHOW_IMAGES: self._show_images,
            Action.INSPECT_IMAGES: self._show_images,
            Action.SHOW_FOLDERS: self._show_folders,
            Action.SHOW_RUNS: self._show_runs,
        }
        """The opener of each action; the window and the workspaces add theirs."""
        self.library = Library(self)
        """The models, and which of them each workspace shows."""
        self.error.connect(self.note)
        self._opening = LatestWins("open image", self, result=self._set_image, failed=self.error)
        self._scale_reading = LatestWins("read the teacher's scale", self, result=self._set_scale)
        self._scale_timer = QTimer(self, singleShot=True, interval=SCALE_DELAY_MS, timeout=self._read_scale)

    def set_teacher(self, ref: str) -> None:
        if ref != self.teacher:
            self.teacher = ref
            self._scale_timer.start()
            self.teacher_changed.emit(ref)

    def add_student(self, ref: str) -> None:
        """Add `ref` to the library and show it in every workspace."""
        self.library.show([self.library.add(ref)])

    def follow_runs(self, ref: str) -> str | None:
        """`ref` after all that happened to runs in this session; None if it is gone."""
        followed: str | None = ref
        for run, to in self._moves.items():
            followed = followed and follow_run(followed, run, to)
        return followed

    def open_paths(self, paths: Sequence[Path], workspace: Workspace) -> None:
        """Open what the user dropped, chose or pasted in `workspace`, as `opening.ACTIONS` says."""
        planned, refused = plan_opening(paths, workspace, self.image)
        for action, chosen in planned.items():
            if action in TAKES_ONE and len(chosen) > 1:
                self.announce(f"Opened {chosen[0].name}, the first of {len(chosen)}")
                chosen = chosen[:1]
            # A filmstrip of many files would leave no other among the recent ones.
            if len(chosen) == 1 or action not in (Action.SHOW_IMAGES, Action.INSPECT_IMAGES):
                for path in chosen:
                    self.opened.emit(path, workspace)
            self.open_as(action, chosen)
        if refused:
            self.report(refusal(refused))

    def open_as(self, action: Action, paths: Sequence[Path]) -> None:
        """Carry out `action`, and show the workspace that it belongs to."""
        if action in SHOWN_IN:
            self.workspace_requested.emit(SHOWN_IN[action])
        self.openers[action](paths)

    def _show_images(self, paths: Sequence[Path]) -> None:
        self.show_images(paths) if len(paths) > 1 else self.open_image(paths[0])

    def _show_runs(self, paths: Sequence[Path]) -> None:
        self.select_run(paths[0])
        if len(paths) > 1:
            self.compare_runs([self.add_run(run) for run in paths[1:]])

    def _show_folders(self, folders: Sequence[Path]) -> None:
        with self.reporting():
            images = [image for folder in folders for image in find_images(folder)]
            left_out = "; ".join(filter(None, map(describe_left_out, folders)))
            if not images:
                names = ", ".join(map(str, folders))
                unusable = f"{names}: no images in it, and not a training run (no config.toml)"
                raise DataError(left_out or unusable)
            self.show_images(images)
            if left_out:
                self.announce(left_out)

    def open_image(self, path: Path) -> None:
        """Read `path` on a thread; `image_changed` or `error` follows."""
        scale, is_lr = self.scale, self.is_lr
        self._opening.submit(lambda token: open_image(path, scale, is_lr), path)

    def set_is_lr(self, is_lr: bool) -> None:
        """Open the current image and those to come as low resolution (True) or as ground truth (False)."""
        if is_lr != self.is_lr:
            self.is_lr = is_lr
            self.is_lr_changed.emit(is_lr)
            if self.image is not None:
                self.open_image(self.image.path)

    def show_images(self, paths: Sequence[Path], labels: Sequence[str] = ()) -> None:
        """Show a filmstrip of `paths` in this order, with `labels` or the file names as captions."""
        self.images_chosen.emit(list(paths), list(labels) or [path.name for path in paths])

    def announce(self, text: str) -> None:
        """Show a short confirmation in the status bar."""
        self.status_message.emit(text)

    def offer_undo(
        self, text: str, undo: Callable[[], object], redo: Callable[[], object] | None = None
    ) -> None:
        """Offer to undo a change that was just made; `text` says it in words.

        The functions return False if they can't run now. An offer that `redo` makes replaces this one.
        """
        self.undo_offered.emit(text, undo, redo)

    def report(self, problem: Problem | FakdError | str, path: Path | None = None) -> None:
        """Show a problem in the window; `path` is the file or folder that it is about."""
        self.error.emit(problem if isinstance(problem, Problem) else Problem(str(problem), path))

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Report a `FakdError` that the block raises, and continue after it."""
        try:
            yield
        except FakdError as error:
            self.report(error)

    def note(self, problem: Problem) -> None:
        """Keep a problem that is shown elsewhere for the menu that copies its details."""
        if problem.details:
            self.unexpected = problem
            self.unexpected_changed.emit()

    def add_run(self, run: Path) -> Path:
        """List `run`; returns the path by which it is listed."""
        run = self._listed(run)
        self.add_runs([run])
        return run

    def add_runs(self, runs: Iterable[Path]) -> None:
        """List those of `runs` that aren't listed yet; their paths are absolute."""
        listed = set(self.runs)
        if new := [run for run in runs if run not in listed]:
            self.runs = [*new, *self.runs]
            self._moves = {run: to for run, to in self._moves.items() if run not in new}
            self.runs_changed.emit(self.runs)

    def _listed(self, run: Path) -> Path:
        """The path by which `run` is listed, which may be spelled otherwise; the absolute one if it isn't."""
        run = Path(os.path.abspath(run))
        if run in self.runs:
            return run
        return next((other for other in self.runs if is_same_folder(other, run)), run)

    def compare_runs(self, runs: Sequence[Path]) -> None:
        """Overlay the curves of `runs`."""
        if list(runs) != self.compared:
            self.compared = list(runs)
            self.compared_changed.emit(self.compared)

    def toggle_comparison(self, run: Path) -> None:
        """Overlay the curves of `run` on the others, or no longer."""
        others = [other for other in self.compared if other != run]
        self.compare_runs(others if run in self.compared else [*others, run])

    def move_run(self, run: Path, to: Path | None) -> None:
        """Record that the folder `run` was renamed to `to`, or is gone (None)."""
        self.runs = _replace(self.runs, run, to)
        self._moves = {old: new for old, new in self._moves.items() if old not in (run, to)} | {run: to}
        if (problem := self.failures.pop(run, None)) is not None and to is not None:
            self.failures[to] = problem
        compared, teacher = self.compared, self.teacher
        self.compared = _replace(compared, run, to)
        changed = self.library.move_run(run, to)
        self.teacher = follow_run(teacher, run, to) or ""
        # First, whoever holds a reference to the run follows; then they hear of the changes.
        self.run_moved.emit(run, to)
        self.runs_changed.emit(self.runs)
        if self.compared != compared:
            self.compared_changed.emit(self.compared)
        for workspace in changed:
            self.library.shown_changed.emit(workspace)
        if self.teacher != teacher:
            self._scale_timer.start()
            self.teacher_changed.emit(self.teacher)

    def select_run(self, run: Path) -> None:
        """Show the curves of `run`, and nothing else of it anywhere."""
        run = self._listed(run)
        if not is_run(run):
            self.report(
                f"{run}: not a run folder (no config.toml in it); choose the folder of a training run.", run
            )
            return
        self.add_runs([run])
        self.run_selected.emit(run)

    @property
    def training_run(self) -> Path | None:
        """The folder of the training that is running."""
        return self.training.path if self.training else None

    def start_training(self, config: TrainConfig, resume: bool = False) -> Job:
        """Train on a thread, or resume the run of `config`.

        Raises:
            RuntimeError: A training is running already.
        """
        if self.training is not None:
            raise RuntimeError("a training is running already")
        config = config.model_copy(update={"run": self._listed(config.run)})

        def work(token: CancelToken) -> Iterator[TrainEvent]:
            from fakd_core.training.trainer import resume_training, train

            with keep_awake():
                yield from resume_training(config.run, token) if resume else train(config, token)

        job = Job(f"Training {config.run.name}", work, self, path=config.run)
        job.finished.connect(self._training_ended)
        self.training, self.training_config = job, config
        self.failures.pop(config.run, None)
        self.add_run(config.run)
        self.training_started.emit(job)
        job.start()
        return job

    def _read_scale(self) -> None:
        models, ref = self.models, self.teacher
        if ref:
            self._scale_reading.submit(lambda token: int(models.get(ref).spec.scale))

    def _set_scale(self, scale: int) -> None:
        if scale != self.scale:
            self.scale = scale
            self.scale_changed.emit(scale)
        if self.image is not None and self.image.scale != scale:
            self.open_image(self.image.path)

    def _set_image(self, image: OpenedImage) -> None:
        self.image = image
        self.image_changed.emit(image)

    def _training_ended(self, end: JobEnd) -> None:
        job, self.training = self.training, None
        run = job.path
        if end.problem is not None:
            self.error.emit(end.problem)
            if is_run(run):
                self.failures[run] = end.problem
        if is_run(run):
            self.library.show_automatically(run)
        else:
            # It failed before anything was written.
            self.runs = _replace(self.runs, run, None)
            self.runs_changed.emit(self.runs)
        self.training_finished.emit(end)
        job.deleteLater()


def _replace(items: list[T], old: T, new: T | None) -> list[T]:
    changed = [new if item == old else item for item in items]
    return [item for item in changed if item is not None]
