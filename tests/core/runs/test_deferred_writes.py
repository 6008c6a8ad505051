"""Trouble with writing is told once when it begins and once when all of it is over."""

from __future__ import annotations

from fakd_core.errors import RunError
from fakd_core.runs.deferred_writes import WriteFailures


def fail() -> None:
    raise OSError("disk full")


def fail_otherwise() -> None:
    raise RunError("no such folder")


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
