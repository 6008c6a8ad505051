"""Failing writes are reported once when they start and once when all of them have recovered."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fakd_core.errors import RunError
from fakd_core.runs.deferred_writes import AppendLog, WriteFailures


def fail() -> None:
    raise OSError("disk full")


def fail_otherwise() -> None:
    raise RunError("no such folder")


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:1]))
    log = AppendLog(tmp_path / "log")
    log.append(b"first\n")
    log.append(b"second\n")
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\n"


def test_a_write_that_fails_halfway_is_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    taken: list[int] = []

    def fill(file: int, content: bytes) -> int:
        if len(taken) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken.append(write(file, content[:1]))
        return 1

    (tmp_path / "log").write_bytes(b"first\n")
    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(OSError, match="No space left"):
        AppendLog(tmp_path / "log").append(b"second\n")
    assert (tmp_path / "log").read_bytes() == b"first\n"


def texts(failures: WriteFailures) -> list[str]:
    return [notice.text.split(".")[0] for notice in failures.notices()]


def test_failure_and_recovery_are_reported_once() -> None:
    failures = WriteFailures()
    assert failures.attempt("metrics", lambda: None)
    assert texts(failures) == []
    assert not failures.attempt("metrics", fail)
    assert failures
    assert texts(failures) == ["disk full"]
    assert not failures.attempt("checkpoint", fail_otherwise)
    assert failures.attempt("metrics", lambda: None)
    assert texts(failures) == [], "one thing works again, another does not"
    assert failures.attempt("checkpoint", lambda: None)
    assert texts(failures) == ["saving works again"]
    assert not failures
    assert texts(failures) == []


def test_a_log_tells_whether_anything_is_pending(tmp_path: Path) -> None:
    log = AppendLog(tmp_path / "gone" / "log")
    assert log.has_pending is False
    with pytest.raises(OSError, match="No such file"):
        log.append(b"first\n")
    assert log.has_pending is True
    (tmp_path / "gone").mkdir()
    log.flush()
    assert log.has_pending is False


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "make room on the disk"),
        (PermissionError(errno.EACCES, "in use"), "close the program that uses it, or permit writing there"),
    ],
)
def test_the_advice_fits_the_error(error: OSError, remedy: str) -> None:
    def write() -> None:
        raise error

    def write_wrapped() -> None:
        raise RunError("can't be written") from error

    for attempt in (write, write_wrapped):
        failures = WriteFailures()
        failures.attempt("checkpoint", attempt)
        assert failures.remedy == remedy
