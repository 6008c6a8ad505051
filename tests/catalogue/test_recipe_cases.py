"""Cases of recipes: those of a distillation, `--distill`, and those of a figure, `--recipe`."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from refusals import refused

from fakd_core.cli import main
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.distillation.recipe import parse_recipe
from fakd_core.errors import ConfigError
from fakd_core.figures.spec import Box, Query

GOOD = {
    "": "none",
    " \t\n": "none",
    "NONE": "none",
    "sa": "1*SA",
    "10*SA\n+ AT ": "10*SA+1*AT",
    ".5*SA+5.*AT": "0.5*SA+5*AT",
    "1e308*SA": "1e+308*SA",
    "PSA+PSA(k=3)": "1*PSA(k=2,pool=max)+1*PSA(k=3,pool=max)",
    "1." + "0" * 900 + "*SA": "1*SA",
}
WRONG = {
    "10": "expected '*', found the end",
    "10SA": "expected '*', found 'SA'",
    "*SA": "expected a term (SA, PSA, ",
    "10*": "expected a term",
    "10**SA": "expected a term",
    "10*10*SA": "expected a term",
    "SA*10": "a weight must be a positive number, found 'SA'",
    "+SA": "expected a term",
    "SA+": "found the end",
    "SA++AT": "character 4",
    "SA AT": "expected '+', found 'AT'",
    "SA,AT": "expected '+', found ','",
    "10,5*SA": "expected '*', found ','",
    "1_0*SA": "expected '*', found '_0'",
    "0x10*SA": "finite number, found 0",
    "1e*SA": "expected '*', found 'e'",
    "0*SA": "a weight must be a positive, finite number",
    "-1*SA": "a weight must be a positive number",
    "nan*SA": "a weight must be a positive number",
    "inf*SA": "a weight must be a positive number",
    "1e400*SA": "finite number, found 1e400",
    "1e-400*SA": "finite number, found 1e-400",
    "10*SAA": "did you mean SA?",
    "10*fitnett": "did you mean FitNet?",
    "10*VGG": "unknown term 'VGG'; known: SA, PSA",
    "SA+none": "unknown term 'none'",
    "10×SA": "expected '*', found '×'",
    "10·SA": "expected '*', found '·'",
    "10*SA−AT": "expected '+', found '−'",
    "10*SA＋AT": "expected '+', found '＋'",  # noqa: RUF001 - full width
    "１０*SA": "expected a term",  # noqa: RUF001 - full width
    "10*СА": "expected a term",  # noqa: RUF001 - Cyrillic
    "٣*SA": "a weight must be a positive number",
    "10*SA\u200b": "found '\\u200b'",
    "\ufeff10*SA": "found '\\ufeff'",
    "10*SA\0": "found '\\x00'",
    "10*SA;import os": "found ';'",
    "__import__('os').system('true')": "unknown term '__import__'",
    "%s%n": "found '%'",
    "SA()": "expected a parameter (positions), found ')'",
    "PSA()": "expected a parameter (k, pool, positions), found ')'",
    "PSA(": "found the end",
    "PSA)": "expected '+', found ')'",
    "PSA(k=2": "expected ',' or ')', found the end",
    "PSA(k=2,)": "expected a parameter (k, pool, positions), found ')'",
    "PSA(k=2;pool=max)": "expected ',' or ')', found ';'",
    "PSA(k=2,k=3)": "k is given twice",
    "PSA(kk=2)": "did you mean k?",
    "PSA(k=0)": "k must be a whole number in 1..32",
    "PSA(k=-2)": "found '-2'",
    "PSA(k=1.5)": "found '1.5'",
    "PSA(k=" + "9" * 500 + ")": "k must be a whole number in 1..32",
    "PSA(pool=min)": "pool must be one of max, avg",
    "RBF(gamma=inf)": "gamma must be a number in 0.001..40",
    "((SA))": "expected a term",
    "SA+0.5*SA": "SA is given twice: add up the weights",
    "PSA+PSA(k=2)": "is given twice",
    "(" * 50_000: "at most 1000 characters, such as 10*SA+0.5*AT, found 50000",
    "+".join(["SA"] * 30_000): "at most 1000 characters",
    "1" * 100_000 + "*SA": "at most 1000 characters",
}


@pytest.mark.parametrize("text", GOOD, ids=lambda text: repr(text)[:30])
def test_a_recipe_is_parsed_and_formatted(text: str) -> None:
    recipe = parse_recipe(text)
    assert str(recipe) == GOOD[text]
    assert parse_recipe(str(recipe)) == recipe


@pytest.mark.parametrize("text", WRONG, ids=lambda text: repr(text)[:30])
def test_an_invalid_recipe_is_a_one_line_error_with_the_position(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DistillationLoss(0.5, text, (1, 2, 3))
    line = str(caught.value)
    assert WRONG[text] in line
    assert line.startswith("recipe")
    assert "\n" not in line
    assert len(line) < 2500


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("10*SAA", "did you mean SA?"),
        ("-1*SA", "positive number"),
        ("\x1b[31m", "found '\\x1b'"),
        ("FSP", "at least 2 layers"),
        ("SA" * 60_000, "at most 1000 characters"),
    ],
)
def test_the_command_refuses_it_before_anything_is_loaded(
    text: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--student=rcan", "--train-data=samples", f"--run={tmp_path / 'run'}"]
    arguments += ["--teacher=rcan-g5-r5-c32-x4", "--layers=1", "--distill", text]
    refused(capsys, tmp_path, arguments, 2, word)


# -- recipes of figures ------------------------------------------------------------------------------

FIGURE = {
    "kind": '"crops"',
    "image": '"samples/chelsea.png"',
    "regions": "[[1, 2, 30, 30]]",
    "models": '["bicubic"]',
}
AFFINITY = {
    "kind": '"affinity"',
    "image": '"samples/chelsea.png"',
    "teacher": '"rcan-g5-r5-c32-x4"',
    "students": '["rcan-g5-r1-c32-x4-fakd"]',
    "layer": "1",
    "query": "[1, 1]",
}


def place(kind: type, given: int) -> object:
    """Pydantic's name for the first value that is missing: its index, or its field in older versions."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python([1] * given)
    return caught.value.errors()[0]["loc"][-1]


