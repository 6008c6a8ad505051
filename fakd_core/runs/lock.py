"""A lock that lets one process at a time train a run, and names that process."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from fakd_core.errors import RunError
from fakd_core.files import file_lock

_PROBE_SECONDS = 0.5
"""Time to wait for a lock, which another process may hold for a moment to find out if it is free."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Errors of file systems without locks."""


@contextmanager
def run_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, and name this process and its host in a file beside it.

    The system releases the lock when the process ends, even if it is killed; the name that it leaves is
    ignored then. On file systems without locks the name decides, if its process runs on this host.

    Raises:
        RunError: Another process holds the lock.
        OSError: The lock file can't be opened.
    """
    lock, owner = file_lock(path, _PROBE_SECONDS), path.with_suffix(".owner")
    try:
        lock.acquire()
    except OSError as error:
        if isinstance(error, TimeoutError) or (error.errno in _NO_LOCKS and _owner_runs_here(path)):
            by = f" by {lock_owner(path)}" if lock_owner(path) else ""
            raise RunError(
                f"{path.parent}: in use{by}: this run is being trained already; wait for it or stop it"
            ) from None
        if error.errno not in _NO_LOCKS:
            raise
    try:
        with suppress(OSError):
            owner.write_text(f"{os.getpid()} {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            owner.unlink()
        lock.release()


def is_locked(path: Path) -> bool:
    """Check whether a process holds the lock file `path`."""
    if not path.exists():
        return False
    try:
        with file_lock(path):
            return False
    except TimeoutError:
        return True
    except OSError:
        return _owner_runs_here(path)


def lock_owner(path: Path) -> str:
    """The process that holds the lock file `path`, in words; empty if it is not known."""
    number, host = _read_owner(path)
    return f"process {number} on {host}" if host else ""


def _read_owner(path: Path) -> tuple[str, str]:
    try:
        text = path.with_suffix(".owner").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    number, _, host = text.strip().partition(" ")
    return number, host


def _owner_runs_here(path: Path) -> bool:
    number, host = _read_owner(path)
    if host != socket.gethostname() or not number.isdecimal() or int(number) == os.getpid():
        return False
    return psutil.pid_exists(min(int(number), 2**31 - 1))
