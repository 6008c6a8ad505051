"""The table of damaged run folders: what `fakd train --resume` says of each, and what it does."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from refusals import STUDENT, TRAIN, given_once, refused

from fakd_core.cli import main
from fakd_core.runs.lock import run_lock


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps, with a checkpoint after each."""
    run = tmp_path_factory.mktemp("finished") / "run"
    options = ["--steps=2", "--batch=2", "--patch=12", "--val-images=1", "--validate-every=1"]
    assert main(["train", f"--student={STUDENT}", "--train-data=samples", *options, f"--run={run}"]) == 0
    return run


Damage = Callable[[Path], object]


def holds(name: str, content: bytes) -> Damage:
    return lambda run: (run / name).write_bytes(content)


def cut(name: str, by: int) -> Damage:
    return lambda run: (run / name).write_bytes((run / name).read_bytes()[:-by])


def replaced(old: str, new: str) -> Damage:
    def change(run: Path) -> None:
        text = (run / "config.toml").read_text()
        assert old in text
        (run / "config.toml").write_text(text.replace(old, new))

    return change


def folder_instead(name: str) -> Damage:
    def change(run: Path) -> None:
        (run / name).unlink()
        (run / name).mkdir()

    return change


def all_states(content: Any) -> Damage:
    """Every checkpoint holds `content`, or what that makes of its state."""

    def change(run: Path) -> None:
        for path in (run / "checkpoints").glob("last*.pt"):
            state = torch.load(path, weights_only=True)
            torch.save(content(state) if callable(content) else content, path)

    return change


UNFIT = "its checkpoint does not fit its config.toml"


