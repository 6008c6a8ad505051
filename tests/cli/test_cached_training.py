"""`fakd train` with a teacher cache: its output, its errors, and several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakd_core.cli import main
from fakd_core.runs.metrics_files import read_metrics


@pytest.fixture
def arguments(photos: Path, small_teacher: Path, tmp_path: Path) -> list[str]:
    # Words of one piece, as torchrun needs them.
    return [
        "train",
        f"--teacher={small_teacher}",
        "--student=rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
        f"--train-data={photos}",
        "--steps=2",
        "--batch=4",
        "--patch=12",
        "--val-images=2",
        f"--teacher-cache={tmp_path / 'cache'}",
    ]


def test_processes_fill_one_cache_together_and_train_as_one(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    two = subprocess.run(
        [
            *(*launcher, "-m", "--", "fakd_core.cli", *arguments),
            *("--cache-patches=150", f"--run={tmp_path / 'two'}"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert two.returncode == 0, two.stderr
    cache = tmp_path / "cache"
    assert two.stdout.count(f"teacher cache: 150 patches, 3.3 MB in {cache} (") == 1
    made = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    assert len(made) == 5 + 1

    assert main([*arguments, "--cache-patches=150", f"--run={tmp_path / 'one'}"]) == 0
    assert f"teacher cache: 150 patches, 3.3 MB in {cache} (all of it exists" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()} == made
    totals = [
        [line["losses"]["total"] for line in read_metrics(tmp_path / name) if line["event"] == "step"]
        for name in ("one", "two")
    ]
    assert totals[0] == pytest.approx(totals[1], rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ([], 2, "go together"),
        (["--cache-patches=3"], 2, "at least batch, 4 (found 3)"),
        (["--cache-patches=10000000000"], 2, "cache_patches: "),
        (["--cache-patches=100", "--teacher-cache={file}"], 2, "--teacher-cache"),
        (["--cache-patches=150"], 1, "use --cache-patches 96 or fewer"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    changes: list[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.setattr("fakd_core.training.cached_batches.free_disk", lambda folder: 2_500_000)
    file = tmp_path / "file"
    file.write_text("")
    changes = [change.format(file=file) for change in changes]
    assert main([*arguments, *changes, f"--run={tmp_path / 'run'}"]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
