"""Trouble with writing is told once when it begins and once when all of it is over."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fakd_core.errors import RunError
from fakd_core.runs.deferred_writes import WriteFailures, append_whole


def fail() -> None:
    raise OSError("disk full")


def fail_otherwise() -> None:
    raise RunError("no such folder")


def test_a_file_that_takes_a_byte_at_a_time_gets_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:1]))
    append_whole(tmp_path / "log", b"first\n")
    append_whole(tmp_path / "log", b"second\n")
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\n"


def test_a_write_that_fails_halfway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        append_whole(tmp_path / "log", b"second\n")
    assert (tmp_path / "log").read_bytes() == b"first\n"


def told(troubles: WriteFailures) -> list[str]:
    return [notice.text.split(".")[0] for notice in troubles.notices()]


def test_told_at_the_beginning_and_at_the_end() -> None:
    troubles = WriteFailures()
    assert troubles.attempt("metrics", lambda: None)
    assert told(troubles) == []
    assert not troubles.attempt("metrics", fail)
    assert troubles
    assert told(troubles) == ["disk full"]
    assert not troubles.attempt("checkpoint", fail_otherwise)
    assert troubles.attempt("metrics", lambda: None)
    assert told(troubles) == [], "one thing works again, another does not"
    assert troubles.attempt("checkpoint", lambda: None)
    assert told(troubles) == ["saving works again"]
    assert not troubles
    assert told(troubles) == []
