"""The metrics of a run: `metrics.jsonl`, one event per line, and the same as a table, `metrics.csv`."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fakd_core.errors import RunError
from fakd_core.events import RunStarted, StepEnd, ValidationEnd
from fakd_core.files import atomic_path
from fakd_core.runs.layout import STUDENT, RunLayout

_EVENTS = ("start", "step", "validation")
_FIRST_COLUMNS = ("event", "step", "name", "psnr", "ssim", "best", "total")
_LAST_COLUMNS = ("lr", "seconds", "baseline", "skipped")


def encode_line(event: RunStarted | StepEnd | ValidationEnd) -> bytes:
    """The line of `metrics.jsonl` for an event."""
    return (json.dumps(_without_infinity(describe(event)), allow_nan=False) + "\n").encode()


def decode_line(text: bytes) -> Any:
    """Parse a line of `metrics.jsonl`: a PSNR of null becomes infinite again. Raises what json.loads does."""
    return json.loads(text, object_hook=_restore_infinity)


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """Every complete line of the metrics in the run folder `run`; a line cut off by a crash is left out.

    Raises `RunError` if a line is damaged, or of an older version of this program.
    """
    return [line for line, _ in _read_lines(RunLayout(run).metrics)]


def discard_metrics_after(run: Path, step: int, validated_step: int) -> None:
    """Cut off what was written after a checkpoint, and a last line that is incomplete.

    `step` steps were finished then, and the validation after `validated_step`. If no step was, all goes.
    """
    path = RunLayout(run).metrics
    last = {"start": step - 1, "step": step, "validation": validated_step}
    kept = 0
    for line, end in _read_lines(path):
        if line["step"] > last[line["event"]]:
            break
        kept = end
    with path.open("ab") as file:
        file.truncate(kept)  # Unlike writing a new file, it works on a full disk.


def write_table(run: Path) -> None:
    """Write `metrics.csv` from `metrics.jsonl`: a row for each step, and one for each score.

    Raises:
        RunError: A line of the metrics is damaged.
        OSError: The table can't be written.
    """
    layout = RunLayout(run)
    # Read twice: a long run has hundreds of thousands of lines.
    names = dict.fromkeys(name for row in _read_rows(layout.metrics) for name in row)
    losses = [name for name in names if name not in (*_FIRST_COLUMNS, *_LAST_COLUMNS)]
    columns = (*_FIRST_COLUMNS, *losses, *_LAST_COLUMNS)
    with atomic_path(layout.table) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(_read_rows(layout.metrics))


def describe(event: RunStarted | StepEnd | ValidationEnd) -> dict[str, Any]:
    """The content of an event's line; losses that are not finite are None."""
    match event:
        case StepEnd():
            losses = {name: loss if math.isfinite(loss) else None for name, loss in event.losses.items()}
            line = {"event": "step", **dataclasses.asdict(event), "losses": losses}
            return {name: value for name, value in line.items() if value is not None}
        case ValidationEnd():
            student = dataclasses.asdict(event.student)
            others = {name: dataclasses.asdict(scores) for name, scores in event.others.items()}
            line = {"event": "validation", "step": event.step, "best": event.best, **student}
            return {**line, "others": others} if others else line
        case RunStarted():
            return {
                "event": "start",
                "step": event.first_step,
                "steps": event.steps,
                "bicubic": dataclasses.asdict(event.bicubic),
                "teacher": dataclasses.asdict(event.teacher) if event.teacher else None,
            }


def _without_infinity(value: Any) -> Any:
    """Replace infinite scores by None, as JSON has no infinity."""
    if isinstance(value, dict):
        return {name: _without_infinity(item) for name, item in value.items()}
    return None if value == math.inf else value


def _restore_infinity(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "psnr": math.inf} if line.get("psnr", 0) is None else line


def _read_lines(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Every complete line, and the position of its end in the file."""
    if not path.exists():
        return
    end = 0
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            if not text.endswith(b"\n"):
                return
            end += len(text)
            yield _parse_line(text[:-1], f"{path}: line {number}"), end


def _parse_line(text: bytes, where: str) -> dict[str, Any]:
    try:
        line: dict[str, Any] = decode_line(text)
        complete = line["event"] in _EVENTS and isinstance(line["step"], int)
    except (ValueError, RecursionError, KeyError, TypeError):
        complete = False
    if not complete:
        raise RunError(
            f"{where} is damaged: expected an event and its step, found {text[:40]!r}; remove the lines from "
            "there on"
        )
    if line["event"] == "step" and not isinstance(line.get("losses"), dict):
        raise RunError(
            f"{where} is not in this version's format: expected a step with its losses by name, found "
            f"{', '.join(line)}; start a new run"
        )
    return line


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    for line, _ in _read_lines(path):
        head = {"event": line["event"], "step": line["step"]}
        match line["event"]:
            case "step":
                others = {name: line.get(name) for name in ("lr", "seconds", "skipped")}
                yield {**head, **line["losses"], **others}
            case "validation":
                yield {**head, "name": STUDENT, **{name: line.get(name) for name in ("psnr", "ssim", "best")}}
                for name, scores in line.get("others", {}).items():
                    yield {**head, "name": name, **scores}
            case "start":
                for name in ("bicubic", "teacher"):
                    if line.get(name):
                        yield {**head, "name": name, **line[name]}
