"""Our Table 3: its trainings, a failed training, its rows."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.table3 import __main__ as table3
from benchmarks.table3.experiments import read_experiment
from benchmarks.table3.report import SETS, markdown
from fakd_core.assets import assets_dir

TINY = """
scale = 4
seeds = [1]
[common]
batch = 1
patch = 8
steps = 2
val_images = 1
[teacher]
student = "rcan:n_resgroups=2,n_resblocks=1,n_feats=16"
seed = 1
[student]
student = "rcan:n_resgroups=2,n_resblocks=1,n_feats=16"
[students.DS]
[students.FAKD]
teacher = "TEACHER"
distill = "10*SA"
"""


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one small experiment, training images and benchmark sets."""
    (tmp_path / "rcan-x4.toml").write_text(TINY, encoding="utf-8")
    monkeypatch.setattr(table3, "HERE", tmp_path)
    photograph = Image.open(assets_dir() / "samples/chelsea.png")
    for name in ("images", *(f"sets/{name}" for name in SETS)):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for index in range(3):
            photograph.crop((index * 64, 0, index * 64 + 64, 64)).save(folder / f"{index}.png")
    return tmp_path


def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--data", folder / "images", "--benchmarks", folder / "sets", "--out", folder / "runs"]
    monkeypatch.setattr(sys, "argv", ["table3", *map(str, words), "--only", "rcan-x4", "--jobs", "2"])
    table3.main()


def results(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return rows


def test_a_failed_training_is_named_and_the_next_call_does_only_the_rest(
    experiment: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (experiment / "rcan-x4.toml").write_text(TINY.replace("10*SA", "10*NONSENSE"), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"rcan-x4-2-seed1; see the logs in .*runs"):
        run(experiment, monkeypatch)
    assert [row["kind"] for row in results(experiment)] == ["teacher", "DS"]
    assert "NONSENSE" in (experiment / "runs/rcan-x4-2-seed1.log").read_text(encoding="utf-8")
    capfd.readouterr()

    (experiment / "rcan-x4.toml").write_text(TINY, encoding="utf-8")
    run(experiment, monkeypatch)
    commands = [line.split() for line in capfd.readouterr().out.splitlines() if line.startswith("fakd")]
    assert [words[1] for words in commands] == ["train", "evaluate"]
    assert "10*SA" in commands[0]
    rows = results(experiment)
    assert [row["kind"] for row in rows] == ["teacher", "DS", "FAKD"]
    assert all(set(row["scores"]) == set(SETS) and row["validation"] for row in rows)
    assert "| FAKD |" in (experiment / "results.md").read_text(encoding="utf-8")


def test_a_missing_set_is_reported_before_anything_is_trained(
    experiment: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(experiment / "sets/B100")
    with pytest.raises(SystemExit):
        run(experiment, monkeypatch)
    assert "B100" in capsys.readouterr().err
    assert not (experiment / "runs").exists()


def test_students_of_a_family_differ_only_in_what_they_learn_from() -> None:
    for family in ("rcan-x4", "san-x4", "rcan-x2"):
        students = {
            training.kind: training.options
            for training in read_experiment(table3.HERE / f"{family}.toml")
            if training.seed == 1
        }
        for kind in ("DS + TS", "FAKD"):
            differ = students[kind].items() - students["DS"].items()
            assert {name for name, _ in differ} <= {"teacher", "alpha", "distill"}
            assert students["DS"].keys() <= students[kind].keys()


def test_rows_have_means_spreads_and_gains_over_the_same_seeds() -> None:
    def row(kind: str, seed: int, psnr: float) -> dict[str, Any]:
        scores = {name: {"psnr": psnr, "ssim": 0.8} for name in SETS}
        return {"family": "rcan-x4", "kind": kind, "seed": seed, "scores": scores}

    lines = markdown([row("DS", 1, 30.0), row("DS", 2, 32.0), row("FAKD", 2, 32.5)]).splitlines()
    assert lines[-2].startswith("| DS, 2 seeds | 31.000 ± 1.414 / .8000 |")
    assert lines[-1].startswith("| FAKD | 32.500 / .8000 |")
    assert lines[-1].endswith("| +0.500 dB |")
