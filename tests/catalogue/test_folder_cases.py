"""Cases of data folders: what an evaluation and a training do with each."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from refusals import given_once, refused, tree

from fakd_core.cli import main
from fakd_core.data.image_files import write_image


def picture(path: Path, height: int = 64, width: int = 64) -> None:
    seed = np.random.default_rng(len(path.name))
    write_image(path, seed.integers(40, 206, (height, width, 3), dtype=np.uint8))


def pictures(folder: Path, count: int = 3, pattern: str = "{}.png", side: int = 64) -> Path:
    for number in range(count):
        picture(folder / pattern.format(number), side, side)
    return folder


def broken(folder: Path) -> None:
    for number, content in enumerate((b"", b"\x89PNG\r\n\x1a\n", b"text", bytes(1000))):
        (folder / f"{number}.png").write_bytes(content)


def pairs(folder: Path, hr: int = 3, lr: int = 3, scale: int = 4, side: int = 16) -> None:
    pictures(folder / "HR", hr)
    pictures(folder / f"LR_bicubic/X{scale}", lr, f"{{}}x{scale}.png", side)


def linked(folder: Path) -> None:
    pictures(folder)
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "self").symlink_to(".")
    (folder / "up").symlink_to("..")


def crowded(folder: Path) -> None:
    pictures(folder)
    for number in range(10_000):
        (folder / f"{number}.txt").touch()


def beside(folder: Path, make: Callable[[Path], object]) -> None:
    pictures(folder)
    make(folder)


@dataclass(frozen=True)
class Folder:
    """`images` that an evaluation scores, or 0 and the words of its error.

    `untrained`, if given, are words of the line that says why no training is possible; `too_small` images are
    left out of a training.
    """

    name: str
    make: Callable[[Path], object]
    images: int
    word: str = ""
    untrained: str = ""
    too_small: int = 0


CASES = (
    Folder("baseline", pictures, 3),
    Folder("empty", lambda f: None, 0, "no images found; expected PNG, JPEG"),
    Folder("texts alone", lambda f: (f / "a.txt").write_text("x"), 0, "no images found"),
    Folder("nested", lambda f: pictures(f / "a" / "b"), 0, "it holds the folders a: name one of them"),
    Folder("broken alone", broken, 0, ".png: "),
    Folder("sizes mixed", lambda f: beside(f, lambda f: picture(f / "wide.png", 50, 131)), 4),
    Folder(
        "one is smaller than a patch",
        lambda f: beside(f, lambda f: picture(f / "small.png", 20, 20)),
        4,
        too_small=1,
    ),
    Folder("LR with HR", pairs, 3),
    Folder("LR without HR", lambda f: pictures(f / "LR_bicubic" / "X4", 3, "{}x4.png", 16), 0, "HR/"),
    Folder("HR empty", lambda f: pairs(f, hr=0) or (f / "HR").mkdir(), 0, "HR: no images found"),
    Folder("LR lacks one", lambda f: pairs(f, lr=2), 0, "1 of 3 LR images are missing (2x4"),
    Folder("LR empty", lambda f: pairs(f, lr=0) or (f / "LR_bicubic/X4").mkdir(parents=True), 0, "3 of 3 LR"),
    Folder("LR of twice the size", lambda f: pairs(f, side=32), 0, "expected 16x16, 1/4 of "),
    Folder("LR of another scale", lambda f: pairs(f, scale=2, side=32), 3),
    Folder("LR that nobody asked for", lambda f: pairs(f, lr=5), 3),
    Folder("LR is a file", lambda f: pairs(f, lr=0) or (f / "LR_bicubic").write_text("x"), 3),
    Folder("one stem, two suffixes", lambda f: beside(f, lambda f: shutil.copy(f / "0.png", f / "0.bmp")), 4),
    Folder("capitals", lambda f: pictures(f, 3, "{}.PNG"), 3),
    Folder("ünïcödé 日本 \U0001f600", lambda f: pictures(f, 3, "ä 日 {}.png"), 3),
    Folder("spaces, 'quotes' \"two\" $HOME %s", lambda f: pictures(f, 3, "a 'b' \"{}\".png"), 3),
    Folder("a\nline end\x1b[31m", lambda f: pictures(f, 3, "a\n{}.png"), 3),
    Folder("empty\nline", lambda f: None, 0, "empty\\nline: no images found"),
    Folder("[bold]markup[/bold]", pictures, 3),
    Folder("-dash", pictures, 3),
    Folder("hidden", lambda f: beside(f, lambda f: (f / "._0.png").write_bytes(b"x")), 3),
    Folder("hidden alone", lambda f: (f / "._0.png").write_bytes(b"x"), 0, "no images found"),
    Folder("links that lead nowhere, and loops", linked, 3),
    Folder("a folder named like an image", lambda f: beside(f, lambda f: (f / "d.png").mkdir()), 3),
    Folder("a pipe named like an image", lambda f: beside(f, lambda f: os.mkfifo(f / "p.png")), 3),
    Folder("10 000 other files", crowded, 3),
)


@pytest.fixture(params=CASES, ids=lambda case: ascii(case.name)[1:-1])
def case(request: pytest.FixtureRequest) -> Folder:
    found: Folder = request.param
    return found


@pytest.fixture
def folder(case: Folder, tmp_path: Path) -> Path:
    made = tmp_path / "data" / case.name
    made.mkdir(parents=True)
    case.make(made)
    return made


def test_an_evaluation_scores_it_or_gives_a_one_line_error(
    case: Folder, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "--model", "bicubic", "--data", str(folder), "--json"]
    if not case.images:
        refused(capsys, tmp_path, arguments, 1, case.word)
        return
    before = tree(tmp_path)
    assert main(arguments) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert len({image["name"] for image in result["per_image"]}) == result["images"] == case.images
    assert tree(tmp_path) == before


def test_a_training_takes_it_or_gives_a_one_line_error_and_writes_nothing(
    case: Folder, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    arguments = ["train", "--student=edsr:n_feats=4,n_resblocks=1", f"--train-data={folder}", f"--run={run}"]
    arguments += ["--steps=1", "--batch=2", "--patch=12", "--val-images=1"]
    if case.untrained or not case.images:
        refused(capsys, tmp_path, arguments, 1, case.untrained or case.word)
        return
    before = tree(folder)
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert f"{case.images - 1 - case.too_small} training images, 1 for validation" in said
    assert (run / "student.safetensors").exists()
    assert tree(folder) == before


PLACES = {
    "nowhere": "nowhere: no such folder",
    "file.png": "expected a folder of images, found a file",
    "loop": "loop",
    "file.png/x": "no such folder",
    "n" * 300: "n" * 300,
    "a\x1b[31m": "a\\x1b[31m: no such folder",
}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ascii(place)[1:20])
@pytest.mark.parametrize("command", ["evaluate", "train"])
def test_a_path_that_is_no_folder(
    place: str,
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "file.png")
    (tmp_path / "loop").symlink_to("loop")
    arguments = {
        "evaluate": ["evaluate", "--model=bicubic", f"--data={place}"],
        "train": ["train", "--student=edsr", f"--train-data={place}", "--run=run"],
    }[command]
    refused(capsys, tmp_path, arguments, 1, PLACES[place])


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_folder_without_permission(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locked = pictures(tmp_path / "locked")
    locked.chmod(0)
    try:
        arguments = ["evaluate", "--model=bicubic", f"--data={locked}"]
        assert main(arguments) == 1
        assert "check its permissions" in capsys.readouterr().err
    finally:
        locked.chmod(0o755)


def test_names_that_are_not_utf8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names with bytes that are not UTF-8, as from old archives."""
    data = pictures(tmp_path / "data")
    (data / "0.png").rename(os.fsdecode(os.fsencode(data) + b"/\xff\xfe.png"))
    out, run = tmp_path / "out", tmp_path / "run"
    assert main(["evaluate", "--model=bicubic", f"--data={data}"]) == 0
    assert main(["upscale", str(data), "--model=rcan-g5-r1-c32-x4-baseline", f"--out={out}"]) == 0
    assert len(list(out.iterdir())) == 3
    options = ["--student=edsr:n_feats=4,n_resblocks=1", "--steps=1", "--patch=12", "--val-images=1"]
    assert main(["train", *options, f"--train-data={data}", f"--run={run}"]) == 0, capsys.readouterr().err
    for wrong in (f"--run={tmp_path}/\udcff", f"--train-data={tmp_path}/\udcff"):
        arguments = ["train", "--student=edsr", "--train-data=samples", f"--run={tmp_path}/new", wrong]
        arguments = given_once(arguments)
        refused(capsys, tmp_path, arguments, 2, "must be ", "in UTF-8")
