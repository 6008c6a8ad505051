"""`fakd train` takes every option of the schema, and says of each what the schema says."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakd_core.cli import main
from fakd_core.runs.config import TrainConfig
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