CHANGES: list[tuple[dict[str, str], dict[str, str], int, str]] = [
    (FIGURE, {"kind": ""}, 2, "kind: must be one of crops, affinity (found nothing)"),
    (FIGURE, {"kind": '"crop"'}, 2, "(found 'crop')"),
    (FIGURE, {"kind": "3"}, 2, "(found 3)"),
    (FIGURE, {"kind": "[1]"}, 2, "(found [1])"),
    (FIGURE, {"image": ""}, 2, "image: must be given"),
    (FIGURE, {"image": '"gone.png"'}, 1, "gone.png: no such file"),
    (FIGURE, {"image": '"."'}, 1, "expected an image file, found a folder"),
    (FIGURE, {"image": "5"}, 2, "image: must be a path"),
    (FIGURE, {"image": '"a\\u0000.png"'}, 1, "a\\x00.png: no such file"),
    (FIGURE, {"regions": "[]"}, 2, "regions: must have at least 1 (found [])"),
    (FIGURE, {"regions": "[[-1, 2, 30, 30]]"}, 2, "regions.0.0: must be at least 0"),
    (FIGURE, {"regions": "[[1, 2, 0, 30]]"}, 2, "regions.0.2: must be above 0"),
    (FIGURE, {"regions": "[[1, 2, 30]]"}, 2, f"regions.0.{place(Box, 3)}: must be given"),
    (FIGURE, {"regions": '[[1, 2, "a", 30]]'}, 2, "regions.0.2: must be a whole number"),
    (FIGURE, {"regions": "[[1, 2, 1.5, 30]]"}, 2, "must be a whole number (found 1.5)"),
    (FIGURE, {"regions": f"[{'[1, 2, 30, 30], ' * 7}]"}, 2, "must have at most 6, not 7"),
    (FIGURE, {"regions": f"[[1, 2, {10**30}, 30]]"}, 2, "lies outside the image, which is 448x300"),
    (FIGURE, {"regions": "[[1, 2, 1, 290]]"}, 2, "more than 250 million; choose wider regions"),
    (FIGURE, {"models": "[]"}, 2, "models: must have at least 1"),
    (FIGURE, {"models": "[3]"}, 2, "models.0: must be text, or a table"),
    (FIGURE, {"models": '[""]'}, 2, "models.0.ref: must not be empty"),
    (FIGURE, {"models": '[{label = "x"}]'}, 2, "models.0.ref: must be given"),
    (FIGURE, {"models": '["nothing"]'}, 2, "no model 'nothing'"),
    (FIGURE, {"models": '["gone.pth"]'}, 1, "gone.pth: no such file"),
    (FIGURE, {"colums": "3"}, 2, "colums: no such option, did you mean columns?"),
    (FIGURE, {"columns": "0"}, 2, "columns: must be at least 1"),
    (FIGURE, {"dpi": "0"}, 2, "dpi: must be at least 50"),
    (FIGURE, {"dpi": str(10**30)}, 2, "dpi: must be at most 1200"),
    (FIGURE, {"dpi": "true"}, 2, "dpi: must be a number, not true or false"),
    (FIGURE, {"dpi": "1" * 5000}, 2, "not valid TOML"),
    (FIGURE, {"width": '"170 km"'}, 2, "width: must be a width such as 170"),
    (FIGURE, {"width": '"nan mm"'}, 2, "width: must be "),
    (FIGURE, {"width": "inf"}, 2, "width: must be at most 1000 (found inf)"),
    (FIGURE, {"font": '"comic"'}, 2, "font: must be 'sans' or 'serif'"),
    (FIGURE, {"font_size": "nan"}, 2, "font_size: must be "),
    (FIGURE, {"metrics": '["LPIPS"]'}, 2, "metrics.0: must be 'PSNR' or 'SSIM'"),
    (FIGURE, {"scale": "5"}, 2, "scale: must be 2, 3, 4 or 8"),
    (FIGURE, {"caption": '"a\\nb"'}, 2, "caption: must be one line of text"),
    (FIGURE, {"caption": f'"{"x" * 5000}"'}, 2, "caption: must have at most 200 characters"),
    (FIGURE, {"image_is": '"lr"', "models": '["HR"]'}, 2, "an LR image has no HR"),
    (AFFINITY, {"layer": "4"}, 2, "layer: must be below 4"),
    (AFFINITY, {"layer": "-1"}, 2, "layer: must be at least 0"),
    (AFFINITY, {"query": "[1000, 1]"}, 2, "lies outside the LR image"),
    (AFFINITY, {"query": "[1]"}, 2, f"query.{place(Query, 1)}: must be given"),
    (AFFINITY, {"students": '["bicubic"]'}, 2, "bicubic and HR have no features"),
    (AFFINITY, {"students": "[]"}, 2, "students: must have at least 1"),
    (AFFINITY, {"teacher": ""}, 2, "teacher: must be given"),
    (AFFINITY, {"range": "[1, 0]"}, 2, "from a lower to a higher value"),
    (AFFINITY, {"difference_range": "0"}, 2, "difference_range: must be above 0"),
    (AFFINITY, {"opacity": "2"}, 2, "opacity: must be at most 1"),
]


