"""The run folder: settings, metrics, checkpoints, previews. Its last complete state survives a crash."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from fakd_core.data.image_files import write_image
from fakd_core.errors import RunError
from fakd_core.events import Image8, Preview, RunStarted, StepEnd, ValidationEnd
from fakd_core.files import clear_unfinished, write_text
from fakd_core.models.checkpoint import save_safetensors
from fakd_core.models.layers import SRNetwork
from fakd_core.runs.checkpoints import State, load_state, save_state
from fakd_core.runs.config import TrainConfig, to_toml
from fakd_core.runs.deferred_writes import MetricsLog
from fakd_core.runs.layout import MAX_PREVIEWS, MAX_SNAPSHOTS, RunLayout, steps_to_keep
from fakd_core.runs.lock import run_lock
from fakd_core.runs.metrics_files import MetricsTable, read_metrics


class RunWriter:
    """Writes a run folder. `create` starts one, `reopen` goes on with one."""

    def __init__(self, folder: Path) -> None:
        self.layout = RunLayout(folder)
        self._metrics = MetricsLog(self.layout.metrics)
        self._table = MetricsTable(self.layout)
        self._descriptions: dict[Path, str] = {}

    @classmethod
    def check_free(cls, folder: Path) -> None:
        """Raise `RunError` unless `folder` is absent or an empty folder."""
        if RunLayout(folder).is_run():
            raise RunError(
                f"{folder}: already holds a run; continue it with --resume {folder}, or give another --run"
            )
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder}: not an empty folder; give another --run")

    @classmethod
    def create(cls, config: TrainConfig, device: str, data_fingerprint: str) -> RunWriter:
        """Make the folder with its settings and what they ran on."""
        cls.check_free(config.run)
        writer = cls(config.run)
        try:
            for folder in (writer.layout.checkpoints, writer.layout.previews_folder):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{config.run}: can't be made: {error.strerror}; give another --run") from None
        environment = _environment(config, device, data_fingerprint)
        write_text(writer.layout.environment, json.dumps(environment, indent=2))
        write_text(writer.layout.config, to_toml(config))
        return writer

    def fingerprint(self) -> str:
        """The fingerprint of the training images at the start of the run."""
        path = self.layout.environment
        try:
            return str(json.loads(_description(path))["data_fingerprint"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise RunError(
                f"{path}: damaged: expected the data_fingerprint of the training images; put a copy back, "
                "or start a new run"
            ) from None

    def append(self, event: RunStarted | StepEnd | ValidationEnd) -> None:
        """Add one line to the metrics; raises `OSError` where it has to wait, see `MetricsLog`."""
        line = _as_line(event)
        try:
            self._metrics.append(line)
        except OSError as error:
            self._table.fail(error)
            raise
        self._table.append(line)

    def finish(self) -> None:
        """Write the lines that wait, into a folder made anew if somebody removed it.

        Raises `OSError` where they can't be written.
        """
        self.layout.folder.mkdir(parents=True, exist_ok=True)
        self._metrics.flush()
        self._table.finish()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from going on with this run; the system ends it with the process.

        Raises:
            RunError: another one is at work in the folder; it is named.
        """
        with run_lock(self.layout.lock):
            files = (self.layout.config, self.layout.environment)
            self._descriptions = {file: _description(file) for file in files}
            yield

    def keep_metrics_until(self, step: int, validated_step: int) -> None:
        """Drop what came after a checkpoint: steps, validations, and what a crash left half written.

        Before the first step that is everything: the run begins anew.
        """
        clear_unfinished(self.layout.folder)
        last = {"start": step - 1, "step": step, "validation": validated_step}
        kept = [line for line in read_metrics(self.layout.folder) if line["step"] <= last[line["event"]]]
        write_text(self.layout.metrics, "".join(json.dumps(line) + "\n" for line in kept))
        self._table.rewrite(kept)
        for path in self.layout.files_after(validated_step):
            path.unlink(missing_ok=True)

    def save_checkpoint(self, state: State, students: Mapping[str, SRNetwork]) -> Path:
        """Write the state to resume from, and each of the `students` by name as a model file.

        A folder that somebody removed meanwhile is made anew, so that the run can be resumed all the same.
        """
        for file, text in self._descriptions.items():
            if not file.exists():
                write_text(file, text)
        try:
            save_state(self.layout.states, state)
        except OSError as error:
            raise RunError(
                f"{error}; is the disk full? Make room and continue with --resume {self.layout.folder}"
            ) from error
        for name, student in students.items():
            save_safetensors(student, self.layout.weights(name))
        return self.layout.states[0]

    def load_checkpoint(self) -> tuple[State | None, list[Path]]:
        """The state to resume from, None before the first was saved; and newer ones that are damaged.

        Raises:
            RunError: all are damaged.
        """
        return load_state(self.layout.states)

    def save_best(self, name: str, student: SRNetwork) -> None:
        save_safetensors(student, self.layout.best_weights(name))

    def save_crops(self, preview: Preview) -> None:
        """Keep what the students' previews are compared with."""
        pictures = {"bicubic": preview.bicubic, "hr": preview.hr, "teacher": preview.teacher}
        for name, image in pictures.items():
            if image is not None:
                write_image(self.layout.crop(name), image)

    def save_snapshots(
        self, step: int, interval: int, students: Mapping[str, SRNetwork], previews: Mapping[str, Image8]
    ) -> None:
        """Keep every student as it is after `step` steps, with its preview, and thin the older ones out.

        `interval` is the distance of two snapshots, in steps.
        """
        for name, student in students.items():
            save_safetensors(student, self.layout.snapshot(step, name))
            _thin_out(self.layout.snapshots(name), interval, MAX_SNAPSHOTS)
        for name, image in previews.items():
            write_image(self.layout.preview(step, name), image)
            _thin_out(self.layout.previews(name), interval, MAX_PREVIEWS)


