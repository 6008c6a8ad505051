"""What can't be written while a run goes on: said when it begins and when it is over."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fakd_core.errors import FakdError
from fakd_core.events import Notice


class WriteFailures:
    """True while something that was tried last could not be written."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._told = False

    def __bool__(self) -> bool:
        return bool(self._reasons)

    def attempt(self, what: str, write: Callable[[], object]) -> bool:
        """Whether `write` went well; what stands in the way of `what` is kept until it does."""
        try:
            write()
        except (OSError, FakdError) as error:
            self._reasons[what] = str(error)
            return False
        self._reasons.pop(what, None)
        return True

    def notices(self) -> Iterator[Notice]:
        """What is new since the last time this was asked."""
        if self._reasons and not self._told:
            reason = next(iter(self._reasons.values()))
            yield Notice(f"{reason}. The training goes on, and saves again as soon as that is possible")
        elif self._told and not self._reasons:
            yield Notice("saving works again")
        self._told = bool(self._reasons)


class AppendLog:
    """Appends pieces to a file; what can't be written now waits for the next time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[bytes] = []

    @property
    def waits(self) -> bool:
        """Whether something is still to be written."""
        return bool(self._waiting)

    def hold(self, piece: bytes) -> None:
        """Have `piece` written by the next `flush`."""
        self._waiting.append(piece)

    def flush(self) -> None:
        """Write what waits. Raises `OSError` where that fails: none of it is in the file then."""
        if not self._waiting:
            return
        append_whole(self._path, b"".join(self._waiting))
        self._waiting.clear()


class MetricsLog(AppendLog):
    """A `AppendLog` of lines of JSON."""

    def append(self, line: Mapping[str, Any]) -> None:
        """Add `line` and all that waits. Raises `OSError` where that fails; the line then waits, too."""
        self.hold((json.dumps(line) + "\n").encode())
        self.flush()


def append_whole(path: Path, content: bytes) -> None:
    """Add `content` at the end of a file. Raises `OSError` where that fails: none of it is there then."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        end = os.fstat(file).st_size
        try:
            written = os.write(file, content)
            if written < len(content):
                os.write(file, content[written:])
        except OSError:
            os.ftruncate(file, end)
            raise
    finally:
        os.close(file)
