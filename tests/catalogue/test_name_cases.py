"""Odd names and things that are no files, in every command: the right result, or one clear line.

Each command runs in a folder of its own; what it may not touch stays as it was.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from refusals import refused

from fakd_core.cli import main
from fakd_core.data.image_files import read_image, write_image
from fakd_core.figures.spec_file import read_spec

MODEL = "rcan-g5-r1-c32-x4-baseline"
IMAGE = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
NAMES = (
    *("new\nline", "-dash", "--help", "emoji\N{GRINNING FACE}", "100%d %s", "[bold]x", "a=b", "tab\there"),
    *("escape\x1b[31m", "semicolon;$HOME`x`", " space before", "space behind ", "quote'\"", "back\\slash"),
    *("a@b", "~tilde", "#hash", "*star?", "{brace}", "x.tar.gz", "\N{RIGHT-TO-LEFT OVERRIDE}gnp"),
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names and devices that Windows hasn't")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_of_odd_names_is_upscaled_and_scored(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        write_image(here / f"in/{name}.png", IMAGE)
    os.rename("in/a=b.png", os.fsencode("in/") + b"not-utf-8-\xff.png")
    bicubic = ["--model", "bicubic"]
    assert main(["upscale", "in", *bicubic, "--scale", "2", "--out", "out"]) == 0
    assert len(list((here / "out").iterdir())) == len(NAMES)
    assert main(["evaluate", "--data", "in", *bicubic, "--csv", "x.csv", "--save", "saved"]) == 0
    assert len(list((here / "saved").rglob("*.png"))) == len(NAMES)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["new\nline", "-dash", "100%d %s", "[bold]x", "a=b", "quote'\"", "a@b"])
def test_a_figure_may_have_an_odd_name(here: Path, name: str) -> None:
    write_image(here / f"{name}.png", IMAGE)
    options = ["--model", "bicubic", "--roi", "4,4,20,20", f"--out=out {name}.png"]
    assert main(["figure", *options, "--", f"{name}.png"]) == 0
    assert tomllib.loads((here / f"out {name}.toml").read_text(encoding="utf-8"))["image"] == f"{name}.png"
    assert read_spec(here / f"out {name}.png").image == here / f"{name}.png"


def test_a_figure_of_a_name_that_is_no_utf_8_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No recipe can hold it."""
    write_image(here / "a.png", IMAGE)
    name = os.fsdecode(b"\xff.png")
    os.rename("a.png", name)
    arguments = ["figure", name, "--model", "bicubic", "--roi", "4,4,20,20", "--out", "out.png"]
    refused(capsys, here, arguments, 2, "not in UTF-8; rename the image")


def test_a_place_with_a_slash_behind_it_is_a_folder(here: Path) -> None:
    write_image(here / "a.png", IMAGE)
    assert main(["upscale", "a.png", "--model", "bicubic", "--out", "new.png/"]) == 0
    assert read_image(here / "new.png/a_x4.png").shape == (192, 192, 3)


def test_a_leading_dash_is_a_name_after_two_dashes(here: Path) -> None:
    write_image(here / "-dash.png", IMAGE)
    assert main(["upscale", "--model", "bicubic", "--out=-out.png", "--", "-dash.png"]) == 0
    assert read_image(here / "-out.png").shape == (192, 192, 3)


def make_special_files(here: Path) -> None:
    write_image(here / "a.png", IMAGE)
    for name in ("pipe.png", "pipe.pth", "pipe.csv"):
        os.mkfifo(here / name)
    (here / "device.png").symlink_to("/dev/zero")
    (here / "loop.png").symlink_to("loop.png")
    (here / "broken.png").symlink_to("nowhere.png")
    (here / "folder.png").mkdir()


FIGURE = ("figure", "--model=bicubic", "--roi=4,4,20,20")


@pytest.mark.parametrize(
    "name", ["pipe.png", "device.png", "loop.png", "broken.png", "folder.png", "/dev/zero"]
)
@pytest.mark.parametrize(
    "command", [("upscale", "--model=bicubic", "--out=new"), (*FIGURE, "--out=new.png")], ids=str
)
def test_what_is_no_image_file_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], name: str
) -> None:
    make_special_files(here)
    refused(capsys, here, [*command, name], 1, name, ";")


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "command",
    [
        ("upscale", "a.png", "--model=bicubic", "--out=pipe.png"),
        ("evaluate", "--model=bicubic", "--data=folder", "--csv=pipe.csv"),
        ("evaluate", "--model=bicubic", "--data=folder", "--csv=/dev/null"),
        (*FIGURE, "a.png", "--out=pipe.png"),
        ("export", MODEL, "--to=pipe.pth"),
    ],
    ids=lambda command: command[-1],
)
def test_a_pipe_or_device_is_never_replaced_by_a_result(
    here: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], force: bool
) -> None:
    make_special_files(here)
    write_image(here / "folder/a.png", IMAGE)
    before = capsys.readouterr()
    assert before.err == ""
    status = main([*command, *["--force"] * force])
    [line] = capsys.readouterr().err.splitlines()
    assert status in (1, 2)
    assert "a pipe or a device; name a file" in line or "already exists" in line
    assert all((here / name).is_fifo() for name in ("pipe.png", "pipe.pth", "pipe.csv"))
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    "command",
    [
        ("upscale", "../a.png", "--model=bicubic", "--out=link.png", "--force"),
        ("evaluate", "--model=bicubic", "--data=..", "--csv=link.csv", "--force"),
        (*FIGURE, "../a.png", "--out=link.png", "--force"),
        ("export", MODEL, "--to=link.pth", "--force"),
    ],
    ids=lambda command: command[0],
)
def test_a_result_is_written_through_a_link(
    here: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    write_image(here / "a.png", IMAGE)
    (here / "links").mkdir()
    (here / "target").write_text("old")
    name = next(word.split("=")[1] for word in command if "=link" in word)
    (here / "links" / name).symlink_to("../target")
    monkeypatch.chdir(here / "links")
    assert main(list(command)) == 0
    assert (here / "links" / name).is_symlink()
    assert (here / "target").read_bytes() != b"old"
