"""Files that grow while a run goes on, and what is to come into them while the disk can't take it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class GrowingFile:
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


class MetricsLog(GrowingFile):
    """A `GrowingFile` of lines of JSON."""

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
