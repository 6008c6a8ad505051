"""Trainings from a teacher cache: stopped, killed, two at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from teacher_caches import announcement, block_files, frozen
from tiny_runs import losses

from fakd_core import load_model
from fakd_core.data.patches import PATCHES_PER_BLOCK
from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken, Progress, RunEnd, StepEnd
from fakd_core.runs.config import TrainConfig
from fakd_core.training.cached_batches import CachedTeacherBatches
from fakd_core.training.setup import with_absolute_paths
from fakd_core.training.trainer import resume_training, train


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {**settings, "teacher_cache": tmp_path / "cache", "cache_patches": 40}


def test_a_stopped_run_resumes_exactly(settings: dict[str, Any], tmp_path: Path) -> None:
    whole = losses(train(TrainConfig.build(**{**settings, "run": tmp_path / "whole"})))
    token = CancelToken()
    before = []
    for event in train(TrainConfig.build(**settings), token):
        before.append(event)
        if isinstance(event, StepEnd) and event.step == 4:
            token.cancel()
    assert isinstance(before[-1], RunEnd)
    assert losses(before) + losses(resume_training(settings["run"])) == whole
    assert len(whole) == 6


def test_training_differs_from_an_online_teacher_by_half_precision_only(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The cached outputs are replaced by those of the online teacher for the same patches."""
    cached = losses(train(TrainConfig.build(**settings)))
    teacher = frozen(load_model(settings["teacher"]))
    original = CachedTeacherBatches.batch

    def batch(self: CachedTeacherBatches, step: int, rank: int = 0, ranks: int = 1) -> Any:
        found = original(self, step, rank, ranks)
        sr, maps = teacher.forward_features(found.lr)
        return type(found)(found.lr, found.hr, sr, maps)

    monkeypatch.setattr(CachedTeacherBatches, "batch", batch)
    live = losses(train(TrainConfig.build(**{**settings, "run": tmp_path / "live"})))
    assert cached != live
    assert cached == pytest.approx(live, rel=1e-4)


def test_the_cache_is_found_from_any_folder(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = TrainConfig.build(**{**settings, "teacher_cache": "cache"})
    assert with_absolute_paths(relative).teacher_cache == tmp_path / "cache"


def test_a_recipe_without_terms_keeps_no_maps(settings: dict[str, Any], tmp_path: Path) -> None:
    losses(train(TrainConfig.build(**{**settings, "distill": "none", "steps": 1})))
    sizes = [path.stat().st_size for path in block_files(tmp_path)]
    assert max(sizes) < PATCHES_PER_BLOCK * 48 * 48 * 3 * 2 + 1024


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cache_patches": None}, "go together: give both or neither"),
        ({"teacher_cache": None}, "go together: give both or neither"),
        ({"cache_patches": 1}, r"at least batch, 2 \(found 1\)"),
        ({"teacher": ()}, "name a teacher, or drop it"),
    ],
)
def test_inconsistent_settings_are_refused(
    settings: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig.build(**{**settings, **changes})


Start = Callable[[dict[str, Any]], "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `fakd train` with some settings, in a process that ends with the test."""
    started = []

    def begin(settings: dict[str, Any]) -> subprocess.Popen[str]:
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        process = subprocess.Popen(
            [sys.executable, "-m", "fakd_core.cli", "train", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def wait_for_blocks(number: int, folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while len(block_files(folder)) < number:
        assert not process.poll(), process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_process_leaves_its_finished_blocks_for_the_next(
    settings: dict[str, Any], start: Start, tmp_path: Path
) -> None:
    settings |= {"cache_patches": 10_000, "steps": 1}
    process = start(settings)
    wait_for_blocks(3, tmp_path, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = {path: path.stat().st_mtime_ns for path in block_files(tmp_path)}
    assert 3 <= len(before) < 313
    assert not settings["run"].exists()
    resumed = train(TrainConfig.build(**settings))
    while len(block_files(tmp_path)) < len(before) + 3:
        next(resumed)
    resumed.close()
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_two_processes_that_compute_one_cache_end_with_a_valid_one(
    settings: dict[str, Any], start: Start, tmp_path: Path
) -> None:
    settings |= {"cache_patches": 320, "steps": 2}
    other = start({**settings, "run": tmp_path / "other"})
    wait_for_blocks(1, tmp_path, other)
    said = [event for event in train(TrainConfig.build(**settings)) if isinstance(event, Progress)]
    assert "already" in announcement(said)
    _, errors = other.communicate(timeout=300)
    assert other.returncode == 0, errors
    made = {path: path.stat().st_mtime_ns for path in block_files(tmp_path)}
    assert len(made) == 10
    (folder,) = {path.parent for path in made}
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    again = train(TrainConfig.build(**{**settings, "run": tmp_path / "three"}))
    assert "damaged" not in announcement([event for event in again if isinstance(event, Progress)])
    assert {path: path.stat().st_mtime_ns for path in made} == made
