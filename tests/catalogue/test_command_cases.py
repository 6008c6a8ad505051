"""The table of command lines: what each ends with, and that the folder it stands in stays as it was."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from inspect import signature
from pathlib import Path

import pytest
import typer
from refusals import TRAIN, given_once, one_line, refused, tree

from fakd_core.cli import main

FIGURE = "figure samples/chelsea.png --model=bicubic --out=f.png"
MAP = "affinity samples/chelsea.png --teacher=rcan-g5-r5-c32-x4 --student=rcan-g5-r1-c32-x4-fakd --out=f.png"

HINT = " Did you mean '{}'?" if "suggest_commands" in signature(typer.Typer).parameters else ""
"""Older versions of typer suggest nothing."""
REFUSED: list[tuple[str, int, str]] = [
    # No arguments, unknown ones, missing values.
    ("train", 2, "student: must be given; train_data: must be given; run: must be given"),
    ("evaluate", 2, "Missing option '--model'"),
    ("upscale", 2, "Missing argument 'INPUT"),
    ("figure", 2, "IMAGE: must be given, or --recipe FILE.toml"),
    ("affinity", 2, "Missing argument 'IMAGE'"),
    ("info", 2, "name a model, or use --list"),
    ("trian", 2, f"No such command 'trian'.{HINT.format('train')}"),
    ("evalute", 2, f"No such command 'evalute'.{HINT.format('evaluate')}"),
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
    (f"{TRAIN} --resume=x", 2, "takes no other option but --train-data and --val-data (found --student"),
    # What to go on with.
    ("train --resume", 2, "'--resume' requires an argument"),
    ("train --resume=nowhere", 1, "nowhere: not a run folder (no config.toml in it)"),
    ("train --resume=file", 1, "file: not a run folder"),
    ("train --resume=", 1, "not a run folder"),
    ("train --resume=full --config=x", 2, "(found --config)"),
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
    refused(capsys, tmp_path, given_once(shlex.split(line)), status, word)


def test_no_command_at_all_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = "".join(capsys.readouterr())  # Older versions of typer print it to stdout.
    assert "Usage: fakd" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("line", ["--help", "--version", "train --help", "info --list", "info --list --json"])
def test_a_right_command_line(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 0
    assert capsys.readouterr().err == ""


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
        timeout=300,
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
    options = f"{TRAIN.replace('--steps=1', '--steps=4')} --val-images=1 --validate-every=1"
    headed = fakd(options, tmp_path, after="| head -1")
    assert (headed.stdout, headed.stderr) == ("run new on cpu\n", "")
    steps = [json.loads(line)["step"] for line in (tmp_path / "new/metrics.jsonl").read_text().splitlines()]
    assert max(steps) == 4
    assert (tmp_path / "new/student.safetensors").exists()
