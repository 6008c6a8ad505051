"""Common mistakes with `fakd evaluate` and `fakd upscale` give the right result, or one clear line.

Each case runs in its own folder with the files that `_create_files` writes. Checked are the exit status, one
line on stderr for each problem, and that no other files were created.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluate_upscale_cases import CASES, Case

from fakd_core import create_model
from fakd_core.cli import main
from fakd_core.data.image_files import read_image, write_image
from fakd_core.models.checkpoint import save_safetensors


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An intact network, one with a NaN, and one whose values overflow."""
    folder = tmp_path_factory.mktemp("models")
    for name, change in (("net", None), ("nan", float("nan")), ("huge", 3e38)):
        torch.manual_seed(0)
        network = create_model("edsr", scale=4, n_feats=4, n_resblocks=1)
        if change is not None:
            with torch.no_grad():
                next(network.parameters()).flatten()[:9] = change
        save_safetensors(network, folder / f"{name}.safetensors")
    return folder


def _create_files(folder: Path, models: Path) -> None:
    photo = np.add.outer(np.arange(48) * 3, np.arange(40) * 2)[:, :, None] + np.array([0, 5, 9])

    def save(*names: str, height: int = 48, width: int = 40) -> None:
        for name in names:
            write_image(folder / name, photo[:height, :width].astype(np.uint8))

    save(
        "plain/a.png",
        "again/plain/a.png",
        "bicubic/plain/a.png",
        "set-in-a-circle/a.png",
        "a [b] ü 日本/é [x].png",
    )
    save(
        "one-broken/a.png", "one-broken/b.png", "one-broken/c.png", "folder-as-image/a.png", "same-stem/a.png"
    )
    save("enlarged/a.png", "enlarged/a_x4.png", "made-lr/HR/a.png", "lr-without-hr/LR_bicubic/X4/ax4.png")
    for layout in ("wrong-lr", "hr-without-lr"):
        save(f"{layout}/HR/a.png", f"{layout}/HR/b.png")
        save(f"{layout}/LR_bicubic/X4/ax4.png", height=12, width=10)
    save("wrong-lr/LR_bicubic/X4/bx4.png", height=12, width=12)
    save("small/a.png", height=18, width=18)
    save("just-enough/a.png", height=20, width=20)
    save("smaller-than-scale/a.png", height=9, width=3)
    broken = folder / "one-broken" / "b.png"
    broken.write_bytes(broken.read_bytes()[:-30])
    for name in ("all-broken/a.png", "all-broken/b.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "empty").mkdir()
    (folder / "folder-as-image" / "b.png").mkdir()
    from PIL import Image

    Image.open(folder / "same-stem" / "a.png").save(folder / "same-stem" / "a.bmp")
    (folder / "text").write_text("mine")
    (folder / "link-to-itself").symlink_to("link-to-itself")
    (folder / "set-in-a-circle" / "again").symlink_to(".")
    (folder / "linked").symlink_to("enlarged")
    for model in models.iterdir():
        (folder / model.name).symlink_to(model)


def _contents(folder: Path) -> dict[str, bytes]:
    """The contents of every file below `folder`; links are not followed."""
    found = (Path(top) / name for top, _, names in os.walk(folder) for name in names)
    return {str(path.relative_to(folder)): b"" if path.is_symlink() else path.read_bytes() for path in found}


@pytest.mark.skipif(os.name == "nt", reason="symlinks")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_mistake_is_one_clear_line(
    case: Case,
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import shlex

    _create_files(tmp_path, models)
    monkeypatch.chdir(tmp_path)
    before = _contents(tmp_path)
    status = main(shlex.split(case.arguments))
    output, error = capsys.readouterr()
    assert status == case.status, error
    lines = error.splitlines()
    assert len(lines) == len(case.errors), error
    for line, pattern in zip(lines, case.errors, strict=True):
        assert line.startswith("error: ")
        assert re.search(pattern, line), line
        assert "unexpected" not in line
    after = _contents(tmp_path)
    assert sorted(after.keys() - before.keys()) == sorted(case.creates)
    assert {name: after[name] for name in before} == before
    for name in case.creates:
        if name.endswith(".png"):
            read_image(tmp_path / name)
    assert "Traceback" not in output


def _evaluate(*arguments: str) -> int:
    return main(["evaluate", "--model", "bicubic", *arguments])


def test_every_output_names_the_images_left_out(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _create_files(tmp_path, models)
    monkeypatch.chdir(tmp_path)
    assert _evaluate("--data", "one-broken", "--json", "--csv", "x.csv") == 1
    document = json.loads(capsys.readouterr().out)
    (result,) = document["results"]
    (lost,) = result["left_out"]
    assert lost["file"] == str(tmp_path / "one-broken" / "b.png")
    assert lost["reason"].startswith("damaged")
    assert (result["images"], len(result["per_image"])) == (2, 2)
    *_, gone, mean = csv.DictReader((tmp_path / "x.csv").read_text(encoding="utf-8").splitlines())
    assert (gone["image"], gone["psnr_y"], gone["left_out"]) == (lost["file"], "", lost["reason"])
    assert (mean["images"], mean["images_in_set"]) == ("2", "3")
    assert _evaluate("--data", "one-broken") == 1
    assert "2 of 3" in capsys.readouterr().out
    # Without the broken image the scores are the same, and nothing is reported.
    (tmp_path / "one-broken" / "b.png").unlink()
    assert _evaluate("--data", "one-broken", "--json") == 0
    whole = json.loads(capsys.readouterr().out)["results"][0]
    assert (whole["psnr_y"], whole["ssim_y"]) == (result["psnr_y"], result["ssim_y"])
    assert "left_out" not in whole


def test_a_failed_model_is_listed_beside_the_others(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _create_files(tmp_path, models)
    monkeypatch.chdir(tmp_path)
    assert _evaluate("--model", "huge.safetensors", "--data", "plain", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert [result["model"] for result in document["results"]] == ["bicubic"]
    (failure,) = document["failures"]
    assert (failure["model"], failure["dataset"], failure["scale"]) == ("huge.safetensors", "plain", 4)
    assert "NaN pixels" in failure["reason"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["evaluate", "--model", "bicubic", "--data", "plain", "--save", "locked"],
            "locked: Permission denied",
        ),
        (
            ["evaluate", "--model", "bicubic", "--data", "plain", "--csv", "locked/x.csv"],
            "locked: Permission denied",
        ),
        (["upscale", "plain", "--model", "bicubic", "--out", "locked"], "locked: Permission denied"),
        (["evaluate", "--model", "bicubic", "--data", "unreadable"], "unreadable/a.png: "),
        (["upscale", "unreadable/a.png", "--model", "bicubic", "--out", "out"], "unreadable/a.png: "),
    ],
)
def test_missing_permissions_are_reported(
    arguments: list[str],
    expected: str,
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _create_files(tmp_path, models)
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "unreadable" / "a.png", np.zeros((40, 40, 3), dtype=np.uint8))
    (tmp_path / "unreadable" / "a.png").chmod(0)
    (tmp_path / "locked").mkdir(mode=0o500)
    if os.access(tmp_path / "locked", os.W_OK):
        pytest.skip("this user has permissions everywhere")
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line
    assert not list((tmp_path / "locked").iterdir())
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
@pytest.mark.parametrize("place", ["--save", "--csv", "--out"])
def test_an_unwritable_folder_is_reported(
    place: str,
    tmp_path: Path,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _create_files(tmp_path, models)
    monkeypatch.chdir(tmp_path)
    command: Callable[[str], list[str]] = lambda where: (  # noqa: E731 - two shapes of one command
        ["upscale", "plain", "--model", "bicubic", "--out", where]
        if place == "--out"
        else ["evaluate", "--model", "bicubic", "--data", "plain", place, where]
    )
    assert main(command("/proc/fakd-results/x")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "/proc/fakd-results" in line
