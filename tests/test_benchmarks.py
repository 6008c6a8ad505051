"""Benchmarks of the window still run against it: it may have changed since they were run last."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOAK = "import sys; from pathlib import Path; from benchmarks.soak import soak; soak(0.2, Path(sys.argv[1]))"


def run(tmp_path: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "FAKD_CONFIG": str(tmp_path)},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(320)
@pytest.mark.parametrize(
    "command",
    ["smoothness --seconds 2", "curves 2000", "inspect_query", "viewer"],
    ids=lambda c: c.split()[0],
)
def test_a_benchmark_of_the_window_gives_results(tmp_path: Path, command: str) -> None:
    name, *options = command.split()
    assert "result: " in run(tmp_path, "-m", f"benchmarks.{name}", *options)


@pytest.mark.slow
@pytest.mark.timeout(320)
def test_the_soak_writes_its_samples(tmp_path: Path) -> None:
    run(tmp_path, "-c", SOAK, str(tmp_path))
    first, *samples = (tmp_path / "soak.csv").read_text(encoding="utf-8").splitlines()
    assert first == "minutes,megabytes,threads,files,step"
    assert samples
