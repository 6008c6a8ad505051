"""The commands without what Windows lacks, such as signals, and files that are replaced while in use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from one_process import run_commands
from windows_limits import AS_ON_WINDOWS

from fakd_core.runs.metrics_files import read_metrics

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


@pytest.fixture
def training(photos: Path, small_teacher: Path) -> list[object]:
    """A `train` command of a tiny student, without the number of steps and the run."""
    data = ("--train-data", photos, "--val-images", 1, "--batch", 2, "--patch", 12)
    return ["train", "--teacher", small_teacher, "--student", STUDENT, *data, "--validate-every", 2]


def test_all_commands(training: list[object], photos: Path, small_teacher: Path, tmp_path: Path) -> None:
    run, photo, other = tmp_path / "schüler 一", photos / "coffee0.png", tmp_path / "other"
    cache = ("--teacher-cache", tmp_path / "cache", "--cache-patches", 64)
    place = ("--layer", 1, "--at", "4,6", "--out")
    done, output = run_commands(
        [
            [*training, "--steps", 4, "--run", run, "--ema", 0.9, "--baseline", *cache],
            [*training, "--steps", 2, "--run", other, *cache],
            ["train", "--resume", run],
            ["evaluate", "--model", "bicubic", "--model", run, "--data", photos, "--csv", tmp_path / "a.csv"],
            ["upscale", photo, "--model", run, "--out", f"{tmp_path}/out/"],
            ["export", run, "--to", tmp_path / "student.pth"],
            ["export", tmp_path / "student.pth", "--to", tmp_path / "student.safetensors"],
            ["figure", photo, "--model", run, "--roi", "8,8,32,24", "--out", tmp_path / "crops.png"],
            ["affinity", photo, "--teacher", small_teacher, "--student", run, *place, tmp_path / "maps.pdf"],
            ["info", tmp_path / "student.safetensors"],
        ],
        **AS_ON_WINDOWS,
    )
    assert done.returncode == 0, done.stderr
    assert f'--continue "{tmp_path}' in output[2], "quoted for Windows' shells"
    made = ("a.csv", "out/coffee0_x4.png", "student.safetensors", "crops.png", "maps.pdf")
    assert [name for name in made if not (tmp_path / name).is_file()] == []
    assert b"\r" not in (run / "metrics.jsonl").read_bytes()
    assert list(tmp_path.rglob(".*")) == []


def test_kill_resume_and_ctrl_break(training: list[object], tmp_path: Path) -> None:
    run = tmp_path / "run"

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "fakd_core.cli", *map(str, arguments)]
        return subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **AS_ON_WINDOWS},
        )

    def wait_for_step(step: int, process: subprocess.Popen[str]) -> None:
        while not any(line["step"] >= step for line in read_metrics(run)):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)

    process = start(*training, "--steps", 100_000, "--run", run)
    wait_for_step(4, process)
    process.kill()
    process.communicate()
    step = read_metrics(run)[-1]["step"]
    process = start("train", "--resume", run)
    wait_for_step(step + 4, process)
    process.send_signal(signal.SIGUSR1)  # It stands for SIGBREAK there.
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert f"continue with: fakd train --resume {run}" in output
