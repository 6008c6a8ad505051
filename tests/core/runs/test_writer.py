"""Checkpoints between validations."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_runs import run as run_whole

from fakd_core.events import CheckpointSaved
from fakd_core.runs import writer
from fakd_core.runs.writer import RunWriter


@pytest.mark.parametrize(
    ("every", "saving", "due"),
    [
        (None, 0.1, [False, True, True]),
        (None, 2.0, [False, False, True]),
        (100.0, 0.1, [False, False, True]),
        (10.0, 2.0, [True, True, True]),
    ],
)
def test_checkpoints_are_saved_at_the_chosen_interval_or_as_often_as_they_are_cheap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: float | None, saving: float, due: list[bool]
) -> None:
    """By default every 20 s, but for at most a fiftieth of the time."""
    now = 1000.0

    def save(*_: object) -> None:
        nonlocal now
        now += saving

    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(writer, "save_state", save)
    run = RunWriter(tmp_path, every)
    now += 21.0
    assert run.checkpoint_due is (every != 100.0), "nothing is known of the time that saving takes"
    assert run.save_checkpoint({}, {}) == tmp_path / "checkpoints" / "last.pt"
    found = []
    for waited in (19.0, 21.0, 101.0):
        start, now = now, now + waited
        found.append(run.checkpoint_due)
        now = start
    assert found == due


def test_the_interval_is_an_option_of_the_run(settings: dict[str, Any]) -> None:
    events = run_whole(settings, steps=4, validate_every=4, checkpoint_every=1e-6)
    assert {event.step for event in events if isinstance(event, CheckpointSaved)} == {1, 2, 3, 4}
    rarely = settings["run"].with_name("rarely")
    events = run_whole(settings, steps=4, validate_every=4, checkpoint_every=3600, run=rarely)
    assert {event.step for event in events if isinstance(event, CheckpointSaved)} == {4}
