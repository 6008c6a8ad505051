"""States of runs, read from their folders."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from run_folders import add_steps, make_run

from fakd_core.runs.lock import run_lock
from fakd_core.runs.states import RunState, read_state


def test_only_new_metrics_are_read(tmp_path: Path) -> None:
    run = make_run(tmp_path, "run", done=100, steps=1000)
    first = read_state(run)
    assert (first.done, first.best) == (100, 28.5)
    text = (run / "metrics.jsonl").read_bytes()
    # What was read already could say anything.
    other = b'{"event": "validation", "step": 1, "psnr": 99, "ssim": 1}'
    (run / "metrics.jsonl").write_bytes(other.ljust(len(text) - 1) + b"\n")
    add_steps(run, range(101, 104))
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"event": "step", "st')  # incomplete
    later = read_state(run, first)
    assert (later.done, later.best) == (103, 28.5)
    (run / "metrics.jsonl").write_text("")
    assert read_state(run, first) == RunState(steps=1000, models=first.models)


def test_a_run_without_metrics_has_not_started(tmp_path: Path) -> None:
    run = make_run(tmp_path, "run", done=0, steps=1000)
    (run / "metrics.jsonl").unlink()
    state = read_state(run)
    assert (state.problem, state.done, state.best, state.steps) == ("", 0, None, 1000)


def test_what_is_wrong_with_a_run_is_its_problem(tmp_path: Path) -> None:
    damaged, gone, torn = (make_run(tmp_path, name) for name in ("damaged", "gone", "torn"))
    (damaged / "config.toml").write_text("steps = many")
    (gone / "config.toml").unlink()
    with (torn / "metrics.jsonl").open("a") as file:
        file.write('{"event": "validation", "psnr": "high"}\n')
    assert "config.toml" in read_state(damaged).problem
    assert "config.toml: can't be read (No such file" in read_state(gone).problem
    assert "metrics.jsonl: damaged: expected a line with psnr" in read_state(torn).problem
    assert read_state(torn, read_state(torn)).problem, "it is read again"


def test_metrics_that_were_replaced_by_shorter_ones_are_read_anew(tmp_path: Path) -> None:
    run = make_run(tmp_path, "run", done=50, steps=1000, psnr=30.0)
    first = read_state(run)
    (run / "metrics.jsonl").unlink()
    line = '{"event": "validation", "step": 2, "psnr": 21.5, "ssim": 0.5}\n'
    (run / "metrics.jsonl").write_text(line)
    add_steps(run, range(3, 5))
    assert (read_state(run, first).done, read_state(run, first).best) == (4, 21.5)


def test_who_trains_a_run_is_named_while_it_is_in_use(tmp_path: Path) -> None:
    run = make_run(tmp_path, "run", done=2, steps=4)
    assert (read_state(run).in_use, read_state(run).owner) == (False, "")
    with run_lock(run / "run.lock"):
        state = read_state(run)
    assert (state.in_use, state.owner) == (True, f"process {os.getpid()} on {socket.gethostname()}")


@pytest.mark.parametrize(
    ("state", "finished", "summary"),
    [
        (RunState(), False, "not started"),
        (RunState(steps=9), False, "not started"),
        (RunState(steps=9, done=1), False, "stopped at 1 of 9"),
        (RunState(steps=1000, done=1000), True, "done"),
        (RunState(steps=9, done=9, best=21.456), True, "done"),
        (RunState(steps=9999, done=1234, in_use=True), False, "training, 1,234 of 9,999"),
        (RunState(steps=9, done=9, problem="no"), True, "damaged"),
        (RunState(problem="no settings yet", in_use=True), False, "preparing"),
    ],
)
def test_a_state_in_one_line(state: RunState, finished: bool, summary: str) -> None:
    assert (state.finished, state.summary()) == (finished, summary)
