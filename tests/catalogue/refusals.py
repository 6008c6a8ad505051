"""Checks of refused commands: exit status, one clear line, no traceback, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakd_core.cli import main

STUDENT = "edsr:n_feats=4,n_resblocks=1"
TRAIN = f"train --student={STUDENT} --train-data=samples --steps=1 --batch=2 --patch=12 --run=new"


def given_once(words: list[str]) -> list[str]:
    """`words` with the last value of each option; the commands refuse options that are given twice."""
    places = {word.split("=")[0] if "=" in word else word: place for place, word in enumerate(words)}
    return [words[place] for place in sorted(places.values())]


def tree(folder: Path) -> dict[str, str | bytes | int]:
    """The content of `folder`: targets of links, sizes of large files, bytes of others."""
    found: dict[str, str | bytes | int] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = str(path.readlink())
        elif path.is_file():
            size = path.stat().st_size
            found[str(path)] = path.read_bytes() if size < 100_000 else size
        else:
            found[str(path)] = "a folder, or something odd"
    return found


def one_line(text: str) -> str:
    """The line of the error; for wrong usage, a line with the command precedes it."""
    assert "Traceback" not in text
    lines = [line for line in text.splitlines() if line.strip()]
    if lines[0].startswith("Usage: fakd"):
        assert "--help" in lines[1]
        lines = lines[2:]
    assert len(lines) == 1, text
    assert lines[0].isprintable()
    assert "(--debug shows where)" not in lines[0], "a fault of the program, not of its input"
    assert len(lines[0]) < 700
    return lines[0].removeprefix("error: ")


def refused(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], status: int, *words: str
) -> None:
    """Check that `arguments` exit with `status` and a line with all `words`, and leave `folder` unchanged."""
    before = tree(folder)
    ended = main(arguments)
    said = capsys.readouterr()
    assert ended == status, said
    line = one_line(said.err)
    assert [word for word in words if word not in line] == [], line
    assert tree(folder) == before
