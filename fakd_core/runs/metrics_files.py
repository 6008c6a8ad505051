"""Reading the metrics of a run, and the same for a spreadsheet: `metrics.csv` beside `metrics.jsonl`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fakd_core.errors import RunError
from fakd_core.files import write_text
from fakd_core.runs.deferred_writes import append_whole
from fakd_core.runs.layout import STUDENT, RunLayout

_FIRST = ("event", "step", "name", "psnr", "ssim", "best", "total")
_LAST = ("lr", "seconds", "baseline", "skipped")
_EVENTS = ("start", "step", "validation")


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """Every complete line of the metrics in the run folder `run`; a line cut off by a crash is left out.

    Raises `RunError` if a line is damaged.
    """
    path = RunLayout(run).metrics
    if not path.exists():
        return []
    lines = []
    for number, text in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            lines.append(_parse_line(text))
        except (ValueError, RecursionError):
            raise RunError(
                f"{path}: line {number} is damaged: expected an event and its step, found {text[:40]!r}; "
                "remove the lines from there on"
            ) from None
    return lines


def _parse_line(text: bytes) -> dict[str, Any]:
    line = json.loads(text)
    if not (isinstance(line, dict) and line.get("event") in _EVENTS and isinstance(line.get("step"), int)):
        raise ValueError(text)
    return line


class MetricsTable:
    """Keeps the table of the run in `folder` up with its metrics.

    A line is added at its end. Where that can't go well, as the table lacks a column or could not be written
    before, it is made anew of the metrics, whole or not at all.
    """

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._columns: tuple[str, ...] = ()
        self._failure: OSError | None = None

    def append(self, line: Mapping[str, Any]) -> None:
        """Add what `line`, the last one in the metrics, tells.

        Raises `OSError` where that fails, and again for every line until it is tried again at a validation.
        """
        if self._failure is not None and line["event"] != "validation":
            raise self._failure
        try:
            if not self._columns or any(name not in self._columns for row in _rows(line) for name in row):
                self.rewrite(read_metrics(self._layout.folder))
            else:
                append_whole(self._layout.table, _written(self._columns, _rows(line)).encode())
        except OSError as error:
            self.fail(error)
            raise
        self._failure = None

    def fail(self, error: OSError) -> None:
        """The metrics could not be written, for this reason: the table is made anew when they can."""
        self._columns, self._failure = (), error

    def finish(self) -> None:
        """Make good what could not be written; raises `OSError` where it still can't."""
        if self._failure is not None:
            self.rewrite(read_metrics(self._layout.folder))
            self._failure = None

    def rewrite(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Replace the table by that of `lines`."""
        rows = [row for line in lines for row in _rows(line)]
        named = dict.fromkeys(name for row in rows for name in row)
        parts = [name for name in named if name not in (*_FIRST, *_LAST)]
        self._columns = (*_FIRST, *parts, *_LAST)
        heading = {name: name for name in self._columns}
        write_text(self._layout.table, _written(self._columns, [heading, *rows]))


def _rows(line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What one line of the metrics is in the table: a row for a step, one for each score."""
    head = {"event": line["event"], "step": line["step"]}
    match line["event"]:
        case "step":
            parts, raw = line["parts"], {f"raw {name}": value for name, value in line["raw"].items()}
            yield {**head, **{name: line.get(name) for name in ("total", *_LAST)}, **parts, **raw}
        case "validation":
            yield {**head, "name": STUDENT, **{name: line[name] for name in ("psnr", "ssim", "best")}}
            for name, scores in line.get("others", {}).items():
                yield {**head, "name": name, **scores}
        case "start":
            for name in ("bicubic", "teacher"):
                if line[name]:
                    yield {**head, "name": name, **line[name]}


def _written(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    csv.DictWriter(text, columns, lineterminator="\n").writerows(rows)
    return text.getvalue()
