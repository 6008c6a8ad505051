"""Resuming runs that were stopped or killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import losses, run, without_progress

from fakd_core.errors import RunError
from fakd_core.events import (
    CancelToken,
    CheckpointSaved,
    Notice,
    RunEnd,
    RunStarted,
    StepEnd,
    TrainEvent,
    ValidationEnd,
)
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.training.trainer import resume_training, train


def test_a_stopped_run_resumes_exactly(settings: dict[str, Any], tmp_path: Path) -> None:
    whole = losses(run(settings, run=tmp_path / "whole"))
    token = CancelToken()
    before: list[TrainEvent] = []
    for event in train(TrainConfig.build(**settings), token):
        before.append(event)
        if isinstance(event, StepEnd) and event.step == 4:
            token.cancel()
    assert isinstance(before[-1], RunEnd)
    assert (before[-1].outcome, before[-1].step) == ("stopped", 4)
    after = list(resume_training(settings["run"]))
    assert losses(before) + losses(after) == whole
    folders = (settings["run"], tmp_path / "whole")
    final, expected = (load_file(folder / "student.safetensors") for folder in folders)
    assert all(torch.equal(final[key], expected[key]) for key in expected)
    steps = [line["step"] for line in read_metrics(settings["run"]) if line["event"] == "step"]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_validation_interrupted_by_a_stop_is_repeated(settings: dict[str, Any]) -> None:
    token = CancelToken()
    for event in train(TrainConfig.build(**settings), token):
        if isinstance(event, StepEnd) and event.step == 3:
            token.cancel()
    resumed = list(resume_training(settings["run"]))
    assert [event.step for event in resumed if isinstance(event, ValidationEnd)] == [3, 6]


def test_a_finished_run_is_not_validated_again(settings: dict[str, Any]) -> None:
    run(settings)
    before = read_metrics(settings["run"])
    events = without_progress(resume_training(settings["run"]))
    assert [type(event) for event in events if not isinstance(event, Notice)] == [RunStarted, RunEnd]
    assert read_metrics(settings["run"]) == before


def test_a_killed_run_resumes_exactly(settings: dict[str, Any], tmp_path: Path) -> None:
    changes = {"steps": 400, "validate_every": 5}
    folder = settings["run"]
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in {**settings, **changes}.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "fakd_core.cli", "train", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 300
    while not (folder / "checkpoints" / "last.pt").exists():
        assert process.poll() is None, process.stderr.read().decode()  # type: ignore[union-attr]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    last = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["step"]
    assert 0 < last < 400
    token = CancelToken()
    for event in resume_training(folder, token):
        if isinstance(event, StepEnd) and event.step == last + 5:
            token.cancel()
    lines = [line for line in read_metrics(folder) if line["event"] == "step"]
    assert [line["step"] for line in lines] == list(range(1, last + 6))
    whole = losses(run(settings, steps=last + 5, validate_every=400, run=tmp_path / "whole"))
    assert [line["losses"]["total"] for line in lines] == pytest.approx(whole, rel=1e-4)


def test_a_metrics_line_torn_by_a_crash_is_dropped(settings: dict[str, Any]) -> None:
    run(settings)
    metrics = settings["run"] / "metrics.jsonl"
    whole = read_metrics(settings["run"])
    metrics.write_text(metrics.read_text() + '{"event": "st')
    assert read_metrics(settings["run"]) == whole


def test_changed_training_images_are_not_resumed_on(
    settings: dict[str, Any], photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    run(settings, train_data=data)
    (data / "coffee1.png").unlink()
    with pytest.raises(RunError, match="have changed since"):
        list(resume_training(settings["run"]))


def test_only_one_process_at_a_time_trains_a_run(settings: dict[str, Any]) -> None:
    events = train(TrainConfig.build(**settings))
    assert any(isinstance(event, RunStarted) for event in events)
    with pytest.raises(RunError, match="in use"):
        list(resume_training(settings["run"]))
    events.close()
    assert isinstance(list(resume_training(settings["run"]))[-1], RunEnd)
    assert [line["event"] for line in read_metrics(settings["run"])].count("start") == 1


def test_a_validation_after_the_last_checkpoint_is_recorded_once(settings: dict[str, Any]) -> None:
    for event in train(TrainConfig.build(**settings)):
        if isinstance(event, CheckpointSaved) and event.step == 3:
            break
    last = settings["run"] / "checkpoints" / "last.pt"
    state = torch.load(last, weights_only=True)
    torch.save({**state, "validated_step": 0}, last)
    list(resume_training(settings["run"]))
    lines = [line["step"] for line in read_metrics(settings["run"]) if line["event"] == "validation"]
    assert lines == [3, 6]


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_checkpoint_that_does_not_fit_is_reported_in_one_line(
    settings: dict[str, Any], damage: bytes | None
) -> None:
    run(settings)
    if damage is None:
        config = settings["run"] / "config.toml"
        config.write_text(config.read_text().replace("n_resgroups=2", "n_resgroups=3"))
    else:
        for saved in (settings["run"] / "checkpoints").glob("last*.pt"):
            saved.write_bytes(damage)
    with pytest.raises(RunError) as caught:
        list(resume_training(settings["run"]))
    assert "\n" not in str(caught.value)


def test_a_damaged_checkpoint_is_replaced_by_the_one_before(settings: dict[str, Any]) -> None:
    """One flipped bit in the weights, which torch itself would load."""
    run(settings, validate_every=2)
    student, last = settings["run"] / "student.safetensors", settings["run"] / "checkpoints" / "last.pt"
    whole = load_file(student)
    content = bytearray(last.read_bytes())
    content[content.index(whole["head.0.bias"].numpy().tobytes())] ^= 1
    last.write_bytes(content)
    torch.load(last, weights_only=True)
    events = list(resume_training(settings["run"]))
    note = next(event.text for event in events if isinstance(event, Notice))
    assert note == "last.pt: damaged; resuming from the checkpoint before, after step 4"
    assert [line["step"] for line in read_metrics(settings["run"]) if line["event"] == "step"] == [
        *range(1, 7)
    ]
    again = load_file(student)
    assert all(torch.equal(again[key], whole[key]) for key in whole)


def test_a_run_resumes_from_another_folder(
    settings: dict[str, Any], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    relative = {**settings, "train_data": Path(photos.name), "teacher": os.path.relpath(settings["teacher"])}
    token = CancelToken()
    for event in train(TrainConfig.build(**relative), token):
        if isinstance(event, StepEnd):
            token.cancel()
    monkeypatch.chdir(tmp_path)
    assert isinstance(list(resume_training(settings["run"]))[-1], RunEnd)
