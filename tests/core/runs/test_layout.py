"""The files of a run folder: their names, and which snapshots and previews are kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from fakd_core import load_model
from fakd_core.data.image_files import read_image
from fakd_core.events import CancelToken, CheckpointSaved, RunStarted, StepEnd, TrainEvent, ValidationEnd
from fakd_core.runs import writer
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.layout import RunLayout, other_run_of, run_of, steps_to_keep
from fakd_core.training.trainer import resume_training, train


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "steps": 7, "batch": 1, "patch": 8, "val_images": 1, "validate_every": 1}


@given(st.integers(1, 300), st.integers(1, 2000), st.integers(2, 40))
def test_kept_steps_are_evenly_spaced_and_bounded(validations: int, interval: int, limit: int) -> None:
    last = validations * interval - interval // 2  # the last validation comes with the last step
    kept: set[int] = set()
    for number in range(1, validations + 1):
        newest = min(number * interval, last)
        kept = steps_to_keep({*kept, newest}, interval, limit)
        assert newest in kept
        assert len(kept) <= limit
    past = sorted(kept - {last})
    assert len({later - earlier for earlier, later in zip([0, *past], past, strict=False)}) <= 1
    assert len(past) >= min(validations - 1, limit // 2 - 1)


def test_every_validation_saves_the_student(settings: dict[str, Any]) -> None:
    """Even in a resumed run, and before the event of the validation."""
    token, steps, layout = CancelToken(), [], RunLayout(settings["run"])

    def follow(events: Iterator[TrainEvent]) -> None:
        for event in events:
            match event:
                case StepEnd() if event.step == 3:
                    token.cancel()
                case ValidationEnd():
                    steps.append(event.step)
                    assert list(layout.snapshots()) == list(layout.previews()) == steps
                    assert np.array_equal(read_image(layout.previews()[event.step]), event.preview)
                    baseline = layout.previews("baseline")[event.step]
                    assert np.array_equal(read_image(baseline), event.other_previews["baseline"])
                case CheckpointSaved() if [event.step] == steps[
                    -1:
                ]:  # A slow one precedes the first validation.
                    for name in ("student", "baseline"):
                        now, kept = (
                            load_file(path)
                            for path in (layout.weights(name), layout.snapshots(name)[event.step])
                        )
                        assert all(torch.equal(now[key], kept[key]) for key in now)

    follow(train(TrainConfig.build(**settings, baseline=True), token))
    follow(resume_training(layout.folder))
    assert steps == [1, 2, 3, 4, 5, 6, 7]
    assert load_model(str(layout.snapshots()[2])).spec.architecture == "rcan"


def test_a_long_run_keeps_no_more_than_a_short_one(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_SNAPSHOTS", 3)
    monkeypatch.setattr(writer, "MAX_PREVIEWS", 4)
    for _ in train(TrainConfig.build(**settings)):
        pass
    layout = RunLayout(settings["run"])
    assert list(layout.snapshots()) == [4, 7]
    assert list(layout.previews()) == [2, 4, 6, 7]


def test_files_from_after_the_checkpoint_are_removed_on_resume(settings: dict[str, Any]) -> None:
    layout = RunLayout(settings["run"])
    for event in train(TrainConfig.build(**{**settings, "steps": 4})):
        if isinstance(event, ValidationEnd) and event.step == 3:
            break  # as a crash does, before the checkpoint
    assert list(layout.snapshots()) == [1, 2, 3]
    for event in resume_training(settings["run"]):
        if isinstance(event, RunStarted):
            assert list(layout.snapshots()) == list(layout.previews()) == [1, 2]
    assert list(layout.snapshots()) == [1, 2, 3, 4]


def test_the_crops_for_comparison_are_saved(settings: dict[str, Any]) -> None:
    started = next(event for event in train(TrainConfig.build(**settings)) if isinstance(event, RunStarted))
    found = {name: read_image(path) for name, path in RunLayout(settings["run"]).crops().items()}
    assert list(found) == ["bicubic", "teacher", "hr"]
    assert np.array_equal(found["bicubic"], started.preview.bicubic)
    assert np.array_equal(found["hr"], started.preview.hr)
    assert np.array_equal(found["teacher"], started.preview.teacher)


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    assert RunLayout(tmp_path).snapshots() == RunLayout(tmp_path / "none").previews() == {}
    assert RunLayout(tmp_path).crops() == {}


def test_file_names_that_others_rely_on(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    files = [layout.config, layout.metrics, layout.states[0], layout.best_weights(), layout.weights()]
    assert [str(path.relative_to(tmp_path)) for path in files] == [
        "config.toml",
        "metrics.jsonl",
        "checkpoints/last.pt",
        "checkpoints/best.safetensors",
        "student.safetensors",
    ]


@pytest.mark.parametrize(
    ("file", "run"),
    [
        ("a/student.safetensors", "a"),
        ("a/checkpoints/best.safetensors", "a"),
        ("a/checkpoints/last.pt", "a"),
        ("a/student.pth", "a"),
        ("a/baseline.safetensors", None),
        ("a/checkpoints/epoch-7.pt", None),
    ],
)
def test_a_run_is_found_from_the_files_of_its_student(file: str, run: str | None) -> None:
    assert run_of(Path(file)) == (Path(run) if run else None)


@pytest.mark.parametrize(
    ("file", "run"),
    [
        ("a/baseline.safetensors", "a"),
        ("a/student-ema.safetensors", "a"),
        ("a/checkpoints/best-baseline.safetensors", "a"),
        ("a/snapshots/0000200.safetensors", "a"),
        ("a/snapshots/baseline/0000200.safetensors", "a"),
        ("a/student.safetensors", None),
        ("a/0000200.safetensors", None),
    ],
)
def test_a_run_is_found_from_the_files_of_its_other_networks(file: str, run: str | None) -> None:
    assert other_run_of(Path(file)) == (Path(run) if run else None)


def test_reading_a_run_needs_no_torch() -> None:
    code = "import sys, fakd_core.runs.layout; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