class NullRunWriter(RunWriter):
    """The folder of a run that another process writes: nothing is written here."""

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield

    def append(self, event: RunStarted | StepEnd | ValidationEnd) -> None:
        pass

    def finish(self) -> None:
        pass

    def keep_metrics_until(self, step: int, validated_step: int) -> None:
        pass

    def save_checkpoint(self, state: State, students: Mapping[str, SRNetwork]) -> Path:
        return self.layout.states[0]

    def save_best(self, name: str, student: SRNetwork) -> None:
        pass

    def save_crops(self, preview: Preview) -> None:
        pass

    def save_snapshots(
        self, step: int, interval: int, students: Mapping[str, SRNetwork], previews: Mapping[str, Image8]
    ) -> None:
        pass


def _description(path: Path) -> str:
    """The text of a file that tells what a run is."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise RunError(f"{path}: can't be read ({reason}); put a copy back, or start a new run") from None


def _thin_out(files: Mapping[int, Path], interval: int, limit: int) -> None:
    kept = steps_to_keep(files, interval, limit)
    for step, path in files.items():
        if step not in kept:
            path.unlink(missing_ok=True)


def _as_line(event: RunStarted | StepEnd | ValidationEnd) -> dict[str, Any]:
    match event:
        case StepEnd():
            values = {name: value for name, value in dataclasses.asdict(event).items() if value is not None}
            return {"event": "step", **_finite(values)}
        case ValidationEnd():
            student = dataclasses.asdict(event.student)
            others = {name: dataclasses.asdict(scores) for name, scores in event.others.items()}
            line = {"event": "validation", "step": event.step, "best": event.best, **student}
            return {**line, "others": others} if others else line
        case RunStarted():
            levels = {"bicubic": event.bicubic, "teacher": event.teacher}
            scores = {name: dataclasses.asdict(level) if level else None for name, level in levels.items()}
            return {"event": "start", "step": event.first_step, "steps": event.steps, **scores}


def _finite(value: Any) -> Any:
    """As `value`, with None for what JSON has no number for."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _environment(config: TrainConfig, device: str, data_fingerprint: str) -> dict[str, Any]:
    packages = ("torch", "numpy", "pillow", "scikit-image", "safetensors")
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: version(name) for name in packages},
        "device": device,
        "threads": torch.get_num_threads(),
        "seed": config.seed,
        "data_fingerprint": data_fingerprint,
    }
