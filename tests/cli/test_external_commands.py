"""Every command with networks of other projects, and what it says where spandrel can't be had."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tomlkit
from external_networks import external_file
from same_run import assert_same_run

from fakd_core import load_model
from fakd_core.cli import main
from fakd_core.data.image_files import read_image, write_image
from fakd_core.events import CancelToken, StepEnd, weighted_parts
from fakd_core.inference.upscale import upscale
from fakd_core.models.external.loader import import_spandrel
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.training.trainer import resume_training, train

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


@pytest.fixture(scope="module")
def swinir(tmp_path_factory: pytest.TempPathFactory, spandrel: object) -> Path:
    return external_file(tmp_path_factory.mktemp("swinir"), "SwinIR")


@pytest.fixture
def arguments(photos: Path, swinir: Path, tmp_path: Path) -> list[str]:
    # 18 LR pixels are no multiple of SwinIR's window of 8: it pads inside.
    sizes = ["--steps=4", "--batch=2", "--patch=18", "--val-images=1", "--lr=1e-3", "--validate-every=4"]
    return [
        *("train", f"--teacher={swinir}", f"--student={STUDENT}", f"--train-data={photos}"),
        *(f"--run={tmp_path / 'run'}", *sizes),
    ]


def test_it_teaches_what_it_is_asked_for(
    arguments: list[str], swinir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert (
        f"{swinir}: SwinIR, read by spandrel; taps 0: conv_first, 1: layers.0, 2: layers.2, "
        "3: conv_after_body + conv_first (after the long skip)" in output
    )
    losses = [line for line in read_metrics(tmp_path / "run") if line["event"] == "step"]
    assert [set(weighted_parts(line["losses"])) for line in losses] == [{"DS", "TS", "SA"}] * 4
    assert all(line["losses"]["SA"] > 0 for line in losses)
    assert load_model(tmp_path / "run").spec.architecture == "rcan"

    # With other taps the affinities are others; the settings keep them.
    chosen = f"{swinir}@conv_first,layers.0.residual_group.blocks.1,layers.2,norm"
    arguments = [*arguments, f"--teacher={chosen}", f"--run={tmp_path / 'other'}"]
    for option in (f"--teacher={swinir}", f"--run={tmp_path / 'run'}"):
        arguments.remove(option)
    assert main(arguments) == 0
    assert tomlkit.parse((tmp_path / "other" / "config.toml").read_text())["teacher"] == [chosen]
    others = [line for line in read_metrics(tmp_path / "other") if line["event"] == "step"]
    assert others[0]["losses"]["TS"] == losses[0]["losses"]["TS"]
    assert others[0]["losses"]["SA"] != losses[0]["losses"]["SA"]


@pytest.mark.parametrize("cached", [False, True])
def test_a_run_goes_on_exactly(photos: Path, swinir: Path, tmp_path: Path, cached: bool) -> None:
    cache = {"teacher_cache": tmp_path / "cache", "cache_patches": 6} if cached else {}
    settings = {
        **{"teacher": (f"{swinir}@conv_first,layers.1,layers.2,norm",), "student": STUDENT},
        **{"train_data": photos, "steps": 4, "batch": 2, "patch": 18, "val_images": 1, "validate_every": 2},
        **cache,
    }
    for _ in train(TrainConfig.build(**settings, run=tmp_path / "whole")):
        pass
    token = CancelToken()
    for event in train(TrainConfig.build(**settings, run=tmp_path / "parts"), token):
        if isinstance(event, StepEnd) and event.step == 2:
            token.cancel()
    for _ in resume_training(tmp_path / "parts"):
        pass
    assert_same_run(tmp_path / "parts", tmp_path / "whole")


def test_an_odd_picture_is_enlarged_in_tiles(swinir: Path, photos: Path, tmp_path: Path) -> None:
    image = np.concatenate([read_image(photos / f"coffee{number}.png") for number in (0, 1)])[:203, :97]
    write_image(tmp_path / "odd.png", image)
    arguments = [str(tmp_path / "odd.png"), "--model", str(swinir), "--out", str(tmp_path / "out")]
    assert main(["upscale", *arguments, "--tile", "128"]) == 0
    tiled = read_image(tmp_path / "out" / "odd_x4.png")
    assert tiled.shape == (812, 388, 3)
    whole = upscale(load_model(swinir), image)
    # Windows start anew in each tile, so that tiles are not the whole to the last bit.
    assert np.abs(tiled.astype(int) - whole).mean() < 1


def test_it_is_measured_described_and_drawn(
    swinir: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    span = external_file(tmp_path, "SPAN")
    assert main(["evaluate", "--model", str(swinir), "--data", str(photos), "--scale", "4", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["results"][0]
    assert (result["scale"], result["images"]) == (4, 6)
    assert result["psnr_y"] > 5

    assert main(["info", str(span), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows["taps"] == [
        "0: conv_1",
        "1: block_2",
        "2: block_4",
        "3: conv_cat (no long skip was found after it)",
    ]
    assert rows["value range"].startswith("0..1, converted from and to 0..255")
    assert (rows["architecture"], rows["key format"]) == ("SPAN", "SPAN's (spandrel)")

    named = ["--teacher", str(swinir), "--student", f"{span}@conv_1,block_1,block_2,block_3"]
    out = tmp_path / "figure.png"
    figure = ["affinity", str(photos / "coffee0.png"), *named, "--layer", "2", "--at", "9,11"]
    assert main([*figure, "--out", str(out)]) == 0
    again = tmp_path / "again.png"
    assert main(["figure", "--recipe", str(out.with_suffix(".toml")), "--out", str(again)]) == 0
    assert np.array_equal(read_image(out), read_image(again)), "the recipe keeps the taps"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"--distill": "1*FitNet"}, "at layer 1 the student has 8 channels, the teacher 12: choose a term"),
        ({"--scale": "2"}, "SwinIR.pth enlarges x4, the run is for x2; choose another or set the scale"),
        ({"--init-from-teacher": None}, "student rcan with 8, teacher SwinIR with 12"),
        ({"--student": "{swinir}"}, "it can teach, but not learn here"),
        (
            {"--teacher": "{swinir}@conv_first,layers.0,layers.7,norm"},
            "tap 'layers.7': the network has no such",
        ),
        (
            {"--teacher": "{folder}/RealCUGAN.pth", "--scale": "2"},
            "the recipe 10*SA compares feature maps; the t",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(
    arguments: list[str],
    swinir: Path,
    tmp_path: Path,
    changes: dict[str, str | None],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "RealCUGAN" in str(changes):
        external_file(tmp_path, "RealCUGAN")
    kept = [argument for argument in arguments if argument.partition("=")[0] not in changes]
    given = [
        name if value is None else f"{name}={value.format(swinir=swinir, folder=tmp_path)}"
        for name, value in changes.items()
    ]
    assert main([*kept, *given]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [reason in line for line in lines] == [True]
    assert not (tmp_path / "run").exists()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """`package(name, code)`: what the import of `name` runs from now on; spandrel is imported anew."""
    loaded = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in EXTRA}

    def forget() -> None:
        import_spandrel.cache_clear()
        for name in [name for name in sys.modules if name.partition(".")[0] in EXTRA]:
            del sys.modules[name]

    def replace(name: str, code: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        forget()

    yield replace
    forget()
    sys.modules.update(loaded)


EXTRA = ("spandrel", "torchvision")


def test_without_spandrel_a_line_says_what_to_install(
    package: Callable[[str, str], None],
    swinir: Path,
    small_teacher: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package("spandrel", "raise ModuleNotFoundError('No module', name='spandrel')")
    assert main(["info", str(swinir)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search("no known architecture.*, but spandrel isn't installed.*pip install .*teachers", line)
    assert len(line.replace(str(swinir), "")) < 300
    assert main(["info", str(small_teacher)]) == 0, "our own networks need none of it"


@pytest.mark.parametrize("error", ["RuntimeError('operator nms does not exist')", "ModuleNotFoundError()"])
def test_torchvision_may_be_missing_or_made_for_another_torch(
    error: str, package: Callable[[str, str], None], swinir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package("torchvision", f"raise {error}")
    assert main(["info", str(swinir)]) == 0
    assert "SwinIR" in capsys.readouterr().out
    assert "torchvision" not in sys.modules, "nobody else gets what stands in for it"