UNUSABLE: dict[str, tuple[Damage, int, str]] = {
    "settings empty": (holds("config.toml", b""), 2, "config.toml: student: must be given"),
    "settings binary": (holds("config.toml", bytes(range(256))), 2, "config.toml: expected a TOML file"),
    "settings cut off": (holds("config.toml", b'student = "ed'), 2, "config.toml: not valid TOML"),
    "settings of another version": (
        replaced("steps = 2", "steps = 2\nstepz = 3"),
        2,
        "config.toml: stepz: no such option, did you mean steps?",
    ),
    "settings a folder": (folder_instead("config.toml"), 1, "not a run folder"),
    "fewer steps than it has": (replaced("steps = 2", "steps = 1"), 1, "give it at least 2 steps there"),
    "another student": (replaced("n_feats=4", "n_feats=8"), 1, UNFIT),
    "another scale": (replaced("scale = 4", "scale = 2"), 1, "the training images have changed since"),
    "images gone": (replaced('"samples"', '"/nowhere"'), 1, "/nowhere: no such folder"),
    "teacher gone": (replaced("teacher = []", 'teacher = ["/gone.pth"]'), 1, "/gone.pth: no such file"),
    "baseline without teacher": (replaced("baseline = false", "baseline = true"), 2, "or drop baseline"),
    "environment gone": (
        lambda run: (run / "environment.json").unlink(),
        1,
        "environment.json: can't be read",
    ),
    "environment empty": (holds("environment.json", b""), 1, "environment.json: damaged"),
    "environment binary": (holds("environment.json", b"\xff\xfe"), 1, "can't be read (no text)"),
    "environment a list": (holds("environment.json", b"[]"), 1, "environment.json: damaged"),
    "environment null": (holds("environment.json", b"null"), 1, "environment.json: damaged"),
    "environment without fingerprint": (holds("environment.json", b"{}"), 1, "environment.json: damaged"),
    "environment nested": (holds("environment.json", b"[" * 100_000), 1, "environment.json: damaged"),
    "metrics binary": (holds("metrics.jsonl", bytes(range(256))), 1, "metrics.jsonl: line 1 is damaged"),
    "metrics a list": (holds("metrics.jsonl", b"[]\n"), 1, "line 1 is damaged"),
    "metrics null": (holds("metrics.jsonl", b"null\n"), 1, "line 1 is damaged"),
    "metrics of no step": (holds("metrics.jsonl", b'{"event":"step"}\n'), 1, "line 1 is damaged"),
    "metrics of no event": (holds("metrics.jsonl", b'{"event":"x","step":1}\n'), 1, "line 1 is damaged"),
    "metrics of step a": (holds("metrics.jsonl", b'{"event":"step","step":"a"}\n'), 1, "line 1 is damaged"),
    "metrics nested": (holds("metrics.jsonl", b"[" * 100_000 + b"\n"), 1, "line 1 is damaged"),
    "metrics of 5000 digits": (
        holds("metrics.jsonl", b'{"event":"step","step":' + b"1" * 5000 + b"}\n"),
        1,
        "line 1 is damaged",
    ),
    "metrics a folder": (folder_instead("metrics.jsonl"), 1, "metrics.jsonl: Is a directory"),
    "lock a folder": (folder_instead("run.lock"), 1, "run.lock: Is a directory"),
    "checkpoints cut off": (
        lambda run: [cut(f"checkpoints/{name}", 900)(run) for name in ("last.pt", "last-1.pt")],
        1,
        "damaged or not checkpoints of this program: last.pt, last-1.pt",
    ),
    "checkpoints empty": (
        lambda run: [holds(f"checkpoints/{name}", b"")(run) for name in ("last.pt", "last-1.pt")],
        1,
        "damaged or not checkpoints",
    ),
    "states none": (all_states(None), 1, "damaged or not checkpoints"),
    "states a list": (all_states([1]), 1, "damaged or not checkpoints"),
    "states a tensor": (all_states(torch.zeros(3)), 1, "damaged or not checkpoints"),
    "states of nothing": (all_states({}), 1, UNFIT),
    "state without step": (all_states(lambda s: {k: v for k, v in s.items() if k != "step"}), 1, UNFIT),
    "step before the first": (all_states(lambda s: {**s, "step": -5, "validated_step": -5}), 1, UNFIT),
    "step after the last": (all_states(lambda s: {**s, "step": 10**9}), 1, "is of step 1000000000"),
    "step nan": (all_states(lambda s: {**s, "step": float("nan")}), 1, UNFIT),
    "step inf": (all_states(lambda s: {**s, "step": float("inf")}), 1, UNFIT),
    "validated before it was trained": (all_states(lambda s: {**s, "validated_step": 99}), 1, UNFIT),
    "seconds a word": (all_states(lambda s: {**s, "seconds": "x"}), 1, UNFIT),
    "scores a list": (all_states(lambda s: {**s, "best": [1]}), 1, UNFIT),
    "scores words": (all_states(lambda s: {**s, "best": {"student": ("a", "b")}}), 1, UNFIT),
    "no learners": (all_states(lambda s: {**s, "learners": {}}), 1, UNFIT),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_run_that_can_not_go_on_is_left_as_it_is(
    name: str, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, status, word = UNUSABLE[name]
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    damage(run)
    refused(capsys, tmp_path, ["train", f"--resume={run}"], status, word)


USABLE: dict[str, tuple[Damage, str]] = {
    "whole": (lambda run: None, "complete already, after step 2; its student: "),
    "metrics cut off": (cut("metrics.jsonl", 20), "complete already"),
    "metrics gone": (lambda run: (run / "metrics.jsonl").unlink(), "complete already"),
    "metrics empty": (holds("metrics.jsonl", b""), "complete already"),
    "lock gone": (lambda run: (run / "run.lock").unlink(), "complete already"),
    "lock binary": (holds("run.lock", bytes(range(256))), "complete already"),
    "lock owner binary": (holds("run.owner", bytes(range(256))), "complete already"),
    "lock of another host": (holds("run.owner", b"1 elsewhere"), "complete already"),
    "snapshots gone": (lambda run: shutil.rmtree(run / "snapshots"), "complete already"),
    "more steps": (replaced("steps = 2", "steps = 3"), "step 3: validation"),
    "newest state cut off": (cut("checkpoints/last.pt", 900), "last.pt: damaged; resuming from"),
    "newest state empty": (holds("checkpoints/last.pt", b""), "last.pt: damaged; resuming from"),
    "newest state a folder": (folder_instead("checkpoints/last.pt"), "last.pt: damaged; resuming from"),
    "newest state gone": (lambda run: (run / "checkpoints/last.pt").unlink(), "step 2: validation"),
    "no states": (
        lambda run: shutil.rmtree(run / "checkpoints"),
        "no checkpoint was found; the run starts again from its first step",
    ),
}


@pytest.mark.parametrize("name", USABLE)
def test_a_run_that_lost_little_goes_on(
    name: str, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, word = USABLE[name]
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    damage(run)
    assert main(["train", f"--resume={run}"]) == 0
    said = capsys.readouterr()
    assert word in said.out
    assert said.err == ""
    assert str(run / "checkpoints" / "best.safetensors") in said.out
    assert (run / "student.safetensors").exists()
    for line in (run / "metrics.jsonl").read_text().splitlines():
        json.loads(line)


def test_a_finished_run_tells_how_to_train_it_longer(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    assert main(["train", f"--resume={run}"]) == 0
    assert f"increase steps in {run / 'config.toml'} and resume it again" in capsys.readouterr().out
    replaced("steps = 2", "steps = 4")(run)
    assert main(["train", f"--resume={run}"]) == 0
    assert "done in" in capsys.readouterr().out
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert max(steps) == 4


def test_a_run_in_use_or_there_already(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    with run_lock(run / "run.lock"):
        refused(capsys, tmp_path, ["train", f"--resume={run}"], 1, f"in use by process {os.getpid()} on ")
    again = given_once([*shlex.split(TRAIN), f"--run={run}"])
    refused(capsys, tmp_path, again, 1, f"already holds a run; continue it with --resume {run}")
