"""A run that was stopped or abandoned and then resumed equals an uninterrupted one to the last bit."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from same_run import assert_same_run
from test_killed_runs import command, last_step

from fakd_core import create_model
from fakd_core.data.patches import Batch, PatchSampler, PatchSpecs
from fakd_core.events import CancelToken, RunEnd, StepEnd, TrainEvent
from fakd_core.models.checkpoint import save_safetensors
from fakd_core.runs.config import TrainConfig
from fakd_core.training.trainer import resume_training, train

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"

VARIANTS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "average and baseline": {"ema": 0.9, "baseline": True},
    "teacher cache": {
        **{"teacher_cache": "cache", "cache_patches": 6, "ema": 0.9},
        "distill": "10*SA(positions=0.25)",
    },
    "two teachers, cosine, clipped": {
        **{"teacher": 2, "schedule": "cosine", "clip": 0.5},
        "distill": "10*SA(positions=0.3)+PSA(positions=0.5)",
    },
    "upcycled, from a cache": {
        **{"teacher_cache": "cache", "cache_patches": 12, "batch": 6, "teacher": 2, "average_teachers": True},
        "distill": "10*SA@1,2+Haar+ZoomIn(share=0.17)+ZoomOut(share=0.17)+LC(share=0.17)",
    },
    "upcycled, beside a baseline": {
        **{"batch": 4, "teacher": 2, "average_teachers": True, "baseline": True},
        "distill": "ZoomIn+ZoomOut(change=turn)",
    },
    "milestones, from the teacher's layers": {"milestones": (3, 5), "init_from_teacher": True},
}


@pytest.fixture
def settings(photos: Path, small_teacher: Path, tmp_path: Path) -> dict[str, Any]:
    sizes = {"steps": 8, "batch": 2, "patch": 12, "lr": 1e-3, "val_images": 1, "validate_every": 3}
    return {"teacher": (str(small_teacher),), "student": STUDENT, "train_data": photos, **sizes}


def varied(settings: dict[str, Any], changes: dict[str, Any], folder: Path) -> dict[str, Any]:
    if "teacher_cache" in changes:
        changes = {**changes, "teacher_cache": folder / "cache"}
    if "teacher" in changes:
        other = folder / "other.safetensors"
        save_safetensors(create_model("edsr", n_feats=12, n_resblocks=4), other)
        changes = {**changes, "teacher": (*settings["teacher"], str(other))}
    return {**settings, **changes}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A fingerprint of every batch: its images, positions and symmetries."""
    seen: list[str] = []
    cut = PatchSampler.cut

    def noted(self: PatchSampler, specs: PatchSpecs) -> Batch:
        lr, hr = cut(self, specs)
        seen.append(hashlib.sha256(lr.tobytes() + hr.tobytes()).hexdigest())
        return lr, hr

    monkeypatch.setattr(PatchSampler, "cut", noted)
    return seen


def disturb_generators() -> None:
    """The state of the global random generators in another process."""
    torch.manual_seed(random.SystemRandom().randrange(1 << 60))
    torch.rand(7)
    np.random.seed(random.SystemRandom().randrange(1 << 30))  # noqa: NPY002 - the shared one is meant
    random.seed()


def until(events: Iterator[TrainEvent], step: int, token: CancelToken | None) -> None:
    """Follow until `step`, then stop by the token, or abandon the run as a killed process does."""
    for event in events:
        if isinstance(event, StepEnd) and event.step == step:
            if token is None:
                events.close()  # type: ignore[attr-defined]
                return
            token.cancel()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_stopped_or_abandoned_run_resumes_as_if_uninterrupted(
    settings: dict[str, Any], variant: str, drawn: list[str], tmp_path: Path
) -> None:
    settings = varied(settings, VARIANTS[variant], tmp_path)
    list(train(TrainConfig.build(**settings, run=tmp_path / "whole")))
    expected, drawn[:] = list(drawn), []
    run = tmp_path / "run"
    disturb_generators()
    token = CancelToken()
    until(train(TrainConfig.build(**settings, run=run), token), 4, token)
    disturb_generators()
    until(resume_training(run), 5, None)  # Saved after 4 last: step 5 is taken again.
    disturb_generators()
    end = list(resume_training(run))[-1]
    assert isinstance(end, RunEnd)
    assert (end.outcome, end.step) == ("completed", 8)
    if "cache" not in variant:  # Batches drawn from a pool are drawn ahead of time, too.
        assert drawn == [*expected[:4], expected[4], *expected[4:]]
        assert len(set(expected)) == 8, "the order of the data shows"
    assert_same_run(run, tmp_path / "whole")


@pytest.mark.usefixtures("one_thread")
def test_signals_and_kills_on_the_command_line_change_nothing(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """Ctrl+C, then SIGTERM, then kill -9 in the middle of a run of real processes."""
    settings |= {"teacher": settings["teacher"][0], "steps": 120, "validate_every": 30, "ema": 0.9}
    settings["precision"] = "fp32"  # What is measured as the fastest may differ on a busy machine.
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    whole, run = tmp_path / "whole", tmp_path / "run"
    list(train(TrainConfig.build(**settings, run=whole)))
    for sent, status in ((signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)):
        begun = (run / "config.toml").exists()
        before = last_step(run)
        process = command("--resume", str(run)) if begun else command(*options, f"--run={run}")
        wait_for_step(run, before + 8, process)
        process.send_signal(sent)
        _, said = process.communicate(timeout=300)
        assert process.returncode == status, said
        assert before < last_step(run) < settings["steps"]
    list(resume_training(run))
    assert_same_run(run, whole)


def wait_for_step(run: Path, step: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    metrics = run / "metrics.jsonl"
    while not metrics.exists() or last_step(run) < step:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, os.listdir(run.parent)
        time.sleep(0.005)
