"""One process at a time; it is named, and the lock of a killed one is free."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakd_core.errors import RunError
from fakd_core.runs.lock import is_locked, run_lock

HOLD = """
import sys, time
from collections.abc import Iterator
from pathlib import Path
from fakd_core.runs.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run.lock")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_owner_is_named(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with (
        pytest.raises(RunError, match=f"by process {holder.pid} on {socket.gethostname()}"),
        run_lock(tmp_path / "run.lock"),
    ):
        pass


def test_is_locked(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    lock = tmp_path / "run.lock"
    assert is_locked(lock)
    holder.kill()
    holder.wait()
    assert not is_locked(lock)
    assert not is_locked(tmp_path / "other.lock")
    with run_lock(lock):
        assert is_locked(lock)
    assert not is_locked(lock)


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert str(holder.pid) in (tmp_path / "run.owner").read_text()
    with run_lock(tmp_path / "run.lock"):
        assert (tmp_path / "run.owner").read_text() == f"{os.getpid()} {socket.gethostname()}"
    assert not (tmp_path / "run.owner").exists()


@pytest.mark.parametrize(
    ("owner", "free"),
    [
        ("", True),
        ("nonsense", True),
        ("999999999 {host}", True),
        (f"{10**30} {{host}}", True),
        ("{me} {host}", True),
        ("{parent} {host}", False),
        ("{parent} elsewhere", True),
    ],
)
def test_without_locks_the_named_owner_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str, free: bool
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    names = {"host": socket.gethostname(), "me": os.getpid(), "parent": os.getppid()}
    (tmp_path / "run.owner").write_text(owner.format(**names))
    (tmp_path / "run.lock").touch()
    assert is_locked(tmp_path / "run.lock") is not free
    if free:
        with run_lock(tmp_path / "run.lock"):
            pass
    else:
        with pytest.raises(RunError, match="in use"), run_lock(tmp_path / "run.lock"):
            pass
