"""`fakd train --from-fakd`: translating command lines of FAKD's own code."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakd_core.cli import main
from fakd_core.cli.from_fakd import _DEFAULTS, translate_command
from fakd_core.errors import ConfigError
from fakd_core.runs.config import TrainConfig, read_config
from fakd_core.training import trainer

# As in the authors' folder of scripts.
SCRIPT = """cd ../;
python train.py \\
 --ckp_dir overall_distilation/rcan/SA_x3/ \\
 --scale 3 \\
 --teacher [RCAN] \\
 --model RCAN \\
 --alpha 0.5 \\
 --feature_loss_used 1 \\
 --feature_distilation_type 10*SA \\
 --features [2,3] \\
 --gpu_id 1 \\
 --epochs 200 \\
 --save_results \\
 --chop \\
 --patch_size 144
"""

TEACHERS_X2 = ("../teacher_checkpoint/RCAN_BIX2.pt", "../teacher_checkpoint/SAN_BIX2.pt")

PAPER = {
    "teacher": ("../teacher_checkpoint/RCAN_BIX3.pt",),
    "student": "rcan-paper-student",
    "scale": 3,
    "alpha": 0.5,
    "distill": "10*SA",
    "layers": (2, 3),
    "patch": 48,
    "batch": 16,
    "steps": 200_000,
    "validate_every": 1000,
    "lr": 1e-4,
    "milestones": (150_000,),
    "precision": "fp32",
    "run": "overall_distilation/rcan/SA_x3",
    "device": "cuda:1",
}


def test_the_authors_script_is_the_papers_setting() -> None:
    read = translate_command(SCRIPT, overridden=("train_data",))
    assert read.values == PAPER
    assert "--patch_size 144, --scale 3: patch = 48 (low-resolution pixels)" in read.notes
    assert "--batch_size 16 (FAKD's default): batch = 16" in read.notes
    assert any(note.startswith("--chop: ignored; ") for note in read.notes)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--teacher [RCAN,SAN] --scale=2", ("teacher", TEACHERS_X2)),
        ("--model EDSR", ("student", "edsr-paper-student")),
        ("--feature_loss_used 0", ("distill", "none")),
        ("--feature_distil 0.5*fitnet+2*AT", ("distill", "0.5*FitNet+2*AT")),
        (
            "--feature_distilation_type 1*PSA --pool_size 4 --pool_type avg",
            ("distill", "1*PSA(k=4,pool=avg)"),
        ),
        (
            "--feature_distilation_type 3*RBF --P 3 --rbf_gamma 2.5",
            ("distill", "3*RBF(k=2,pool=max,P=3,gamma=2.5)"),
        ),
        ("--features [-1]", ("layers", (3,))),
        ("--features '[1, 3]'", ("layers", (1, 3))),
        ("--epochs 3 --test_every 50 --decay 1-2", ("milestones", (50, 100))),
        ("--epochs 3 --test_every 50", ("steps", 150)),
        ("--dir_data '/data/my sets'", ("train_data", "/data/my sets/DIV2K")),
        ("--dir_data d --data_train DIV2K+Flickr2K", ("train_data", ("d/DIV2K", "d/Flickr2K"))),
        ("--cpu", ("device", "cpu")),
        ("--precision half", ("precision", "fp16")),
    ],
)
def test_an_option_translates(options: str, expected: tuple[str, object]) -> None:
    command = f"CUDA_VISIBLE_DEVICES=1 nohup python3 main.py --ckp_dir r {options} > train.log 2>&1 &"
    read = translate_command(command, overridden=() if "dir_data" in options else ("train_data",))
    name, value = expected
    assert read.values[name] == value
    assert "CUDA_VISIBLE_DEVICES=1 nohup > train.log 2>&1 &: ignored; it is for the shell" in read.notes
    TrainConfig.build(**{"train_data": "samples", **read.values})


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ('python train.py --alpha "0.5', "can't be parsed: missing quotation mark"),
        ("make demo", "expected a command such as 'python train.py --scale 4', found 'make demo'"),
        ("", "expected a command such as"),
        ("train.py --alpha much", "--alpha: must be a number (found 'much')"),
        ("train.py --epochs 2.5", "--epochs: must be a whole number (found '2.5')"),
        ("train.py --scale", "--scale: expected one argument"),
        ("train.py --scale 2+4", "--scale: must be one scale, such as 4 (found '2+4')"),
        ("train.py --scale 5", "scale: must be one of 2, 3, 4, 8 (found 5)"),
        ("train.py --scale 0", "scale: must be one of 2, 3, 4, 8 (found 0)"),
        (
            "train.py --teacher [VDSR]",
            "--teacher: must name some of RCAN, SAN, EDSR, as [RCAN] (found '[VDSR]')",
        ),
        ("train.py --model RDN", "--model: must be one of RCAN, SAN, EDSR (found 'RDN')"),
        ("train.py --features __import__('os')", "--features: must be a list of taps, such as [1,2,3]"),
        ("train.py --feature_distilation_type 10*XA", "unknown term 'XA'"),
        ("train.py --decay step", "--decay: must be epochs, such as 150-300 (found 'step')"),
        ("train.py --scale 4", "it has no training images (--dir_data); give them by --train-data DIR"),
        ("train.py --dir_data d", "it has no folder for the run (--ckp_dir); give one by --run DIR"),
        ("train.py --test_only", "use fakd evaluate --model M --data DIR"),
        ("python test.py --dir_data d", "expected train.py or main.py, which train; found 'test.py'"),
        ("python train.py --chop; python train.py --scale 2", "it contains several commands"),
        ("python train.py --chop && python train.py --scale 2", "it contains several commands"),
        ("train.py \u2013-scale 2", "starts with a long dash, as in a printed text; type --"),
        ("train.py --features [1 ,2] --dir_data d", "',2]' belongs to no option"),
        ("train.py --features [1,2 --dir_data d --ckp_dir c", "--features: must be a list of taps"),
        ("train.py --dir_data d --ckp_dir $HOME/x", "$HOME/x: a shell variable; give its value instead"),
    ],
)
def test_what_can_not_be_translated_is_one_line(
    command: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--from-fakd", command]) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert message.startswith("error: ")
    assert reason in message
    assert "Traceback" not in message
    with pytest.raises(ConfigError):
        translate_command(command)


def test_the_settings_are_printed_and_other_options_override_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = f"python train.py --ckp_dir {tmp_path}/r --alpha 0.7 --shift 3 --chop"
    arguments = ["train", "--from-fakd", command, "--print-config", "--train-data", "samples"]
    assert main([*arguments, "--alpha", "0.2", "--teacher", "t.pt", "--steps", "7"]) == 0
    printed = capsys.readouterr()
    config = TrainConfig.build(**tomllib.loads(printed.out))
    assert (config.alpha, config.teacher, config.steps) == (0.2, ("t.pt",), 7)
    assert config.milestones == (150_000, 300_000, 450_000, 600_000)
    assert "--alpha 0.7: ignored, --alpha is given\n" in printed.err
    assert "--shift 3: ignored; unknown to FAKD's code\n" in printed.err
    assert not (tmp_path / "r").exists()


def test_a_scale_given_as_an_option_overrides() -> None:
    read = translate_command("train.py --scale 2 --patch_size 96 --ckp_dir r", ("train_data", "scale"), 4)
    assert read.values["patch"] == 24
    assert read.values["teacher"] == ("../teacher_checkpoint/RCAN_BIX4.pt",)
    assert "--patch_size 96: patch = 24 (low-resolution pixels at scale 4)" in read.notes


def test_it_trains(photos: Path, small_teacher: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = (
        f"python train.py --ckp_dir {run} --epochs 2 --test_every 1 --batch_size 2 --patch_size 48 --cpu"
    )
    student = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"
    here = ["--train-data", str(photos), "--teacher", str(small_teacher), "--student", student]
    assert main(["train", "--from-fakd", command, *here, "--val-images", "1"]) == 0
    assert (read_config(run).steps, read_config(run).patch) == (2, 12)
    assert (run / "student.safetensors").exists()


def test_it_excludes_config_and_resume(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trainer, "train", lambda *_: pytest.fail("trained"))
    monkeypatch.setattr(trainer, "resume_training", lambda *_: pytest.fail("resumed"))
    assert main(["train", "--from-fakd", "train.py", "--config", "a.toml"]) == 2
    assert main(["train", "--from-fakd", "train.py", "--print-config", "--resume", "r"]) == 2
    message = capsys.readouterr().err
    assert "choose one of them" in message
    assert "(found --from-fakd, --print-config)" in " ".join(message.split())


_WORDS = st.one_of(
    st.sampled_from([f"--{name}" for name in (*_DEFAULTS, "dir_data", "ckp_dir", "gpu_id", "cpu", "chop")]),
    st.sampled_from(
        ["[1,2]", "-1", "0", "1e999", "nan", "9" * 30, "10*SA", "''", ">", "--", "=", "\\\n", "\0"]
    ),
    st.text(max_size=6),
)


@given(st.lists(_WORDS, max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_text_is_translated_or_refused(words: list[str]) -> None:
    command = f"train.py --ckp_dir r --dir_data d {' '.join(words)}"
    with suppress(ConfigError):
        TrainConfig.build(**translate_command(command).values)
