"""`fakd train` takes every option of the schema, and says of each what the schema says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fakd_core import load_model
from fakd_core.cli import main
from fakd_core.runs.config import TrainConfig, read_config
from fakd_core.runs.option_help import training_options
from fakd_core.training import trainer


def test_help_says_of_every_option_what_the_schema_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, option in training_options().items():
        assert f"--{name.replace('_', '-')} " in text
        # Long words are broken at the end of a line.
        assert "".join(option.description.split()) in "".join(text.split())
    assert "Default: a tenth of the run." in text
    assert "One of 2, 3, 4, 8. [default: 4]" in text


def test_every_option_reaches_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[TrainConfig] = []
    monkeypatch.setattr(trainer, "train", lambda config, *_: iter(given.append(config) or ()))
    file = tmp_path / "settings.toml"
    file.write_text("teacher = ['a', 'b']\nseed = 5\nsteps = 9\n")
    words = "--student rcan --train-data samples --run r --layers 0,3 --milestones 5,9"
    words += " --baseline --no-compile"
    numbers = (
        "--scale 2 --steps 10 --lr 2e-4 --ema 0.9 --schedule cosine --teacher-cache c --cache-patches 40"
    )
    assert main(["train", f"--config={file}", *words.split(), *numbers.split()]) == 0
    assert given == [
        TrainConfig.build(
            teacher=("a", "b"),
            seed=5,
            student="rcan",
            train_data="samples",
            run="r",
            layers=(0, 3),
            milestones=(5, 9),
            baseline=True,
            scale=2,
            steps=10,
            lr=2e-4,
            ema=0.9,
            schedule="cosine",
            teacher_cache="c",
            cache_patches=40,
        )
    ]
    assert main(["train", f"--config={file}", *words.split(), "--teacher=c", "--teacher=d"]) == 0
    assert given[-1].teacher == ("c", "d")
    assert main(["train", f"--config={file}", *words.split(), "--train-data=t", "--val-data=v"]) == 0
    assert (given[-1].train_data, given[-1].val_data) == ((Path("samples"), Path("t")), (Path("v"),))


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("train --steps 5 --student rcan --steps 6", "--steps"),
        ("train --baseline --no-baseline", "--baseline"),
        ("train --resume a --resume b", "--resume"),
        ("evaluate --model bicubic --data a --data b --scale 4 --scale=2", "--scale"),
        ("upscale a b --model bicubic --out c --out d", "--out"),
        ("info rcan --size 3x3 --size 4x4", "--size"),
        ("export m --to a.pth --to b.pth", "--to"),
        ("affinity a --teacher t --student s --layer 1 --layer 2 --at 1,1 --out o.png", "--layer"),
        ("figure a --model bicubic --roi 0,0,9,9 --out o.png --out p.png", "--out"),
        ("gui --run a --run b", "--run"),
    ],
)
def test_an_option_with_one_value_is_given_once(
    words: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    assert capsys.readouterr().err == f"error: {option} is given 2 times; give it once\n"


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    run = tmp_path / "first"
    options = "--student edsr:n_feats=4,n_resblocks=2 --train-data samples --steps 4 --batch 2 --patch 8"
    options += " --val-images 1 --schedule cosine --lr 1e-3"
    assert main(["train", *options.split(), f"--run={run}"]) == 0
    return run


def test_a_longer_cosine_schedule_is_reported_and_a_new_one_starts_from_the_weights(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", f"--continue={finished}", "--steps=2", "--lr=1e-12"]) == 0
    said = capsys.readouterr().out
    second = finished.with_name("first-2")
    assert f"run {second}" in said
    config = read_config(second)
    assert (config.steps, config.lr, config.schedule, config.batch) == (2, 1e-12, "cosine", 2)
    weights = load_model(second / "student.safetensors").state_dict()
    for name, tensor in load_model(finished).state_dict().items():
        torch.testing.assert_close(weights[name], tensor)
    settings = finished / "config.toml"
    settings.write_text(settings.read_text().replace("steps = 4\n", "steps = 8\n"))
    assert main(["train", f"--resume={finished}"]) == 0
    said = capsys.readouterr().out
    assert (
        "steps was changed from 4 to 8: the learning rate goes on at 0.000611, and was 0.00025 at step 4"
        in said
    )
    assert "--continue" in said
    assert main(["train", f"--resume={finished}"]) == 0
    assert "steps was changed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--continue=nowhere", "give its number of steps with --steps N"),
        ("--continue=nowhere --steps=3", "nowhere: not a run folder"),
        ("--continue=a --steps=3 --student=rcan", "drop --student"),
        ("--continue=a --steps=3 --preset=quick --config=x", "drop --preset, --config"),
        ("--continue=a --resume=b", "(found --continue)"),
    ],
)
def test_what_can_not_be_continued(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *words.split()]) in (1, 2)
    assert message in capsys.readouterr().err


def test_a_resume_takes_the_folders_of_moved_images(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {}
    monkeypatch.setattr(
        trainer, "resume_training", lambda run, *_, **moved: iter(given.update(moved, run=run) or ())
    )
    assert main(["train", "--resume=r", "--train-data=a", "--train-data=b", "--val-data=c"]) == 0
    assert given == {"run": Path("r"), "train_data": (Path("a"), Path("b")), "val_data": (Path("c"),)}
    assert main(["train", "--resume=r", "--train-data=a", "--steps=4"]) == 2
    assert "(found --steps)" in capsys.readouterr().err
