"""How far the runs are, read from their folders little by little; for jobs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_core.runs.layout import CONFIG, LOCK, METRICS, read_config
from fakd_core.runs.lock import is_locked

VALIDATION = b'{"event": "validation"'


@dataclass(frozen=True)
class RunState:
    """What the list says of a run. `read_to` and `written` tell how much of it is known already."""

    steps: int = 0
    done: int = 0
    best: float | None = None
    """The best validation PSNR in dB."""
    problem: str = ""
    """Why it can't be used; empty for a sound run."""
    in_use: bool = False
    """Some process trains it now."""
    owner: str = ""
    """Which, in words."""
    failure: str = ""
    """Why its last training ended, if that is known to have failed."""
    about: str = ""
    """Its student and teachers, for the search."""
    read_to: int = field(default=0, compare=False)
    written: float = field(default=0.0, compare=False)

    @property
    def finished(self) -> bool:
        return 0 < self.steps <= self.done

    def in_words(self) -> str:
        """One short line."""
        if self.problem:
            return "damaged"
        if self.in_use:
            state = f"running, step {self.done:,}"
        elif self.finished:
            state = "done"
        elif self.failure:
            state = f"failed at {self.done:,} of {self.steps:,}"
        else:
            state = f"stopped at {self.done:,} of {self.steps:,}" if self.done else "not begun"
        # The figure first: in a narrow list the end is cut off, and a sign tells the state too.
        return state if self.best is None else f"{self.best:.2f} dB · {state}"


def read_states(
    runs: Iterable[Path], known: Mapping[Path, RunState], token: CancelToken
) -> dict[Path, RunState]:
    """The state of each of the `runs`; of what is `known` only what is new is read."""
    states = {}
    for run in runs:
        token.raise_if_cancelled()
        states[run] = read_state(run, known.get(run))
    return states


def read_state(run: Path, known: RunState | None = None) -> RunState:
    """The state of one run; whatever is wrong with its files becomes its `problem`."""
    try:
        written = (run / CONFIG).stat().st_mtime
        if known is None or known.problem or known.written != written:
            config = read_config(run)
            about = " ".join((config.student, *config.teacher))
            known = RunState(config.steps, about=about, written=written)
        in_use = is_in_use(run)
        return replace(_read_on(run / METRICS, known), in_use=in_use, owner=owner_of(run) if in_use else "")
    except FakdError as error:
        return RunState(problem=str(error))
    except OSError as error:
        return RunState(problem=f"{error.filename or run}: can't be read ({error.strerror or error})")


def _read_on(metrics: Path, state: RunState) -> RunState:
    """Take the lines that came since; a last one that is not whole yet is left for the next time."""
    try:
        size = metrics.stat().st_size
    except FileNotFoundError:
        return state
    if size < state.read_to:
        state = replace(state, read_to=0, done=0, best=None)
    best, last, read_to = state.best, b"", state.read_to
    with metrics.open("rb") as file:
        file.seek(read_to)
        for line in file:
            if not line.endswith(b"\n"):
                break
            read_to += len(line)
            last = line
            if line.startswith(VALIDATION):
                psnr = _parsed(metrics, line, "psnr")
                best = psnr if best is None else max(best, psnr)
    # A run that begins again or goes on says so with its first step.
    done = round(_parsed(metrics, last, "step")) if last else state.done
    return replace(state, done=done, best=best, read_to=read_to)


def _parsed(metrics: Path, line: bytes, name: str) -> float:
    from fakd_core.errors import RunError

    try:
        value = float(json.loads(line)[name])
        if math.isfinite(value):
            return value
        raise ValueError
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
        raise RunError(f"{metrics}: damaged: expected a line with {name}, found {line[:40]!r}") from None


def is_in_use(run: Path) -> bool:
    """Whether some process trains `run` now."""
    return is_locked(run / LOCK)


def owner_of(run: Path) -> str:
    """Who holds the run's lock, by what stands in it; empty where that says nothing."""
    try:
        number, _, host = (run / LOCK).read_text(encoding="utf-8").strip().partition(" ")
    except (OSError, UnicodeDecodeError):
        return ""
    return f"process {number} on {host}" if host else ""
