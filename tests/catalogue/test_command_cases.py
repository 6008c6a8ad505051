"""The table of command lines: what each ends with, and that the folder it stands in stays as it was."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from refusals import one_line, refused, tree

from fakd_core.cli import main
from fakd_core.runs.lock import run_lock

STUDENT = "edsr:n_feats=4,n_resblocks=1"
TRAIN = f"train --student={STUDENT} --train-data=samples --steps=1 --batch=2 --patch=12 --run=new"
FIGURE = "figure samples/chelsea.png --model=bicubic --out=f.png"
MAP = "affinity samples/chelsea.png --teacher=rcan-g5-r5-c32-x4 --student=rcan-g5-r1-c32-x4-fakd --out=f.png"

REFUSED: list[tuple[str, int, str]] = [
    # No arguments, unknown ones, missing values.
    ("train", 2, "student: must be given; train_data: must be given; run: must be given"),
    ("evaluate", 2, "Missing option '--model'"),
    ("upscale", 2, "Missing argument 'INPUT"),
    ("figure", 2, "IMAGE: must be given, or --recipe FILE.toml"),
    ("affinity", 2, "Missing argument 'IMAGE'"),
    ("info", 2, "name a model, or use --list"),
    ("trian", 2, "No such command 'trian'. Did you mean 'train'?"),
    ("evalute", 2, "Did you mean 'evaluate'?"),
    ("zzz", 2, "No such command 'zzz'"),
    ("''", 2, "No such command ''"),
    ("--bogus", 2, "No such option: --bogus"),
    ("-h", 2, "No such option: -h"),
    ("--debug", 2, "Missing command"),
    ("train --stpes 3", 2, "Possible options: --preset, --steps"),
    ("train --modle x", 2, "No such option: --modle"),
    ("train --steps", 2, "'--steps' requires an argument"),
    ("train --steps=", 2, "steps: must be a whole number (found '')"),
    ("train --steps=x", 2, "steps: must be a whole number (found 'x')"),
    ("train --steps=1e5", 2, "steps: must be a whole number (found '1e5')"),
    ("train --lr=fast", 2, "lr: must be a number (found 'fast')"),
    ("train --layers=one", 2, "--layers: must be whole numbers separated by commas"),
    ("train --baseline=yes", 2, "'--baseline' does not take a value"),
    ("train extra", 2, "unexpected extra argument"),
    ("info a b", 2, "unexpected extra argument"),
    ("figure --recipe", 2, "'--recipe' requires an argument"),
    ("evaluate --model=bicubic", 2, "Missing option '--data'"),
    # Values out of range, wrong choices.
    (f"{TRAIN} --steps=0", 2, "steps: must be at least 1 (found '0')"),
    (f"{TRAIN} --steps={10**30}", 2, "steps: must be at most 1000000000"),
    (f"{TRAIN} --batch={10**9}", 2, "batch: must be at most 16384"),
    (f"{TRAIN} --patch={10**9}", 2, "patch: must be at most 4096"),
    (f"{TRAIN} --patch=500", 1, "smaller than the patch of 500x500"),
    (f"{TRAIN} --lr=nan", 2, "lr: must be a finite number"),
    (f"{TRAIN} --lr=-1", 2, "lr: must be above 0"),
    (f"{TRAIN} --ema=1", 2, "ema: must be below 1"),
    (f"{TRAIN} --seed=-1", 2, "seed: must be at least 0"),
    (f"{TRAIN} --layers=", 2, "layers must be among 0..3, at least one"),
    (f"{TRAIN} --layers='1;2'", 2, "--layers: must be whole numbers separated by commas"),
    (f"{TRAIN} --layers=1,1", 2, "layers must not be repeated"),
    (f"{TRAIN} --milestones=a", 2, "--milestones: must be whole numbers separated by commas"),
    (f"{TRAIN} --milestones=0", 2, "milestones.0: must be above 0"),
    (f"{TRAIN} --precision=fp8", 2, "precision: must be 'auto', 'fp32', 'bf16' or 'fp16'"),
    (f"{TRAIN} --schedule=linear", 2, "schedule: must be 'milestones' or 'cosine'"),
    (f"{TRAIN} --scale=5", 2, "scale: must be 2, 3, 4 or 8 (found 5)"),
    (f"{TRAIN} --device=abacus", 2, "device 'abacus' can't be used here"),
    (f"{TRAIN} --device=", 2, "device: must not be empty"),
    (f"{TRAIN} --device=meta", 2, "device 'meta' can't be used here"),
    (f"{TRAIN} --device=cuda:99", 2, "use auto or cpu"),
    (f"{TRAIN} --val-images=999", 1, "holding out 999 for validation leaves none"),
    (f"{TRAIN} --val-data=nowhere", 1, "nowhere: no such folder"),
    (f"{TRAIN} --val-data=/dev/null", 1, "expected a folder of images, found a file"),
    (f"{TRAIN} --train-data=", 2, "train_data: must not be empty"),
    (f"{TRAIN} --init-from-teacher", 2, "init_from_teacher needs a teacher"),
    (f"{TRAIN} --teacher-cache=c", 2, "give both or neither"),
    # Models.
    (f"{TRAIN} --student=", 2, "student: must not be empty"),
    (f"{TRAIN} --student=nothing", 2, "no model 'nothing'"),
    (f"{TRAIN} --student=rcan-smal-student", 2, "did you mean rcan-small-student?"),
    (f"{TRAIN} --student=rcan:n_feats", 2, "sizes are written name=value"),
    (f"{TRAIN} --student=rcan:n_feats=0", 2, "n_feats: must be at least 1"),
    (f"{TRAIN} --student=rcan:n_feats=1e3", 2, "n_feats: must be a whole number"),
    (f"{TRAIN} --student=rcan:n_feats=99999999999", 2, "n_feats: must be at most 4096"),
    (f"{TRAIN} --student=rcan:bogus=1", 2, "rcan has no setting bogus"),
    (f"{TRAIN} --teacher=", 2, "teacher: must not be empty"),
    (f"{TRAIN} --teacher=rcan", 2, "rcan has no weights"),
    (f"{TRAIN} --teacher=gone.pth", 1, "gone.pth: no such file"),
    (f"{TRAIN} --teacher=.", 1, "no student in this folder"),
    (f"{TRAIN} --teacher=rcan-g5-r5-c32-x4 --scale=2", 2, "enlarges x4, the run is for x2"),
    # Where the run goes.
    (f"{TRAIN} --run=", 2, "run: must not be empty"),
    (f"{TRAIN} --run=file", 1, "file: not an empty folder; give another --run"),
    (f"{TRAIN} --run=full", 1, "full: not an empty folder"),
    (f"{TRAIN} --run=file/new", 1, "can't be made: Not a directory"),
    (f"{TRAIN} --run=/proc/nowhere/new", 1, "can't be made"),
    (f"{TRAIN} --run={'n' * 300}", 1, "File name too long"),
    (f"{TRAIN} --run=~nobody-of-that-name/x", 2, "no such home folder"),
    (f"{TRAIN} --resume=x", 2, "takes no other option (found --student, --train-data"),
    # What to go on with.
    ("train --resume", 2, "'--resume' requires an argument"),
    ("train --resume=nowhere", 1, "nowhere: not a run folder (no config.toml in it)"),
    ("train --resume=file", 1, "file: not a run folder"),
    ("train --resume=", 1, "not a run folder"),
    ("train --resume=full --config=x", 2, "takes no other option (found --config)"),
    ("train --resume=~nobody-of-that-name/x", 2, "no such home folder"),
    # The other commands.
    ("info nothing", 2, "no model 'nothing'"),
    ("info rcan --scale=5", 2, "scale: must be one of 2, 3, 4, 8"),
    ("info rcan --size=36", 2, "--size: expected height x width"),
    ("info rcan --size=0x9", 2, "--size: expected height x width"),
    (f"info rcan --size=9x{'9' * 5000}", 2, "--size: expected height x width"),
    ("info full", 1, "full: no student in this folder"),
    ("info file.png", 1, "file.png"),
    ("evaluate --model=bicubic --data=nowhere", 1, "nowhere: no such folder"),
    ("evaluate --model=bicubic --data=samples --scale=x", 2, "Invalid value for '--scale'"),
    ("evaluate --model=rcan --data=samples", 2, "rcan has no weights"),
    ("upscale file.png --model=rcan-g5-r1-c32-x4-baseline --out=o", 1, "file.png: expected an image"),
    ("upscale nowhere.png --model=rcan-g5-r1-c32-x4-baseline --out=o", 1, "nowhere.png: no such file"),
    ("upscale samples --model=rcan --out=o", 2, "rcan has no weights"),
    (f"{FIGURE}", 2, "--roi: must be given"),
    (f"{FIGURE} --roi=1,2,3", 2, "--roi: must be X,Y,W,H"),
    (f"{FIGURE} --roi=1,2,3,{'9' * 5000}", 2, "--roi: must be X,Y,W,H"),
    (f"{FIGURE} --roi=1,2,9,9 --out=f.jpg", 2, ".png or .pdf"),
    (f"{FIGURE} --roi=1,2,9,9 --out=file/f.png", 1, "can't write the figure"),
    (f"{FIGURE} --roi=1,2,9,9 --recipe=x", 2, "leave out IMAGE, --model and --roi"),
    (f"{FIGURE} --roi=1,2,9,9 --columns=99", 2, "columns: must be at most 24"),
    (f"{FIGURE} --roi=1,2,9,9 --metrics=lpips", 2, "metrics.0: must be 'PSNR' or 'SSIM'"),
    (f"{MAP} --layer=9 --at=1,1", 2, "layer: must be below 4"),
    (f"{MAP} --layer=1 --at=1", 2, "--at: must be Y,X"),
    (f"{MAP} --layer=1 --at=999,1", 2, "lies outside the LR image"),
]


@pytest.mark.parametrize(
    ("line", "status", "word"), REFUSED, ids=[line.removeprefix(TRAIN)[:40] for line, _, _ in REFUSED]
)
def test_a_wrong_command_line(
    line: str,
    status: int,
    word: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "file.png").write_bytes(b"text")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    refused(capsys, tmp_path, shlex.split(line), status, word)


def test_no_command_at_all_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr().err
    assert "Usage: fakd" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("line", ["--help", "--version", "train --help", "info --list", "info --list --json"])
def test_a_right_command_line(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 0
    assert capsys.readouterr().err == ""


# -- run folders -------------------------------------------------------------------------------------


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
    again = [*shlex.split(TRAIN), f"--run={run}"]
    refused(capsys, tmp_path, again, 1, f"already holds a run; continue it with --resume {run}")


# -- real processes ----------------------------------------------------------------------------------


def fakd(
    line: str, folder: Path, before: str = "", after: str = "", **environment: str | None
) -> subprocess.CompletedProcess[str]:
    """A shell's `before fakd line after` in `folder`, with variables changed or, None, taken away."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(
        ["bash", "-c", f"{before} {shlex.quote(sys.executable)} -m fakd_core.cli {line} {after}"],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TERM": "dumb", "COLUMNS": "20", "HOME": None},
    ],
    ids=["no UTF-8", "dumb, narrow terminal without home"],
)
def test_poor_surroundings(environment: dict[str, str | None], tmp_path: Path) -> None:
    shown = fakd("train --help", tmp_path, **environment)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "--steps" in shown.stdout
    wrong = fakd("info nöthing", tmp_path, **environment)
    assert wrong.returncode == 2
    assert "no model" in one_line(wrong.stderr)


def test_closed_pipes_and_files(tmp_path: Path) -> None:
    headed = fakd("train --help", tmp_path, after="| head -1")
    assert (headed.stderr, headed.stdout.count("\n")) == ("", 1)
    deaf = fakd("info rcan --scale=5", tmp_path, after="<&- >&-")
    assert deaf.returncode == 2
    assert "scale" in one_line(deaf.stderr)
    mute = fakd("info rcan --scale=5", tmp_path, after="2>&-")
    assert mute.returncode == 2
    assert tree(tmp_path) == {}


def test_a_reader_that_leaves_ends_no_training(tmp_path: Path) -> None:
    options = f"{TRAIN} --steps=4 --val-images=1 --validate-every=1"
    headed = fakd(options, tmp_path, after="| head -1")
    assert (headed.stdout, headed.stderr) == ("run new on cpu\n", "")
    steps = [json.loads(line)["step"] for line in (tmp_path / "new/metrics.jsonl").read_text().splitlines()]
    assert max(steps) == 4
    assert (tmp_path / "new/student.safetensors").exists()