def name_of(case: tuple[dict[str, str], dict[str, str], int, str]) -> str:
    return ", ".join(f"{name} = {value[:20]}" for name, value in case[1].items())


@pytest.mark.parametrize("case", CHANGES, ids=name_of)
def test_an_invalid_figure_recipe(
    case: tuple[dict[str, str], dict[str, str], int, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole, changes, status, word = case
    file = tmp_path / "figure.toml"
    values = {**whole, **changes}
    file.write_text("".join(f"{name} = {value}\n" for name, value in values.items() if value))
    refused(capsys, tmp_path, ["figure", "--recipe", str(file)], status, word)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("r.toml", b"", "found nothing"),
        ("r.toml", b"\xff\xfe", "save it as UTF-8"),
        ("r.toml", b"a=" + b"[" * 20_000, "nested"),
        ("r.toml", b"#" * 2_000_000, "at most 1 MB"),
        ("r.toml", None, "found a folder"),
        ("r.png", b"garbage", "no recipe in this picture"),
        ("r.png", b"", "no recipe in this picture"),
        ("r.pdf", b"", "no recipe in this picture"),
        ("r.pdf", b"/Keywords (kind", "not valid TOML"),
        ("r.pdf", b"/Keywords (kind\\", "not valid TOML"),
        ("r.pdf", b"/Keywords (kind \\777\\8)", "not valid TOML"),
        ("r.pdf", b"/Keywords (" + b"(" * 100_000 + b"kind", "not valid TOML"),
    ],
)
def test_a_file_without_a_figure_recipe(
    name: str, content: bytes | None, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.mkdir() if content is None else file.write_bytes(content)
    refused(capsys, tmp_path, ["figure", "--recipe", str(file)], 2, name, word)


def test_a_figure_recipe_from_windows(tmp_path: Path) -> None:
    text = "\r\n".join(f"{name} = {value}" for name, value in FIGURE.items())
    (tmp_path / "f.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert main(["figure", "--recipe", str(tmp_path / "f.toml"), "--out", str(tmp_path / "f2.png")]) == 0
    assert (tmp_path / "f2.png").stat().st_size > 1000
