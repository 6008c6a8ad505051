"""What lies in a run folder, for readers: its settings, metrics, snapshots and previews. Loads no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fakd_core.errors import ConfigError, RunError
from fakd_core.runs.config import TrainConfig
from fakd_core.settings import read_toml

CONFIG = "config.toml"
METRICS = "metrics.jsonl"
TABLE = "metrics.csv"
"""The metrics again, for a spreadsheet."""
EVENTS = ("start", "step", "validation")
"""What a line of the metrics tells of: the run's beginning, a step, a validation."""
LOCK = "run.lock"
STUDENT = "student"
"""The name of the student a run is about; see `ValidationEnd` for those beside it."""
SNAPSHOTS = "snapshots"
PREVIEWS = "previews"
SNAPSHOTS_KEPT = 16
PREVIEWS_KEPT = 64
"""Of each student: what a run keeps of its past does not grow with its length."""
CROPS = ("bicubic", "teacher", "hr")
"""What a student's previews are compared with: one picture each in the folder of previews."""


def is_run(folder: Path) -> bool:
    """Whether `folder` holds a run."""
    return (folder / CONFIG).is_file()


def read_config(run: Path) -> TrainConfig:
    """The settings a run was started with; `run` itself tells where it lies now.

    Raises:
        RunError: `run` holds no run.
        ConfigError: its settings can't be read.
    """
    if not is_run(run):
        raise RunError(f"{run}: not a run folder (no {CONFIG} in it); give the folder that --run named")
    values = {**read_toml(run / CONFIG), "run": run}
    try:
        return TrainConfig.build(**values)
    except ConfigError as error:
        raise ConfigError(f"{run / CONFIG}: {error}") from None


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """Every complete line of a run's metrics; a line cut off by a crash is left out.

    Raises `RunError` where a line is damaged.
    """
    path = run / METRICS
    if not path.exists():
        return []
    lines = []
    for number, text in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            lines.append(_event(text))
        except (ValueError, RecursionError):
            raise RunError(
                f"{path}: line {number} is damaged: expected an event and its step, found {text[:40]!r}; "
                "remove the lines from there on"
            ) from None
    return lines


def _event(text: bytes) -> dict[str, Any]:
    line = json.loads(text)
    if not (isinstance(line, dict) and line.get("event") in EVENTS and isinstance(line.get("step"), int)):
        raise ValueError(text)
    return line


def snapshots(run: Path, name: str = STUDENT) -> dict[int, Path]:
    """The model files of the student `name` as it was after so many steps, in order of the steps.

    They are few, evenly spread over the run, and the newest validation is among them. A run that goes on
    removes some: a file may be gone when it is opened.
    """
    return _by_step(stepwise(run / SNAPSHOTS, name), ".safetensors")


def previews(run: Path, name: str = STUDENT) -> dict[int, Path]:
    """The pictures (PNG) of the validation crop as `name` made it after so many steps; as `snapshots`."""
    return _by_step(stepwise(run / PREVIEWS, name), ".png")


def crops(run: Path) -> dict[str, Path]:
    """The pictures of the validation crop that stay the same: those of `CROPS` that are there."""
    named = {name: run / PREVIEWS / f"{name}.png" for name in CROPS}
    return {name: path for name, path in named.items() if path.is_file()}


def stepwise(folder: Path, name: str) -> Path:
    """Where in `folder` the files of the student `name` lie: the one a run is about has it to itself."""
    return folder if name == STUDENT else folder / name


def spread(steps: Iterable[int], interval: int, limit: int) -> set[int]:
    """The steps to keep of those where something was kept, every `interval` steps: at most `limit`.

    They stand equally far apart but for the newest, which is always kept. The same ones are kept however
    often the run was interrupted.
    """
    present = set(steps)
    newest = max(present, default=0)
    stride = interval
    while newest // stride >= limit:
        stride *= 2
    return {step for step in present if step % stride == 0 or step == newest}


def _by_step(folder: Path, suffix: str) -> dict[int, Path]:
    try:
        found = [path for path in folder.iterdir() if path.suffix == suffix and path.stem.isdecimal()]
    except OSError:
        return {}
    return {int(path.stem): path for path in sorted(found, key=lambda path: int(path.stem))}
