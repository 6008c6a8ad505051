"""The lines of a run's metrics, which wait while the disk can't take them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class MetricsLog:
    """Appends lines of JSON to a file; what can't be written now is written with the next line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[str] = []

    def append(self, line: Mapping[str, Any]) -> None:
        """Add `line` and all that waits. Raises `OSError` where that fails; the line then waits, too."""
        self._waiting.append(json.dumps(line) + "\n")
        self.flush()

    def flush(self) -> None:
        """Write what waits. Raises `OSError` where that fails: none of it is in the file then."""
        if not self._waiting:
            return
        append_whole(self._path, "".join(self._waiting).encode())
        self._waiting.clear()


def append_whole(path: Path, content: bytes) -> None:
    """Add `content` at the end of a file. Raises `OSError` where that fails: none of it is in the file then."""
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
