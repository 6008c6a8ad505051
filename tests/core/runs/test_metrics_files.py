"""`metrics.csv` of a run shows what `metrics.jsonl` holds, whatever interrupts the run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from fakd_core.events import Notice, StepEnd
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.metrics_files import MetricsTable, read_metrics
from fakd_core.training import trainer

COLUMNS = "event step name psnr ssim best total DS TS SA|raw DS|raw TS|raw SA|lr seconds baseline skipped"


@pytest.fixture
def settings(photos: Path, small_teacher: Path) -> dict[str, Any]:
    return {
        "teacher": str(small_teacher),
        "student": "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
        "train_data": photos,
        **{"steps": 6, "batch": 2, "patch": 12, "lr": 1e-3, "val_images": 1, "validate_every": 3},
        **{"ema": 0.5, "baseline": True},
    }


def table(run: Path) -> list[dict[str, str]]:
    with RunLayout(run).table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def timeless(run: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in table(run)]


def test_it_holds_the_metrics(settings: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    list(trainer.train(TrainConfig.build(**settings, run=run)))
    rows, lines = table(run), read_metrics(run)
    first, *named, last = COLUMNS.split("|")
    assert list(rows[0]) == [*first.split(), *named, *last.split()]
    steps = [line for line in lines if line["event"] == "step"]
    written = [row for row in rows if row["event"] == "step"]
    assert [int(row["step"]) for row in written] == [1, 2, 3, 4, 5, 6]
    for row, line in zip(written, steps, strict=True):
        assert float(row["total"]) == line["total"]
        assert float(row["baseline"]) == line["baseline"]
        assert [float(row[name]) for name in line["parts"]] == list(line["parts"].values())
        assert float(row["raw SA"]) == line["raw"]["SA"]
        assert float(row["lr"]) == 1e-3
    scores = {(int(row["step"]), row["name"]): float(row["psnr"]) for row in rows if row["psnr"]}
    assert scores[0, "bicubic"] == lines[0]["bicubic"]["psnr"]
    assert scores[0, "teacher"] == lines[0]["teacher"]["psnr"]
    for line in (line for line in lines if line["event"] == "validation"):
        assert scores[line["step"], "student"] == line["psnr"]
        assert {name: scores[line["step"], name] for name in line["others"]} == {
            name: score["psnr"] for name, score in line["others"].items()
        }
    assert len(scores) == 2 + 2 * 4


def test_an_interrupted_run_has_every_row_once(settings: dict[str, Any], tmp_path: Path) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    list(trainer.train(TrainConfig.build(**settings, run=whole)))
    for event in trainer.train(TrainConfig.build(**settings, run=run)):
        if isinstance(event, StepEnd) and event.step == 5:
            break  # As a killed process does; its last checkpoint is of step 3.
    with RunLayout(run).table.open("a") as file:
        file.write("step,6,,0")
    list(trainer.resume_training(run))
    assert timeless(run) == timeless(whole)
    # A run of before there was this table gets all of it.
    RunLayout(run).table.unlink()
    list(trainer.resume_training(run))
    assert timeless(run) == timeless(whole)


def test_a_table_that_can_not_be_written_is_told_of_once_and_made_good(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    notices = []
    for event in trainer.train(TrainConfig.build(**settings, run=run)):
        if isinstance(event, Notice):
            notices.append(event.text)
        elif isinstance(event, StepEnd) and event.step == 1:
            RunLayout(run).table.unlink()
            RunLayout(run).table.mkdir()
        elif isinstance(event, StepEnd) and event.step == 5:
            RunLayout(run).table.rmdir()
    assert len(notices) == 2
    assert "metrics.csv" in notices[0]
    assert "The training goes on" in notices[0]
    assert [row["step"] for row in table(run) if row["event"] == "step"] == list("123456")
    assert [line["step"] for line in read_metrics(run) if line["event"] == "step"] == [1, 2, 3, 4, 5, 6]


def test_a_part_that_comes_later_gets_its_column(tmp_path: Path) -> None:
    table_of = MetricsTable(RunLayout(tmp_path))
    lines = [
        {"event": "step", "step": 1, "total": 3.0, "parts": {"DS": 3.0}, "raw": {"DS": 3.0}, "lr": 1.0},
        {"event": "step", "step": 2, "total": 3.0, "parts": {"DS": 1.0, "PSA(k=2,pool=max)": 2.0}, "raw": {}},
    ]
    table_of.rewrite(lines[:1])
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    table_of.append(lines[1])
    assert [row["PSA(k=2,pool=max)"] for row in table(tmp_path)] == ["", "2.0"]
