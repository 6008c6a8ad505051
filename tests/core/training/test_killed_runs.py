"""Trainings killed at random moments, even in the middle of a save, resume exactly."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from fakd_core.runs.checkpoints import load_state
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.training.trainer import resume_training, train

STEPS_PER_KILL = 40
WAIT_S = 300


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fakd_core.cli", "train", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def last_step(run: Path) -> int:
    """The step of the last line in the metrics, 0 before the first; a torn line doesn't count."""
    steps = [line["step"] for line in read_metrics(run) if line["event"] == "step"]
    return steps[-1] if steps else 0


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("kills", [2, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_every_killed_run_resumes_exactly(
    kills: int, photos: Path, small_teacher: Path, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "teacher": str(small_teacher),
        "student": "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
        "train_data": photos,
        **{"steps": STEPS_PER_KILL * kills, "validate_every": 2, "val_images": 1},
        **{"batch": 2, "patch": 12, "lr": 1e-3, "ema": 0.9},
    }
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    whole, run = tmp_path / "whole", tmp_path / "run"
    list(train(TrainConfig.build(**settings, run=whole)))
    chance = random.Random(kills)
    for _ in range(kills):
        before = last_step(run)
        begun = (run / "config.toml").exists()
        process = command("--resume", str(run)) if begun else command(*options, f"--run={run}")
        deadline = time.monotonic() + WAIT_S
        while last_step(run) == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        # Validations and saves take most of the time of steps this small: a kill is likely to hit one.
        time.sleep(chance.random() * 0.3)
        process.kill()
        _, said = process.communicate()
        assert process.returncode in (-9, 0), said
        if (run / "checkpoints").exists():
            assert load_state(RunLayout(run).states)[1] == [], "a kill must not damage a checkpoint"
    list(resume_training(run))

    for event, every in (("step", 1), ("validation", 2)):
        steps = [line["step"] for line in read_metrics(run) if line["event"] == event]
        assert steps == list(range(every, settings["steps"] + 1, every)), "no gaps, none twice"

    def losses(folder: Path) -> list[float]:
        return [line["losses"]["total"] for line in read_metrics(folder) if line["event"] == "step"]

    assert losses(run) == losses(whole)
    for name in ("student.safetensors", "student-ema.safetensors", "checkpoints/best.safetensors"):
        mine, theirs = load_file(run / name), load_file(whole / name)
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)
    states = [load_state(RunLayout(folder).states)[0] for folder in (run, whole)]
    assert states[0] is not None
    assert states[1] is not None
    moments = [state["learners"]["student"]["optimizer"]["state"] for state in states if state]
    for mine, theirs in zip(moments[0].values(), moments[1].values(), strict=True):
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)
    left = [path.name for path in run.rglob(".*")]
    assert left == [], "what a kill left half written is cleared away"
