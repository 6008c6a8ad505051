"""Checkpoints between validations."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from fakd_core.runs import writer
from fakd_core.runs.writer import RunWriter


@pytest.mark.parametrize(("saving", "due"), [(0.1, [False, True, True]), (2.0, [False, False, True])])
def test_checkpoints_that_take_long_are_saved_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saving: float, due: list[bool]
) -> None:
    """Every 20 s, but for at most a fiftieth of the time."""
    now = 1000.0

    def save(*_: object) -> None:
        nonlocal now
        now += saving

    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(writer, "save_state", save)
    run = RunWriter(tmp_path)
    assert run.save_checkpoint({}, {}) == tmp_path / "checkpoints" / "last.pt"
    found = []
    for waited in (19.0, 21.0, 101.0):
        start, now = now, now + waited
        found.append(run.checkpoint_due)
        now = start
    assert found == due
