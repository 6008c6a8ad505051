"""Real processes under the real torchrun train as one, stop together, and report an error once."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file

from fakd_core import load_model
from fakd_core.events import CancelToken, StepEnd
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.training.trainer import resume_training, train

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"
LINE = re.compile(r"^error: .*$", re.MULTILINE)


@pytest.fixture
def settings(photos: Path, small_teacher: Path, tmp_path: Path) -> dict[str, Any]:
    """Three validation images for two processes: uneven shards."""
    return {
        "teacher": str(small_teacher),
        "student": STUDENT,
        "train_data": photos,
        "run": tmp_path / "run",
        "distill": "10*SA",
        "steps": 4,
        "batch": 4,
        "patch": 12,
        "val_images": 3,
        "validate_every": 2,
    }


def options(settings: dict[str, Any]) -> list[str]:
    # In one word each: with Python 3.11 torchrun takes a bare --run for a short form of its own --run-path.
    given = {name.replace("_", "-"): value for name, value in settings.items()}
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in given.items()]


def start(*arguments: str, ranks: int = 2) -> subprocess.Popen[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    return subprocess.Popen(
        [*launcher, "-m", "--", "fakd_core.cli", "train", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def workers(launcher: subprocess.Popen[str]) -> list[int]:
    return [child.pid for child in psutil.Process(launcher.pid).children()]


def wait_for_steps(launcher: subprocess.Popen[str], run: Path, steps: int) -> None:
    deadline = time.monotonic() + 300
    while not (run / "metrics.jsonl").exists() or len(read_metrics(run)) < steps:
        assert launcher.poll() is None, launcher.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def same_numbers(line: dict[str, Any], other: dict[str, Any], rel: float) -> None:
    assert line.keys() == other.keys()
    for name, value in line.items():
        if isinstance(value, dict):
            same_numbers(value, other[name], rel)
        elif name != "seconds":
            expected = other[name] if isinstance(value, str) else pytest.approx(other[name], rel=rel)
            assert value == expected, name


def assert_same_run(run: Path, expected: Path) -> None:
    """Every loss of every step to 1e-5, every score to 1e-6, every weight of every student to 1e-5."""
    lines, others = read_metrics(run), read_metrics(expected)
    assert len(lines) == len(others)
    for line, other in zip(lines, others, strict=True):
        same_numbers(line, other, rel=1e-5)
    files = sorted(path.relative_to(expected) for path in expected.rglob("*.safetensors"))
    assert files == sorted(path.relative_to(run) for path in run.rglob("*.safetensors"))
    for file in files:
        weights = load_file(run / file)
        for name, tensor in load_file(expected / file).items():
            torch.testing.assert_close(weights[name], tensor, rtol=1e-5, atol=1e-5, msg=f"{file} {name}")


@pytest.mark.parametrize("distill", ["10*SA(positions=0.5)", "10*SA@3+Haar+ZoomIn(share=0.5)"])
def test_two_processes_train_as_one(settings: dict[str, Any], tmp_path: Path, distill: str) -> None:
    settings |= {"ema": 0.5, "baseline": True, "distill": distill}
    two = start(*options(settings))
    output, error = two.communicate(timeout=300)
    assert two.returncode == 0, error
    assert error == ""
    assert output.count("done in") == 1
    one = TrainConfig.build(**{**settings, "run": tmp_path / "one"})
    list(train(one))
    assert_same_run(settings["run"], one.run)
    assert load_model(settings["run"]).seen_images == load_model(one.run).seen_images
    # Four students as they are, at their best, and at two validations.
    assert len(list(one.run.rglob("*.safetensors"))) == 16


def test_two_processes_go_on_where_one_stopped(settings: dict[str, Any], tmp_path: Path) -> None:
    settings |= {"ema": 0.5}
    whole = TrainConfig.build(**{**settings, "run": tmp_path / "whole"})
    list(train(whole))
    token = CancelToken()
    for event in train(TrainConfig.build(**settings), token):
        if isinstance(event, StepEnd) and event.step == 3:
            token.cancel()
    two = start("--resume", str(settings["run"]))
    _, error = two.communicate(timeout=300)
    assert two.returncode == 0, error
    assert_same_run(settings["run"], whole.run)


def test_a_signal_to_one_process_stops_all_and_one_goes_on(settings: dict[str, Any], tmp_path: Path) -> None:
    endless = {**settings, "steps": 100_000, "validate_every": 5}
    two = start(*options(endless))
    wait_for_steps(two, settings["run"], 8)
    os.kill(workers(two)[1], signal.SIGTERM)
    output, error = two.communicate(timeout=300)
    assert two.returncode == 1
    assert output.count("stopped after step") == 1
    assert not LINE.search(error), error
    assert error.count("exitcode  : 130") == 2, error
    last = torch.load(settings["run"] / "checkpoints" / "last.pt", weights_only=True)["step"]
    assert f"stopped after step {last};" in output

    token = CancelToken()
    for event in resume_training(settings["run"], token):
        if isinstance(event, StepEnd) and event.step == last + 2:
            token.cancel()
    steps = [line for line in read_metrics(settings["run"]) if line["event"] == "step"]
    assert [line["step"] for line in steps] == list(range(1, last + 3))
    alone = TrainConfig.build(**{**settings, "run": tmp_path / "alone", "steps": last + 2})
    totals = [event.losses["total"] for event in train(alone) if isinstance(event, StepEnd)]
    assert [line["losses"]["total"] for line in steps] == pytest.approx(totals, rel=1e-3)


def test_a_process_that_dies_ends_all_with_one_line_and_nothing_saved_is_lost(
    settings: dict[str, Any],
) -> None:
    run = settings["run"]
    two = start(*options({**settings, "steps": 100_000, "validate_every": 5}))
    wait_for_steps(two, run, 8)
    kept = shutil.copytree(run, run.with_name("kept"))
    os.kill(workers(two)[1], signal.SIGKILL)
    _, error = two.communicate(timeout=300)
    assert two.returncode == 1
    (line,) = LINE.findall(error)
    assert "another process" in line
    assert f"--resume {run}" in line
    last, before = (
        torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["step"] for folder in (run, kept)
    )
    assert last >= before >= 5
    token = CancelToken()
    for event in resume_training(run, token):
        if isinstance(event, StepEnd):
            assert event.step == last + 1
            token.cancel()


def test_what_all_processes_find_wrong_is_told_once_and_nothing_is_written(settings: dict[str, Any]) -> None:
    three = start(*options({**settings, "patch": 64, "batch": 3}), ranks=3)
    output, error = three.communicate(timeout=300)
    assert three.returncode == 1
    assert output == ""
    (line,) = LINE.findall(error)
    assert "smaller than the patch" in line
    assert not settings["run"].exists()
