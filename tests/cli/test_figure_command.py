"""`fakd figure`: figures from options and recipes, and errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakd_core.cli import main


def test_a_figure_is_reproduced_from_its_recipe(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "f.png"
    arguments = ["figure", str(photos / "coffee0.png"), "--model", "Cubic=bicubic", "--model", "HR"]
    assert main([*arguments, "--roi", "10,20,40,30", "--out", str(out)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(out), str(tmp_path / "f.toml")]
    first = out.read_bytes()
    out.unlink()
    assert main(["figure", "--recipe", str(tmp_path / "f.toml")]) == 0
    assert out.read_bytes() == first


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (["--roi", "100,100,60,60"], "128x128 HR pixels"),
        (["--roi", "1,2,3"], "--roi: must be X,Y,W,H"),
        (["--roi", "1,2,30,30", "--model", "no-such-model"], "no model 'no-such-model'"),
        ([], "--roi: must be given"),
    ],
)
def test_invalid_options_are_reported_in_one_line_and_write_nothing(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: list[str], reason: str
) -> None:
    out = tmp_path / "f.png"
    image = str(photos / "coffee0.png")
    assert main(["figure", image, "--model", "bicubic", "--out", str(out), *changed]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_an_unusable_output_path_is_reported(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["figure", str(photos / "coffee0.png"), "--model", "bicubic", "--roi", "1,2,30,30", "--out"]
    assert main([*arguments, str(tmp_path / "f.jpg")]) == 2
    assert ".png or .pdf" in capsys.readouterr().err
    (tmp_path / "file").write_text("x")
    assert main([*arguments, str(tmp_path / "file" / "f.png")]) == 1
    assert "can't write the figure" in capsys.readouterr().err


def test_an_existing_figure_or_recipe_is_overwritten_only_on_request(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, recipe = tmp_path / "f.png", tmp_path / "f.toml"

    def draw(*options: str, roi: str = "10,20,40,30") -> int:
        image = str(photos / "coffee0.png")
        return main(["figure", image, "--model", "bicubic", "--roi", roi, "--out", str(out), *options])

    assert draw() == 0
    capsys.readouterr()
    assert draw() == 2
    assert (
        capsys.readouterr().err
        == f"error: {out} already exists; choose another name, or use --force to overwrite\n"
    )
    out.unlink()
    text = recipe.read_bytes()
    assert draw(roi="1,2,40,30") == 2
    assert "f.toml already exists" in capsys.readouterr().err
    assert (recipe.read_bytes(), out.exists()) == (text, False)
    assert draw("--force", roi="1,2,40,30") == 0
    assert recipe.read_bytes() != text


@pytest.mark.parametrize("roi", ["1,2,0,0", "-5,0,10,10", "1,2,3", "a,b,c,d"])
def test_an_invalid_region_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], roi: str
) -> None:
    arguments = ["figure", "samples/chelsea.png", "--model", "bicubic", f"--roi={roi}"]
    assert main([*arguments, "--out", str(tmp_path / "f.png")]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: --roi: ")
    assert "\n" not in error
    assert list(tmp_path.iterdir()) == []
