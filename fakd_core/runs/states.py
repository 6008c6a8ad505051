"""The progress of runs, read from their folders; only new metrics are read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fakd_core.errors import FakdError, RunError
from fakd_core.events import CancelToken
from fakd_core.models.headers import ModelHeader, read_header
from fakd_core.runs.config import read_config
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.lock import is_locked, lock_owner
from fakd_core.runs.metrics_files import decode_line
from fakd_core.runs.networks import SavedNetwork, saved_networks

VALIDATION = b'{"event": "validation"'


@dataclass(frozen=True, kw_only=True)
class RunState:
    """The progress of one run, and the problem if it can't be used."""

    steps: int = 0
    done: int = 0
    best: float | None = None
    """Best validation PSNR in dB."""
    problem: str = ""
    """The reason why the run can't be used; empty for a sound run."""
    in_use: bool = False
    """True while a process is training it."""
    owner: str = ""
    """The process that is training it, in words."""
    failure: str = ""
    """The reason why its last training failed, if that is known."""
    has_student: bool = False
    """A student was saved."""
    has_best: bool = False
    """It was validated: its best weights were saved."""
    networks: tuple[SavedNetwork, ...] = ()
    """Its other networks, such as the baseline."""
    bests: Mapping[str, float] = field(default_factory=dict)
    """Best validation PSNR in dB of its other networks, by name."""
    header: ModelHeader | None = None
    """Scale and size of its student."""
    models: str = ""
    """Names of its student and teachers, for searching."""
    read_to: int = field(default=0, compare=False)
    """Bytes of the metrics that have been read."""
    config_written: float = field(default=0.0, compare=False)
    """Modification time of its settings."""
    listed: tuple[int, ...] = field(default=(), compare=False)
    """Modification times of its folders when its networks were looked for."""

    @property
    def finished(self) -> bool:
        return 0 < self.steps <= self.done

    def summary(self) -> str:
        """The state in a few words."""
        if self.in_use and not self.done:
            return "preparing"
        if self.problem:
            return "damaged"
        if self.in_use:
            return f"training, {self.done:,} of {self.steps:,}"
        if self.finished:
            return "done"
        if self.failure:
            return f"failed at {self.done:,} of {self.steps:,}"
        return f"stopped at {self.done:,} of {self.steps:,}" if self.done else "not started"


def read_states(
    runs: Iterable[Path], known: Mapping[Path, RunState], token: CancelToken
) -> dict[Path, RunState]:
    """The state of each of the `runs`; for those in `known`, only new metrics are read."""
    states = {}
    for run in runs:
        token.raise_if_cancelled()
        states[run] = read_state(run, known.get(run))
    return states


def read_state(run: Path, known: RunState | None = None) -> RunState:
    """The state of one run; an error in its files becomes its `problem`."""
    layout = RunLayout(run)
    try:
        written = layout.config.stat().st_mtime
        if known is None or known.problem or known.config_written != written:
            config = read_config(run)
            models = " ".join((config.student, *config.teacher))
            known = RunState(steps=config.steps, models=models, config_written=written)
        in_use = is_in_use(run)
        state = _read_new_metrics(layout.metrics, known)
        owner = lock_owner(layout.lock) if in_use else ""
        state = replace(state, in_use=in_use, owner=owner)
        listed = tuple(one.stat().st_mtime_ns for one in (run, layout.checkpoints) if one.is_dir())
        return state if listed == state.listed else _read_networks(run, replace(state, listed=listed))
    except FakdError as error:
        return RunState(problem=str(error), in_use=is_in_use(run))
    except OSError as error:
        problem = f"{error.filename or run}: can't be read ({error.strerror or error})"
        return RunState(problem=problem, in_use=is_in_use(run))


def _read_networks(run: Path, state: RunState) -> RunState:
    layout = RunLayout(run)
    student, networks = layout.best_student(), tuple(saved_networks(run))
    header = state.header or (read_header(student) if student is not None else None)
    has_best = student == layout.best_weights()
    return replace(
        state, has_student=student is not None, has_best=has_best, networks=networks, header=header
    )


def _read_new_metrics(metrics: Path, state: RunState) -> RunState:
    """Read the lines written since `state`; an incomplete last line is left for the next time."""
    try:
        size = metrics.stat().st_size
    except FileNotFoundError:
        return state
    if size < state.read_to:
        state = replace(state, read_to=0, done=0, best=None, bests={})
    best, bests, last, read_to = state.best, dict(state.bests), b"", state.read_to
    with metrics.open("rb") as file:
        file.seek(read_to)
        for line in file:
            if not line.endswith(b"\n"):
                break
            read_to += len(line)
            last = line
            if line.startswith(VALIDATION):
                psnr = _parse(metrics, line, "psnr")
                best = psnr if best is None else max(best, psnr)
                for name, scores in _others(line).items():
                    bests[name] = max(scores, bests.get(name, scores))
    # After a restart or a resume, the first new step is lower than those before: the last line counts.
    done = round(_parse(metrics, last, "step")) if last else state.done
    return replace(state, done=done, best=best, bests=bests, read_to=read_to)


def _others(line: bytes) -> dict[str, float]:
    """The PSNR of the other networks in the line of a validation; those that can't be read are left out."""
    others = decode_line(line).get("others")
    found = others.items() if isinstance(others, dict) else ()
    return {
        str(name): float(scores["psnr"])
        for name, scores in found
        if isinstance(scores, dict) and isinstance(scores.get("psnr"), int | float)
    }


def _parse(metrics: Path, line: bytes, name: str) -> float:
    try:
        value = float(decode_line(line)[name])
        if math.isfinite(value) or (name == "psnr" and value > 0):
            return value
        raise ValueError
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
        raise RunError(f"{metrics}: damaged: expected a line with {name}, found {line[:40]!r}") from None


def is_in_use(run: Path) -> bool:
    """True while a process is training `run`."""
    return is_locked(RunLayout(run).lock)
