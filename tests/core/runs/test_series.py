"""Curves of a run: read from its folder, filled live, joined after a resume."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from run_folders import make_run

from fakd_core.errors import RunError
from fakd_core.events import StepEnd
from fakd_core.runs.series import RunSeries, read_series


def series_of(steps: range, validations: range) -> RunSeries:
    made = RunSeries()
    made.step, made.lr = list(steps), [1 / step for step in steps]
    made.losses = {"total": [10.0 + step for step in steps]}
    made.validation_step = list(validations)
    made.psnr = {"student": [20.0 + step for step in validations]}
    made.ssim = {"student": [0.1 * step for step in validations]}
    return made


def test_the_curves_of_a_folder(tmp_path: Path) -> None:
    series = read_series(make_run(tmp_path, "run", done=3, psnr=28.5))
    assert (series.step, series.lr, series.losses) == ([1, 2, 3], [1e-4] * 3, {"total": [1.0] * 3})
    assert (series.validation_step, series.psnr, series.ssim) == (
        [3],
        {"student": [28.5]},
        {"student": [0.8]},
    )


def test_skipped_steps_are_left_out_and_lost_losses_are_gaps(tmp_path: Path) -> None:
    run = make_run(tmp_path, "run", done=1)
    with (run / "metrics.jsonl").open("a") as file:
        for skipped, loss in (("total is inf", None), (None, None)):
            line = {"event": "step", "step": 2, "lr": 1e-4, "losses": {"total": loss}, "skipped": skipped}
            file.write(json.dumps(line) + "\n")
    series = read_series(run)
    assert series.step == [1, 2]
    assert math.isnan(series.losses["total"][1])
    live = RunSeries()
    for skipped in ("a gradient is not finite", None):
        live.take(StepEnd(step=1, steps=2, losses={"total": 2.0}, lr=0.1, seconds=1.0, skipped=skipped))
    assert (live.step, live.lr, live.losses) == ([1], [0.1], {"total": [2.0]})


def test_the_past_of_a_resumed_run_precedes_its_new_points() -> None:
    # The old process was ahead: its steps 7 and 8 are taken again.
    past, resumed = series_of(range(1, 9), range(3, 9, 3)), series_of(range(6, 10), range(6, 10, 3))
    resumed.prepend(past)
    assert resumed == series_of(range(1, 10), range(3, 10, 3))


def test_the_past_of_a_run_without_new_points_is_all_there_is() -> None:
    empty = RunSeries()
    empty.prepend(series_of(range(1, 5), range(2, 5, 2)))
    assert empty == series_of(range(1, 5), range(2, 5, 2))


@pytest.mark.parametrize(
    "line", ['{"event": "step", "step": 5}', '{"event": "validation", "step": 5}', "{}", "[]"]
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    run = make_run(tmp_path, "run", done=2)
    with (run / "metrics.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(RunError, match=r"metrics\.jsonl: .*(line 4 is|damaged)"):
        read_series(run)
