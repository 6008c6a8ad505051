"""A lock that lets one process at a time train a run, and names that process."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from fakd_core.errors import RunError

_PROBE_SECONDS = 0.5
"""How long to wait for a lock that another process may hold only to find out whether it is free."""

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
    with _acquire(path):
        with suppress(OSError):
            _owner_file(path).write_text(f"{os.getpid()} {socket.gethostname()}", encoding="utf-8")
        try:
            yield
        finally:
            with suppress(OSError):
                _owner_file(path).unlink()


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock file `path`."""
    # A lock without an owner is not probed: whoever takes it at this moment must not find it taken.
    if not path.exists() or not _read_owner(path):
        return False
    try:
        with _file_lock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return _runs_here(_read_owner(path))


def lock_owner(path: Path) -> str:
    """The process that holds the lock file `path`, in words; empty if it is not known."""
    number, _, host = _read_owner(path).partition(" ")
    return f"process {number} on {host}" if host else ""


@contextmanager
def _acquire(path: Path) -> Iterator[None]:
    lock = _file_lock(path, timeout=_PROBE_SECONDS)
    try:
        lock.acquire()
    except OSError as error:
        unsupported = error.errno in _NO_LOCKS
        if isinstance(error, Timeout) or (unsupported and _runs_here(_read_owner(path))):
            owner = lock_owner(path)
            raise RunError(
                f"{path.parent}: in use{f' by {owner}' if owner else ''}: this run is being trained already; "
                "wait for it or stop it"
            ) from None
        if not unsupported:
            raise
    try:
        yield
    finally:
        lock.release()


def _file_lock(path: Path, timeout: float) -> FileLock:
    # A generator that holds the lock may be closed by another thread.
    return FileLock(path, timeout=timeout, thread_local=False, fallback_to_soft=False)


def _owner_file(path: Path) -> Path:
    return path.with_suffix(".owner")


def _read_owner(path: Path) -> str:
    try:
        return _owner_file(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _runs_here(owner: str) -> bool:
    number, _, host = owner.partition(" ")
    return (
        host == socket.gethostname()
        and number.isdecimal()
        and int(number) != os.getpid()
        and psutil.pid_exists(min(int(number), 2**31 - 1))
    )
