"""Writes that may fail while a run continues: reports when they start failing and when they recover."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from fakd_core.errors import FakdError
from fakd_core.events import Notice


class WriteFailures:
    """The writes whose last attempt failed, by name; true while there are any."""

    def __init__(self) -> None:
        self._errors: dict[str, Exception] = {}
        self._reported = False

    def __bool__(self) -> bool:
        return bool(self._errors)

    def attempt(self, name: str, write: Callable[[], object]) -> bool:
        """Call `write`; return whether it succeeded. A failure stays until the same `name` succeeds."""
        try:
            write()
        except (OSError, FakdError) as error:
            self._errors[name] = error
            return False
        self._errors.pop(name, None)
        return True

    def settle(self, name: str) -> None:
        """Forget the failure of `name`, which another write made good."""
        self._errors.pop(name, None)

    @property
    def reason(self) -> str:
        """The error of the first write that failed."""
        return str(next(iter(self._errors.values())))

    @property
    def remedy(self) -> str:
        """The advice to the user for that error."""
        error = next(iter(self._errors.values()))
        cause = error if isinstance(error, OSError) else error.__cause__
        if isinstance(cause, PermissionError):
            return "close the program that uses it, or permit writing there"
        return "make room on the disk"

    def notices(self) -> Iterator[Notice]:
        """Report what changed since the last call."""
        if self._errors and not self._reported:
            yield Notice(f"{self.reason}. The training continues, and saves again as soon as possible")
        elif self._reported and not self._errors:
            yield Notice("saving works again")
        self._reported = bool(self._errors)


class AppendLog:
    """Appends to a file, and buffers while writing fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[bytes] = []

    @property
    def has_pending(self) -> bool:
        return bool(self._pending)

    def buffer(self, content: bytes) -> None:
        """Have `content` written by the next `flush`."""
        self._pending.append(content)

    def append(self, content: bytes) -> None:
        """Write everything pending and `content`; raises `OSError` if that fails, and keeps all pending."""
        self.buffer(content)
        self.flush()

    def flush(self) -> None:
        """Write everything pending; raises `OSError` if that fails: none of it is in the file then."""
        if not self._pending:
            return
        content = b"".join(self._pending)
        with self._path.open("ab", buffering=0) as file:
            end = os.fstat(file.fileno()).st_size
            try:
                while content:
                    content = content[os.write(file.fileno(), content) :]
            except OSError:
                file.truncate(end)
                raise
        self._pending.clear()
