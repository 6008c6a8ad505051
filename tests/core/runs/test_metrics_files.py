"""`metrics.csv` has the content of `metrics.jsonl`, whatever interrupts the run."""

from __future__ import annotations

import csv
import gc
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import notices

from fakd_core.errors import RunError
from fakd_core.events import CancelToken, RunEnd, StepEnd
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.metrics_files import discard_metrics_after, read_metrics, write_table
from fakd_core.runs.series import read_series
from fakd_core.training import trainer
from fakd_core.training.learner import Learner

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


def test_the_table_holds_the_metrics(settings: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    list(trainer.train(TrainConfig.build(**settings, run=run)))
    rows, lines = table(run), read_metrics(run)
    first, *named, last = COLUMNS.split("|")
    assert list(rows[0]) == [*first.split(), *named, *last.split()]
    steps = [line for line in lines if line["event"] == "step"]
    written = [row for row in rows if row["event"] == "step"]
    assert [int(row["step"]) for row in written] == [1, 2, 3, 4, 5, 6]
    for row, line in zip(written, steps, strict=True):
        assert {name: float(row[name]) for name in line["losses"]} == line["losses"]
        assert {"total", "DS", "TS", "SA", "raw SA", "baseline"} <= line["losses"].keys()
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


@pytest.mark.parametrize("end", ["completed", "stopped", "failed", "left"])
def test_the_table_is_written_however_a_run_ends(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    run, token = tmp_path / "run", CancelToken()

    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    with suppress(RuntimeError):
        for event in trainer.train(TrainConfig.build(**settings, run=run), token):
            if isinstance(event, StepEnd) and event.step == 4:
                assert not RunLayout(run).table.exists()
                if end == "left":
                    break
                if end == "stopped":
                    token.cancel()
                if end == "failed":
                    monkeypatch.setattr(Learner, "measure", fail)
    gc.collect()
    written = [row["step"] for row in table(run) if row["event"] == "step"]
    assert written == list("123456" if end == "completed" else "1234")


def test_a_table_that_can_not_be_written_is_reported_and_can_be_written_later(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    events = []
    for event in trainer.train(TrainConfig.build(**settings, run=run)):
        events.append(event)
        if isinstance(event, StepEnd) and event.step == 1:
            RunLayout(run).table.mkdir()
    assert isinstance(events[-1], RunEnd)
    (notice,) = notices(events)
    assert "metrics.csv" in notice
    RunLayout(run).table.rmdir()
    write_table(run)
    assert [row["step"] for row in table(run) if row["event"] == "step"] == list("123456")
    assert [line["step"] for line in read_metrics(run) if line["event"] == "step"] == [1, 2, 3, 4, 5, 6]


def test_a_loss_that_appears_later_gets_a_column(tmp_path: Path) -> None:
    lines = [
        {"event": "step", "step": 1, "losses": {"total": 3.0, "DS": 3.0, "raw DS": 3.0}, "lr": 1.0},
        {"event": "step", "step": 2, "losses": {"total": 3.0, "DS": 1.0, "PSA(k=2,pool=max)": 2.0}},
    ]
    RunLayout(tmp_path).metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_table(tmp_path)
    assert [row["PSA(k=2,pool=max)"] for row in table(tmp_path)] == ["", "2.0"]


def test_a_run_of_an_older_version_is_refused_in_one_line(settings: dict[str, Any], tmp_path: Path) -> None:
    """Its losses were written as `total`, `parts`, `raw` and `baseline`."""
    run = tmp_path / "run"
    list(trainer.train(TrainConfig.build(**settings, run=run)))
    lines = read_metrics(run)
    for line in lines:
        if losses := line.pop("losses", None):
            line |= {"total": losses["total"], "parts": {"DS": losses["DS"]}, "raw": {"DS": losses["raw DS"]}}
    RunLayout(run).metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for read in (read_series, read_metrics, lambda run: list(trainer.resume_training(run))):
        with pytest.raises(
            RunError, match=r"metrics.jsonl: line 2 is not in this version's format"
        ) as caught:
            read(run)
        assert "start a new run" in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("validated", [True, False])
def test_what_follows_a_checkpoint_is_cut_off(tmp_path: Path, step: int, validated: bool) -> None:
    """With the start of a process that went on from there: the next one writes its own."""
    score = {"psnr": 20.0, "ssim": 0.5}
    start = {"event": "start", "steps": 9, "bicubic": score, "teacher": None}
    lines: list[dict[str, Any]] = [{**start, "step": 0}]
    for number in range(1, 5):
        lines.append({"event": "step", "step": number, "lr": 0.1, "losses": {"total": 1.0}})
        lines += [{"event": "validation", "step": number, **score}, {**start, "step": number}]
    text = [json.dumps(line) + "\n" for line in lines]
    (tmp_path / "metrics.jsonl").write_text("".join(text) + '{"event": "st')
    discard_metrics_after(tmp_path, step, validated_step=step if validated else step - 1)
    assert (tmp_path / "metrics.jsonl").read_text() == "".join(text[: 3 * step - 1 + validated])
