"""States of runs, read from their folders."""

from __future__ import annotations

from pathlib import Path

from run_folders import add_steps, make_run

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
