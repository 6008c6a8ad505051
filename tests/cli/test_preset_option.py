"""`fakd train --preset` and `--estimate`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from fakd_core.cli import completion, main
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.presets import PRESETS, QUICK, preset_path, save_settings

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))


def printed_config(capsys: pytest.CaptureFixture[str], *words: str) -> TrainConfig:
    """The output of `--print-config` for the options in `words`."""
    assert main(["train", *words, "--print-config"]) == 0
    return TrainConfig.build(**tomllib.loads(capsys.readouterr().out))


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The error that refuses the options in `words`."""
    assert main(["train", *words]) == 2
    return capsys.readouterr().err


def test_other_options_win_over_the_preset(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = printed_config(capsys, "--preset=quick", "--steps=7", "--run=r")
    assert config == TrainConfig.build(**{**QUICK.values, "steps": 7, "run": "r"})
    file = tmp_path / "settings.toml"
    file.write_text("steps = 8\nbatch = 3\n")
    config = printed_config(capsys, "--preset=quick", f"--config={file}", "--batch=4", "--run=r")
    assert (config.steps, config.batch, config.patch) == (8, 4, QUICK.values["patch"])


def test_a_preset_that_was_saved_in_the_window_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    save_settings(preset_path("My own"), {**QUICK.values, "steps": 55})
    for name in ("My own", "my-own"):
        assert printed_config(capsys, f"--preset={name}", "--run=r").steps == 55


def test_what_a_paper_preset_leaves_open_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    name = "--preset=Paper RCAN"
    assert "teacher: the preset Paper RCAN names none" in refusal(capsys, name, "--run=r")
    assert "train_data: must be given" in refusal(capsys, name, "--run=r", "--teacher=t")
    config = printed_config(capsys, name, "--run=r", "--teacher=t", "--train-data=d")
    assert (config.student, config.steps, config.teacher) == ("rcan-paper-student", 200_000, ("t",))


def test_an_unknown_preset_is_an_error_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no preset 'quik'; did you mean Quick? Presets: Quick, " in refusal(capsys, "--preset=quik")


@pytest.mark.parametrize("option", ["--preset=Quick", "--estimate"])
def test_a_resumed_run_has_its_own_settings(capsys: pytest.CaptureFixture[str], option: str) -> None:
    said = refusal(capsys, "--resume=r", option)
    assert f"takes no other option but --train-data and --val-data (found {option.partition('=')[0]})" in said


def test_presets_are_listed_by_help_and_tab(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    assert ", ".join(PRESETS) in " ".join(capsys.readouterr().out.split())
    save_settings(preset_path("Paper mine"), QUICK.values)
    names = [name for name, _ in completion.training_presets() if name.startswith("Paper")]
    assert names == ["Paper-RCAN", "Paper-SAN", "Paper-EDSR", "Paper-mine"]


def test_an_estimate_is_printed_and_nothing_is_trained(
    small_teacher: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["train", "--estimate", f"--teacher={small_teacher}", f"--student={STUDENT}"]
    words += [f"--train-data={photos}", "--steps=1000", "--batch=2", "--patch=12", "--device=cpu"]
    assert main([*words, f"--teacher-cache={tmp_path / 'cache'}", "--cache-patches=100"]) == 0
    output, error = capsys.readouterr()
    assert error == ""
    device, time, memory, disk, layers = output.splitlines()
    assert device in ("device:  cpu, fp32", "device:  cpu, bf16")
    assert re.fullmatch(r"time:    about .+ \(\d+ s\), without validation", time)
    assert re.fullmatch(r"memory:  about \d+ MB \(\d{8,} bytes\), [\d.]+ [GM]B free", memory)
    assert re.fullmatch(r"disk:    \d+ MB \(\d+ bytes\) for the teacher cache, [\d.]+ GB free", disk)
    assert re.match(
        r"layers:  affinities of the teacher, mean ± deviation: 0: −?[\d.]+ ± [\d.]+, 1: ", layers
    )
    assert [path.name for path in tmp_path.iterdir()] == []


def test_settings_that_do_not_fit_have_no_estimate(
    capsys: pytest.CaptureFixture[str], small_teacher: Path, photos: Path
) -> None:
    words = [f"--teacher={small_teacher}", f"--student={STUDENT}", f"--train-data={photos}", "--scale=2"]
    said = refusal(capsys, "--estimate", *words, "--device=abacus")
    assert "teacher: " in said
    assert "enlarges x4" in said
    assert "device: " in said
    assert "steps: must be at least 1" in refusal(capsys, "--estimate", *words, "--steps=0")


def test_a_whole_training_from_a_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sizes = ("--steps=2", "--batch=1", "--patch=8", "--val-images=1")
    student = ("--student", STUDENT, "--no-init-from-teacher", "--run=r")
    assert main(["train", "--preset", "Quick", *sizes, *student]) == 0
    assert (tmp_path / "r/student.safetensors").is_file()
