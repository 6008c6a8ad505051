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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from fakd_core import create_model
from fakd_core.cli import main
from fakd_core.data.image_files import read_image, write_image
from fakd_core.models.checkpoint import save_safetensors


@dataclass(frozen=True)
class Case:
    """`arguments` of a command; `errors` has a pattern for each line on stderr, `creates` the new files."""

    arguments: str
    status: int
    errors: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.arguments


BICUBIC = "evaluate --model bicubic --data"
CASES = (
    # Sets with images that can't be used.
    Case(f"{BICUBIC} one-broken", 1, (r"one-broken/b\.png: damaged.*; get or save a fresh copy",)),
    Case(f"{BICUBIC} one-broken --model net.safetensors", 1, (r"one-broken/b\.png: damaged",)),
    Case(
        f"{BICUBIC} one-broken --save out",
        1,
        (r"b\.png: damaged",),
        ("out/bicubic/one-broken/a.png", "out/bicubic/one-broken/c.png"),
    ),
    Case(f"{BICUBIC} all-broken", 1, (r"all-broken/a\.png: .*found an empty file.*nor can any other",)),
    Case(
        f"{BICUBIC} all-broken --data plain",
        1,
        (r"all-broken/a\.png: .*empty file",),
    ),
    Case(f"{BICUBIC} all-broken --data empty", 1, (r"empty: no images found; expected",)),
    Case(
        f"{BICUBIC} small",
        1,
        (r"small/a\.png: an image of 16x16 .* at least 11x11 must be left, use a larger",),
    ),
    Case(f"{BICUBIC} just-enough", 0),
    Case(
        f"{BICUBIC} smaller-than-scale",
        1,
        (r"smaller-than-scale/a\.png: 3x9 is too small for scale 4; remove it",),
    ),
    Case(f"{BICUBIC} wrong-lr", 1, (r"LR_bicubic/X4/bx4\.png: expected 10x12, .* found 12x12; replace it",)),
    Case(f"{BICUBIC} hr-without-lr", 1, (r"X4: 1 of 2 LR images are missing \(bx4\.\.\.\); add them",)),
    Case(f"{BICUBIC} lr-without-hr", 1, (r"lr-without-hr: no images found .*; expected",)),
    Case(f"{BICUBIC} made-lr/HR", 0),
    # Folders that don't exist, or have odd contents.
    Case(f"{BICUBIC} empty", 1, (r"empty: no images found; expected PNG, JPEG",)),
    Case(f"{BICUBIC} nowhere", 1, (r"nowhere: no such folder; check the path",)),
    Case(
        f"{BICUBIC} plain/a.png", 1, (r"a\.png: expected a folder of images, found a file; name the folder",)
    ),
    Case(f"{BICUBIC} ~nobody-of-this-name", 1, (r"~nobody-of-this-name: no such folder",)),
    Case(f"{BICUBIC} folder-as-image", 0),
    Case(f"{BICUBIC} link-to-itself", 1, (r"link-to-itself: .*; ",)),
    Case(f"{BICUBIC} set-in-a-circle", 0),
    Case(f"{BICUBIC} 'a [b] ü 日本'", 0),
    Case(f"{BICUBIC} 'a [b] ü 日本' --save out", 0, (), ("out/bicubic/a [b] ü 日本/é [x].png",)),
    Case(
        f"{BICUBIC} same-stem --save out",
        0,
        (),
        ("out/bicubic/same-stem/a.bmp.png", "out/bicubic/same-stem/a.png.png"),
    ),
    # Models.
    Case(
        "evaluate --model nan.safetensors --data plain", 1, (r"nan\.safetensors: damaged or diverged: .*NaN",)
    ),
    Case(
        "evaluate --model huge.safetensors --data plain --save out",
        1,
        (r"huge\.safetensors: expected an image, found infinite or NaN pixels; .*take another",),
    ),
    Case(
        "evaluate --model huge.safetensors --model bicubic --data plain --save out",
        1,
        (r"huge\.safetensors: expected an image, found infinite",),
        ("out/bicubic/plain/a.png",),
    ),
    Case(
        "evaluate --model net.safetensors --data plain --scale 2",
        2,
        (r"x4 network, but x2 was asked for; choose",),
    ),
    Case("evaluate --model nowhere.safetensors --data plain", 1, (r"nowhere\.safetensors: no such file",)),
    Case("evaluate --model plain --data plain", 1, (r"plain: no student in this folder; a run has",)),
    Case(
        "evaluate --model plain/a.png --data plain", 1, (r"a\.png: not a checkpoint; its name must end in",)
    ),
    Case(f"{BICUBIC} plain --scale 5", 2, (r"scale: must be one of 2, 3, 4, 8 \(found 5\)",)),
    Case(f"{BICUBIC} plain --tile 3", 2, (r"tile must be at least 96 .*; choose a larger tile",)),
    Case(f"{BICUBIC} plain --device abacus", 2, (r"abacus.*; use",)),
    # Paths for the results.
    Case(f"{BICUBIC} plain --save text", 2, (r"text: a file; --save names the folder",)),
    Case(f"{BICUBIC} plain --save text/inside", 1, (r"text: Not a directory",)),
    Case(f"{BICUBIC} plain --csv plain", 1, (r"plain: a folder; name a file",)),
    Case(f"{BICUBIC} plain --csv text/x.csv", 1, (r"text: Not a directory",)),
    Case(f"{BICUBIC} plain --csv new/x.csv", 0, (), ("new/x.csv",)),
    Case(
        f"{BICUBIC} bicubic/plain --save .",
        2,
        (r"bicubic/plain/a\.png: an image of the set, .*; save elsewhere",),
    ),
    Case(
        f"{BICUBIC} plain --data again/plain --save out",
        2,
        (r"two sets are named plain; evaluate them separately",),
    ),
    # Enlarging.
    Case("upscale plain --model bicubic --out out", 0, (), ("out/a_x4.png",)),
    Case("upscale plain/a.png plain ./plain/a.png --model bicubic --out out", 0, (), ("out/a_x4.png",)),
    Case("upscale plain --model bicubic --scale 2 --out new/out", 0, (), ("new/out/a_x2.png",)),
    Case("upscale plain --model bicubic --scale 7 --out out", 2, (r"must be one of 2, 3, 4, 8 \(found 7\)",)),
    Case(
        "upscale plain --model net.safetensors --scale 2 --out out", 2, (r"x4 network, .*leave --scale out",)
    ),
    Case("upscale plain --model net.safetensors --scale 4 --out out", 0, (), ("out/a_x4.png",)),
    Case("upscale plain --model bicubic --tile 3 --out out", 2, (r"tile must be at least 96",)),
    Case("upscale plain --model nan.safetensors --out out", 1, (r"nan\.safetensors: damaged or diverged",)),
    Case(
        "upscale plain --model huge.safetensors --out out",
        1,
        (r"huge\.safetensors: .*found infinite or NaN",),
    ),
    Case(
        "upscale one-broken nowhere.png --model bicubic --out out",
        1,
        (r"b\.png: damaged", r"nowhere\.png: no such file; check", r"2 of 4 images were not enlarged"),
        ("out/a_x4.png", "out/c_x4.png"),
    ),
    Case("upscale all-broken/a.png --model bicubic --out out", 1, (r"a\.png: .*empty file; save it again",)),
    Case("upscale smaller-than-scale --model bicubic --out out", 0, (), ("out/a_x4.png",)),
    Case(
        "upscale same-stem --model bicubic --out out",
        2,
        (r"would both be written to out/a_x4\.png; upscale them separately",),
    ),
    Case(
        "upscale plain new/plain --model bicubic --out out",
        1,
        (r"new/plain: no such file", r"1 of 2 images were not enlarged"),
        ("out/a_x4.png",),
    ),
    Case(
        "upscale plain again/plain --model bicubic --out out", 2, (r"would both be written to out/a_x4\.png",)
    ),
    Case("upscale empty --model bicubic --out out", 1, (r"empty: no images in this folder; name",)),
    Case("upscale link-to-itself --model bicubic --out out", 1, (r"link-to-itself: .*; ",)),
    Case(
        "upscale ~nobody-of-this-name/a.png --model bicubic --out out", 1, (r"no such file; check the path",)
    ),
    Case("upscale 'a [b] ü 日本' --model bicubic --out 'ö [i]'", 0, (), ("ö [i]/é [x]_x4.png",)),
    Case("upscale plain --model bicubic --out text", 2, (r"text: a file; --out names the folder",)),
    Case("upscale plain --model bicubic --out text/inside", 1, (r"text: Not a directory",)),
    Case(
        "upscale enlarged --model bicubic --out enlarged",
        2,
        (r"enlarged/a_x4\.png: an input, .*choose another",),
    ),
    Case(
        "upscale enlarged --model bicubic --out linked",
        2,
        (r"enlarged/a_x4\.png: an input, .*choose another",),
    ),
    Case("upscale plain --model nowhere --out out", 2, (r"no model 'nowhere'\. Bundled: .*Or name",)),
)


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
