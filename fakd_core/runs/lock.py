"""One process at a time in a run folder, and who it is."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fakd_core.errors import RunError


@contextmanager
def run_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, which names this process and its host.

    The system lets go of it when the process ends, however it does: what a killed one wrote there is stale,
    and recognised as that. File systems that know no locks are taken at the file's word, where the process
    it names is on this host.

    Raises:
        RunError: another process holds it.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        owner = os.read(file, 1000).decode("utf-8", "replace").strip()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _in_use(path, owner) from None
        except OSError:
            if _runs_here(owner):
                raise _in_use(path, owner) from None
        _write(file, f"{os.getpid()} {socket.gethostname()}")
        try:
            yield
        finally:
            with suppress(OSError):
                _write(file, "")
    finally:
        os.close(file)


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock file `path` now; holds nothing itself for longer than a look."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        owner = os.read(file, 1000).decode("utf-8", "replace").strip()
        # Nobody's lock is left alone: whoever takes it at this moment must not find it taken.
        if not owner:
            return False
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return _runs_here(owner)
    finally:
        os.close(file)
    return False


def _in_use(path: Path, owner: str) -> RunError:
    number, _, host = owner.partition(" ")
    who = f" by process {number} on {host}" if host else ""
    return RunError(f"{path.parent}: in use{who}: this run is being trained already; wait for it or stop it")


def _runs_here(owner: str) -> bool:
    number, _, host = owner.partition(" ")
    if host != socket.gethostname() or not number.isdecimal() or int(number) == os.getpid():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _write(file: int, text: str) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, text.encode(), 0)
