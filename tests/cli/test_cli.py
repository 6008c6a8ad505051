"""The `fakd` command as a person or a script meets it: output, files, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from one_process import run_commands

from fakd_core import load_model
from fakd_core.cli import main
from fakd_core.data.image_files import read_image
from fakd_core.evaluation.report_export import PROTOCOL
from fakd_core.evaluation.report_file import from_document
from fakd_core.inference.upscale import upscale

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


@pytest.fixture
def train_arguments(photos: Path, small_teacher: Path, tmp_path: Path) -> list[str]:
    sizes = ["--steps", "4", "--batch", "2", "--patch", "12", "--val-images", "2"]
    models = ["--teacher", str(small_teacher), "--student", STUDENT]
    return ["train", *models, "--train-data", str(photos), "--run", str(tmp_path / "run"), *sizes]


def with_option(arguments: list[str], name: str, value: str) -> list[str]:
    """The arguments with another value of an option, which may be given once only."""
    if name not in arguments:
        return [*arguments, name, value]
    place = arguments.index(name) + 1
    return [*arguments[:place], value, *arguments[place + 1 :]]


def one_line(text: str) -> str:
    """The message, which must be one line and no traceback."""
    assert "Traceback" not in text
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 1, text
    return lines[0]


def test_train_then_evaluate_then_upscale(
    train_arguments: list[str], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(train_arguments) == 0
    assert "done" in capsys.readouterr().out
    run = tmp_path / "run"

    table, saved = tmp_path / "table.csv", tmp_path / "saved"
    evaluation = ["evaluate", "--model", str(run), "--model", "bicubic", "--data", str(photos)]
    assert main([*evaluation, "--json", "--csv", str(table), "--save", str(saved)]) == 0
    report = json.loads(capsys.readouterr().out)
    student, bicubic = report["results"]
    assert (student["model"], bicubic["model"]) == (str(run), "bicubic")
    assert student["images"] == len(student["per_image"]) == 6
    assert student["psnr_y"] == pytest.approx(np.mean([image["psnr_y"] for image in student["per_image"]]))
    assert "luma" in report["protocol"]
    assert len(table.read_text().splitlines()) == 1 + 2 * 7
    assert len(list(saved.rglob("*.png"))) == 12

    source = photos / "coffee0.png"
    assert main(["upscale", str(source), "--model", str(run), "--out", str(tmp_path / "out")]) == 0
    enlarged = read_image(tmp_path / "out" / "coffee0_x4.png")
    assert np.array_equal(enlarged, upscale(load_model(run), read_image(source)))


def test_options_from_a_file_and_the_command_line_wins(
    photos: Path, small_teacher: Path, tmp_path: Path
) -> None:
    from fakd_core.runs.config import read_config

    file = tmp_path / "options.toml"
    file.write_text(
        f"teacher = '{small_teacher}'\nstudent = '{STUDENT}'\ntrain_data = '{photos}'\nlayers = [2, 3]\n"
        "steps = 3\nbatch = 2\npatch = 12\nval_images = 2\nalpha = 0.25\n"
    )
    run = tmp_path / "run"
    assert main(["train", "--config", str(file), "--run", str(run), "--steps", "2"]) == 0
    config = read_config(run)
    assert (config.steps, config.alpha, config.layers) == (2, 0.25, (2, 3))


def test_ctrl_c_while_modules_load_is_no_traceback() -> None:
    program = """
import sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from fakd_core.cli import main
sys.exit(main([]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_with_130_and_the_run_resumes(
    train_arguments: list[str], tmp_path: Path, sent: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "fakd_core.cli", *with_option(train_arguments, "--steps", "100000")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    metrics = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 300
    while not (metrics.exists() and len(metrics.read_text().splitlines()) > 3):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(sent)
    output, error = process.communicate(timeout=300)
    assert process.returncode == 130, error
    assert "fakd train --resume" in output
    assert (tmp_path / "run" / "checkpoints" / "last.pt").exists()


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        (["--distill", "10*XA"], 2, "XA"),
        (["--scale", "5"], 2, "scale"),
        (["--layers", "one"], 2, "--layers"),
        (["--patch", "64"], 1, "patch"),
        (["--alpha", "2"], 2, "alpha"),
        (["--config", "nowhere.toml"], 2, "nowhere.toml"),
        (["--resume", "nowhere"], 2, "--resume"),
    ],
)
def test_wrong_training_options_are_one_line_and_write_nothing(
    train_arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: list[str],
    status: int,
    message: str,
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert main(with_option(train_arguments, *change)) == status
    assert message in one_line(capsys.readouterr().err)
    assert sorted(tmp_path.rglob("*")) == before


def test_bad_input_is_one_line_and_writes_nothing(
    small_teacher: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "texts").mkdir()
    text = tmp_path / "texts" / "text.png"
    text.write_text("not an image")
    unknown = tmp_path / "unknown.pth"
    torch.save({"encoder.weight": torch.zeros(3)}, unknown)
    out = tmp_path / "out"
    model = ["--model", str(small_teacher)]
    calls = {
        "no images": ["evaluate", *model, "--data", str(empty)],
        "text.png": ["evaluate", *model, "--data", str(text.parent)],
        "encoder.weight": ["evaluate", "--model", str(unknown), "--data", str(photos)],
        "scale": ["evaluate", *model, "--data", str(photos), "--scale", "5"],
        "x4": ["evaluate", *model, "--data", str(photos), "--scale", "2"],
        "text.png:": ["upscale", str(text), *model, "--out", str(out)],
        "tile": ["upscale", str(photos / "coffee0.png"), *model, "--out", str(out), "--tile", "3"],
        "no such file": ["upscale", str(tmp_path / "gone.png"), *model, "--out", str(out)],
        "no image": ["upscale", str(empty), *model, "--out", str(out)],
        "--size": ["info", str(small_teacher), "--size", "36"],
        "rcan-small": ["info", "rcan-smal-student"],
        "not a run": ["train", "--resume", str(empty)],
    }
    before = sorted(tmp_path.rglob("*"))
    for message, arguments in calls.items():
        assert main(arguments) in (1, 2), arguments
        assert message in one_line(capsys.readouterr().err), arguments
    assert sorted(tmp_path.rglob("*")) == before


def test_stdout_and_stderr_of_a_pipe_hold_whole_names_and_nothing_else(
    train_arguments: list[str], small_teacher: Path, photos: Path, tmp_path: Path
) -> None:
    run = tmp_path / f"[red]{'long' * 30}"
    commands = (
        with_option(train_arguments, "--run", str(run)),
        ["evaluate", "--model", str(run), "--data", str(photos)],
        ["info", str(run)],
        ["upscale", str(photos / "coffee0.png"), "--model", str(run), "--out", str(run / "out")],
    )
    done, outputs = run_commands(commands, COLUMNS="60")
    assert done.returncode == 0, done.stderr
    # The evaluation's note: the student was trained on these photos.
    note = f"note: {run} was trained on 4 "
    assert [line[: len(note)] for line in done.stderr.splitlines()] == [note]
    assert len(outputs) == len(commands)
    for output in outputs:
        assert str(run) in output
        assert "\x1b" not in output


def test_where_results_can_not_go_is_said_before_the_work(
    small_teacher: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    evaluation = ["evaluate", "--model", "bicubic", "--data", str(photos)]
    assert main([*evaluation, "--csv", str(tmp_path)]) == 1
    assert "name a file" in one_line(capsys.readouterr().err)
    assert main([*evaluation, "--csv", str(tmp_path / "file" / "x.csv")]) == 1
    assert "Not a directory" in one_line(capsys.readouterr().err)
    assert main([*evaluation, "--data", str(photos), "--save", str(tmp_path / "saved")]) == 2
    assert photos.name in one_line(capsys.readouterr().err)
    assert not (tmp_path / "saved").exists()


def test_existing_results_are_overwritten_only_on_request(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv, saved = tmp_path / "x.csv", tmp_path / "saved"
    evaluation = ["evaluate", "--model", "bicubic", "--data", str(photos)]
    assert main([*evaluation, "--csv", str(csv), "--save", str(saved)]) == 0
    csv.write_text("mine")
    capsys.readouterr()
    for place in (["--csv", str(csv)], ["--save", str(saved)]):
        assert main([*evaluation, *place]) == 2
        assert "use --force to overwrite" in one_line(capsys.readouterr().err)
    assert csv.read_text() == "mine"
    assert main([*evaluation, "--csv", str(csv), "--save", str(saved), "--force"]) == 0
    assert csv.read_text() != "mine"


@pytest.mark.parametrize(("table", "begins"), [("markdown", "| Model |"), ("latex", "% PSNR (dB) and SSIM")])
def test_evaluate_prints_a_table_to_paste(
    small_teacher: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    table: str,
    begins: str,
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for photo in sorted(photos.iterdir())[:2]:
        (other / photo.name).symlink_to(photo)
    models = ["--model", "bicubic", "--model", str(small_teacher), "--model", "rcan-g5-r1-c32-x4-fakd"]
    evaluation = ["evaluate", *models, "--data", str(photos), "--data", str(other)]
    csv = tmp_path / "x.csv"
    assert main([*evaluation, "--table", table, "--csv", str(csv)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(begins)
    assert PROTOCOL in text
    assert "other" in text
    assert main([*evaluation, "--json"]) == 0
    report = from_document(json.loads(capsys.readouterr().out))
    for result in report.results.values():
        assert f"{result.psnr_y:.3f}" in text
        assert f"{result.ssim_y:.4f}" in text
    rows = [
        line
        for line in text.splitlines()
        if line.startswith(("| Bicubic", "| teacher", "Bicubic", "teacher"))
    ]
    assert len(rows) == 2
    assert len(csv.read_text().splitlines()) == 1 + 3 * (7 + 3)
    assert main([*evaluation, "--table", table, "--json"]) == 2
    assert "choose one" in one_line(capsys.readouterr().err)
    assert main([*evaluation, "--table", "html"]) == 2


def test_debug_shows_the_traceback_of_a_failed_model_beside_the_others(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fakd_core.evaluation import scoring

    def fail(*_: object, **options: object) -> None:
        raise RuntimeError("sizes of tensors must match")

    monkeypatch.setattr(scoring, "upscale", fail)
    models = ["--model", "bicubic", "--model", "rcan-g5-r1-c32-x4-fakd"]
    evaluation = ["evaluate", *models, "--data", str(photos)]
    assert main(evaluation) == 1
    output, error = capsys.readouterr()
    assert "bicubic" in output
    assert one_line(error) == "error: Unexpected RuntimeError: sizes of tensors must match"
    assert main([*evaluation, "--debug"]) == 1
    assert "in fail" in capsys.readouterr().err


def test_help_tells_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    text = capsys.readouterr().out
    assert "[default: 10*SA]" in " ".join(text.split())
    assert "--no-init-from-teacher" in text


def test_usage_errors_exit_2() -> None:
    assert main(["train", "--bogus"]) == 2
    assert main(["evaluate"]) == 2
    assert main(["info"]) == 2


def test_bicubic_on_set5_as_published(
    shared: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data = shared("data/benchmark/Set5")
    assert main(["evaluate", "--model", "bicubic", "--data", str(data), "--scale", "4", "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert (round(result["psnr_y"], 2), round(result["ssim_y"], 3)) == (28.43, 0.811)


def test_export_writes_what_other_tools_open(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new folder" / "student.pth"
    assert main(["export", str(small_teacher), "--to", str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{path} (")
    assert load_model(path).spec.scale == load_model(small_teacher).spec.scale
    assert main(["export", str(small_teacher), "--to", str(tmp_path / "x.zip")]) == 2
    assert "found .zip" in one_line(capsys.readouterr().err)
    assert main(["export", "rcan-paper-student", "--to", str(path)]) == 2
    assert "no weights" in one_line(capsys.readouterr().err)
