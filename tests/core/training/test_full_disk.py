"""A full or read-only disk during training is reported, nothing is lost, and saving resumes later."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import notices

from fakd_core.errors import FakdError
from fakd_core.events import RunEnd, StepEnd, TrainEvent
from fakd_core.runs.checkpoints import load_state
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.deferred_writes import AppendLog
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.metrics_files import encode_line, read_metrics
from fakd_core.runs.writer import RunWriter
from fakd_core.training import trainer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("mounting a small file system takes root's rights")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # A file may still be open.


@pytest.fixture
def settings(photos: Path, small_teacher: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "teacher": str(small_teacher),
        "student": "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
        "train_data": photos,
        **{"steps": 24, "batch": 2, "patch": 12, "lr": 1e-3, "val_images": 1, "validate_every": 4},
    }


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        for _ in range(1 << 20):
            file.write(bytes(4096))
    assert shutil.disk_usage(disk).free == 0
    return filler


def assert_nothing_is_missing(run: Path, whole: Path) -> None:
    assert [line["step"] for line in read_metrics(run)] == [line["step"] for line in read_metrics(whole)]
    mine, theirs = load_file(run / "student.safetensors"), load_file(whole / "student.safetensors")
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_the_training_continues_and_saves_again_when_there_is_room(
    settings: dict[str, Any], small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunWriter, "checkpoint_due", True)
    run, whole = small_disk / "run", tmp_path / "whole"
    list(trainer.train(TrainConfig.build(**settings, run=whole)))
    events: list[TrainEvent] = []
    filler = None
    for event in trainer.train(TrainConfig.build(**settings, run=run)):
        events.append(event)
        if isinstance(event, StepEnd) and event.step == 6:
            filler = fill(small_disk)
        if isinstance(event, StepEnd) and event.step == 15:
            state, damaged = load_state(RunLayout(run).states)
            assert state is not None
            assert (state["step"] <= 6, damaged) == (True, [])
            assert filler is not None
            filler.unlink()
    found = notices(events)
    assert len(found) == 2
    assert "No space left" in found[0] or "disk full" in found[0]
    assert found[1] == "saving works again"
    assert isinstance(events[-1], RunEnd)
    assert_nothing_is_missing(run, whole)


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Mount the disk over itself, read-only."""
    subprocess.run(["mount", "--bind", str(disk), str(disk)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(disk)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_the_training_continues_while_the_disk_is_read_only(
    settings: dict[str, Any], small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunWriter, "checkpoint_due", True)
    run, whole = small_disk / "run", tmp_path / "whole"
    list(trainer.train(TrainConfig.build(**settings, run=whole)))
    events: list[TrainEvent] = []
    with ExitStack() as locked:
        for event in trainer.train(TrainConfig.build(**settings, run=run)):
            events.append(event)
            if isinstance(event, StepEnd) and event.step == 6:
                locked.enter_context(read_only(small_disk))
            if isinstance(event, StepEnd) and event.step == 15:
                locked.close()
    found = notices(events)
    assert len(found) == 2
    assert "ead-only" in found[0]
    assert found[1] == "saving works again"
    assert_nothing_is_missing(run, whole)


def test_no_run_starts_on_a_read_only_disk(settings: dict[str, Any], small_disk: Path) -> None:
    with read_only(small_disk), pytest.raises(FakdError, match=r"ead-only"):
        list(trainer.train(TrainConfig.build(**settings, run=small_disk / "run")))


def test_a_run_that_ends_on_a_full_disk_fails_and_keeps_the_last_good_state(
    settings: dict[str, Any], small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small_disk / "run"

    def train_until_the_disk_is_full() -> None:
        for event in trainer.train(TrainConfig.build(**settings, run=run)):
            if isinstance(event, StepEnd) and event.step == 10:
                fill(small_disk)

    with pytest.raises((FakdError, OSError), match=r"can't be written|No space left"):
        train_until_the_disk_is_full()
    (small_disk / "filler").unlink()
    events = list(trainer.resume_training(run))
    assert isinstance(events[-1], RunEnd)
    steps = [line["step"] for line in read_metrics(run) if line["event"] == "step"]
    assert steps == list(range(1, 25))


def test_a_run_is_resumed_on_a_full_disk(settings: dict[str, Any], small_disk: Path, tmp_path: Path) -> None:
    run, whole = small_disk / "run", tmp_path / "whole"
    list(trainer.train(TrainConfig.build(**settings, run=whole)))
    for event in trainer.train(TrainConfig.build(**settings, run=run)):
        if isinstance(event, StepEnd) and event.step == 10:
            break  # As a killed process does: the checkpoint is of step 8.
    filler = fill(small_disk)
    events: list[TrainEvent] = []
    for event in trainer.resume_training(run):
        events.append(event)
        if isinstance(event, StepEnd) and event.step == 15:
            filler.unlink()
    found = notices(events)
    assert "No space left" in found[0] or "disk full" in found[0]
    assert "--resume" not in found[0], "the training continues by itself"
    assert found[1:] == ["saving works again"]
    assert isinstance(events[-1], RunEnd)
    assert_nothing_is_missing(run, whole)


def test_lines_are_buffered_until_there_is_room_and_written_once(tmp_path: Path, small_disk: Path) -> None:
    path = small_disk / "metrics.jsonl"
    log = AppendLog(path)

    def line(step: int) -> bytes:
        return encode_line(
            StepEnd(step=step, steps=400, losses={"total": 1.0}, lr=0.1, seconds=0.1, skipped="x" * 40)
        )

    log.append(line(1))
    filler = fill(small_disk)
    for step in range(2, 400):
        with suppress(OSError):
            log.append(line(step))
    whole = path.read_text()
    assert whole.endswith("\n"), "no part of a line is left"
    filler.unlink()
    log.append(line(400))
    assert [line["step"] for line in read_metrics(small_disk)] == list(range(1, 401))


def test_a_folder_that_is_removed_during_training_is_created_again(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    events: list[TrainEvent] = []
    for event in trainer.train(TrainConfig.build(**settings, run=run)):
        events.append(event)
        if isinstance(event, StepEnd) and event.step == 10:
            shutil.rmtree(run)
    found = notices(events)
    assert "No such file or directory" in found[0]
    assert found[-1] == "saving works again"
    (run / "checkpoints/best.safetensors").unlink(missing_ok=True)
    events = list(trainer.resume_training(run))
    assert isinstance(events[-1], RunEnd)
    assert events[-1].step == 24
