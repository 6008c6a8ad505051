"""Writes a run folder: settings, metrics, checkpoints, previews. Its last complete state survives a crash."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
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
from fakd_core.runs.deferred_writes import AppendLog, WriteFailures
from fakd_core.runs.layout import MAX_PREVIEWS, MAX_SNAPSHOTS, RunLayout, steps_to_keep
from fakd_core.runs.lock import run_lock
from fakd_core.runs.metrics_files import discard_metrics_after, encode_line, write_table
from fakd_core.system.platforms import check_name, quote, remove_file

MIN_CHECKPOINT_SECONDS = 20.0
"""Minimum time between two checkpoints that don't follow a validation."""

MAX_SAVING_SHARE = 0.02
"""Maximum share of the time that these checkpoints take."""


class RunWriter:
    """Writes the run folder `folder`; `create` makes it.

    While the run continues, a failed write raises nothing: `failures` reports it, and the next write of its
    kind makes it good. `checkpoint_every` is the time in seconds between checkpoints that don't follow a
    validation; if None, it is the larger of 20 s and 50 times what the last one took to save.
    """

    def __init__(self, folder: Path, checkpoint_every: float | None = None) -> None:
        self.layout = RunLayout(folder)
        self._log = AppendLog(self.layout.metrics)
        self.failures = WriteFailures()
        self._descriptions: dict[Path, str] = {}
        self._changed: set[Path] = set()
        self._pending_crops: dict[Path, Image8] = {}
        self._saved_at = time.monotonic()
        self._saving_seconds = 0.0
        self._checkpoint_every = checkpoint_every

    @classmethod
    def check_free(cls, folder: Path) -> None:
        """Raise `RunError` unless `folder` is absent or an empty folder, and may have its name."""
        try:
            check_name(folder)
        except OSError as error:
            raise RunError(f"{folder}: {error.strerror}") from None
        if RunLayout(folder).is_run():
            raise RunError(
                f"{folder}: already holds a run; continue it with --resume {quote(str(folder))}, or give "
                "another --run"
            )
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder}: not an empty folder; give another --run")

    @classmethod
    def create(cls, config: TrainConfig, device: str, fingerprints: Mapping[str, str]) -> None:
        """Make the folder of a new run, with its settings, and its environment with the `fingerprints`."""
        cls.check_free(config.run)
        layout = RunLayout(config.run)
        try:
            for folder in (layout.checkpoints, layout.previews_folder):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{config.run}: can't be made: {error.strerror}; give another --run") from None
        environment = _environment(config, device, fingerprints)
        write_text(layout.environment, json.dumps(environment, indent=2))
        write_text(layout.config, to_toml(config))

    def fingerprints(self) -> dict[str, str]:
        """The fingerprints of the images at the start of the run; a run of an older version has fewer."""
        path = self.layout.environment
        try:
            environment = json.loads(_read_description(path))
            str(environment["data_fingerprint"])
            return {name: str(value) for name, value in environment.items() if name.endswith("_fingerprint")}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise RunError(
                f"{path}: damaged: expected the data_fingerprint of the training images; put a copy back, "
                "or start a new run"
            ) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training this run; raises `RunError` that names the one that does."""
        with run_lock(self.layout.lock):
            files = (self.layout.config, self.layout.environment)
            self._descriptions = {file: _read_description(file) for file in files}
            yield

    def change_settings(self, config: TrainConfig, names: Iterable[str]) -> None:
        """Change the options `names` in the settings file to their values in `config`."""
        import tomlkit  # On demand: it takes as long to import as all settings.

        file = self.layout.config
        settings = tomlkit.parse(self._descriptions[file])
        settings |= {name: config.model_dump(mode="json")[name] for name in names}
        self._descriptions[file] = tomlkit.dumps(settings)
        self._changed.add(file)
        self._attempt("settings", self._write_descriptions)

    def load_checkpoint(self) -> tuple[State | None, list[Path]]:
        """The state to resume from, None before the first was saved; and newer files that are damaged.

        Raises `RunError` if all are damaged.
        """
        return load_state(self.layout.states)

    def discard_after(self, step: int, validated_step: int) -> None:
        """Discard what came after a checkpoint: metrics, snapshots, previews and unfinished files."""
        clear_unfinished(self.layout.folder)
        discard_metrics_after(self.layout.folder, step, validated_step)
        for path in self.layout.files_after(validated_step):
            remove_file(path)

    def append(self, event: RunStarted | StepEnd | ValidationEnd) -> None:
        """Add a line to the metrics."""
        self._attempt("metrics", partial(self._log.append, encode_line(event)))

    def save_crops(self, preview: Preview) -> None:
        """Save the images that the students' previews are compared with."""
        images = {"bicubic": preview.bicubic, "hr": preview.hr, "teacher": preview.teacher}
        self._pending_crops = {
            self.layout.crop(name): image for name, image in images.items() if image is not None
        }
        self._attempt("previews", self._write_crops)

    def save_students(
        self,
        *,
        step: int,
        interval: int,
        networks: Mapping[str, SRNetwork],
        previews: Mapping[str, Image8],
        improved: Iterable[str],
    ) -> bool:
        """Save every network and its preview after a validation; return whether that succeeded.

        `interval` is the number of steps between validations, `improved` are the names of the networks that
        reached their best score.
        """
        self._attempt("previews", self._write_crops)

        def save() -> None:
            for name in improved:
                save_safetensors(networks[name], self.layout.best_weights(name))
            for name, network in networks.items():
                save_safetensors(network, self.layout.snapshot(step, name))
                _thin_out(self.layout.snapshots(name), interval, MAX_SNAPSHOTS)
            for name, image in previews.items():
                write_image(self.layout.preview(step, name), image)
                _thin_out(self.layout.previews(name), interval, MAX_PREVIEWS)

        return self._attempt("students", save)

    @property
    def checkpoint_due(self) -> bool:
        """True if the last checkpoint is old enough for another one between validations."""
        interval = self._checkpoint_every
        if interval is None:
            interval = max(MIN_CHECKPOINT_SECONDS, self._saving_seconds / MAX_SAVING_SHARE)
        return time.monotonic() - self._saved_at > interval

    def save_checkpoint(self, state: State, networks: Mapping[str, SRNetwork]) -> Path | None:
        """Save the state to resume from, and the `networks` by name; None if that failed.

        If the folder was removed meanwhile, it is created again, so that the run can be resumed.
        """

        def save() -> None:
            self._write_descriptions()
            save_state(self.layout.states, state)
            for name, network in networks.items():
                save_safetensors(network, self.layout.weights(name))

        start = time.monotonic()
        saved = self._attempt("checkpoint", save)
        # Also after a failure: not repeated at once.
        self._saved_at = time.monotonic()
        self._saving_seconds = self._saved_at - start
        return self.layout.states[0] if saved else None

    def finish(self, state: State, networks: Mapping[str, SRNetwork]) -> Path:
        """Save the last checkpoint and all pending metrics; raises `RunError` if they can't be written."""
        path = self.save_checkpoint(state, networks)
        if not self._attempt("metrics", self._log.flush) or path is None:
            raise RunError(
                f"{self.failures.reason}; {self.failures.remedy} and continue with --resume "
                f"{quote(str(self.layout.folder))}"
            )
        return path

    def write_table(self) -> None:
        """Write the metrics as a table."""
        self._attempt("table", partial(write_table, self.layout.folder))

    def _attempt(self, name: str, write: Callable[[], object]) -> bool:
        return self.failures.attempt(name, write)

    def _write_descriptions(self) -> None:
        """Write the settings and the environment if they are missing or were changed here."""
        for file, text in self._descriptions.items():
            if file in self._changed or not file.exists():
                write_text(file, text)
                self._changed.discard(file)
                self.failures.settle("settings")

    def _write_crops(self) -> None:
        for path in list(self._pending_crops):
            write_image(path, self._pending_crops[path])
            del self._pending_crops[path]


class NullRunWriter(RunWriter):
    """Writes nothing: for a run folder that another process writes."""

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield

    def discard_after(self, step: int, validated_step: int) -> None:
        pass

    def _attempt(self, name: str, write: Callable[[], object]) -> bool:
        return True


def _read_description(path: Path) -> str:
    """The text of the settings or of the environment."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise RunError(f"{path}: can't be read ({reason}); put a copy back, or start a new run") from None


def _thin_out(files: Mapping[int, Path], interval: int, limit: int) -> None:
    kept = steps_to_keep(files, interval, limit)
    for step, path in files.items():
        if step not in kept:
            remove_file(path)


def _environment(config: TrainConfig, device: str, fingerprints: Mapping[str, str]) -> dict[str, Any]:
    packages = ("torch", "numpy", "pillow", "scikit-image", "safetensors")
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: version(name) for name in packages},
        "device": device,
        "threads": torch.get_num_threads(),
        "seed": config.seed,
        **fingerprints,
    }
