"""The table of settings: every option with values that are none, contradictions, and TOML files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from refusals import refused

from fakd_core.cli import main
from fakd_core.errors import ConfigError
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.option_help import Option, training_options
from fakd_core.training import trainer

NAN, INF, HUGE = float("nan"), float("inf"), 10**30
BASE: dict[str, Any] = {"student": "rcan", "train_data": "samples", "run": "r"}
NO_NUMBER = ("many", "", " ", True, [1, 2], {"a": 1}, [[1]], NAN, INF, -INF, HUGE * 10**300)
NO_WHOLE = (*NO_NUMBER, 1.5, "1.5", "1e3")
NO_TEXT = ("", 3, 1.5, True, [1], {"a": 1}, NAN, HUGE)
WRONG: dict[str, tuple[Any, ...]] = {
    "whole": NO_WHOLE,
    "number": NO_NUMBER,
    "switch": ("maybe", "", 2, 1.5, [True], {"a": 1}, NAN, HUGE),
    "choice": ("other", "", 99, -1, True, 2.5, [4], {"a": 1}, NAN, HUGE),
    "wholes": ("5", "", 5, True, [1.5], ["a"], [[1]], [True], [0], [-3], {"a": 1}, NAN),
    "taps": ("1", "", 1, True, [], [4], [-1], [1, 1], [1.5], ["a"], [True], [HUGE], {"a": 1}),
    "models": ("", 3, True, [1], ["a", ""], [["a"]], {"a": 1}, NAN),
    "model": NO_TEXT,
    "images": (*NO_TEXT, "a\0b"),
    "folder": (*NO_TEXT, "a\0b"),
    "recipe": NO_TEXT[1:],
    "device": NO_TEXT,
    "text": NO_TEXT,
}


BELOW_1, ABOVE_0 = math.nextafter(1, 0), math.nextafter(0, 1)
BOUNDS: dict[str, tuple[float, float, float, float]] = {
    "alpha": (-ABOVE_0, 0, 1, math.nextafter(1, 2)),
    "steps": (0, 1, 10**9, 10**9 + 1),
    "batch": (0, 1, 16_384, 16_385),
    "patch": (7, 8, 4096, 4097),
    "lr": (0, ABOVE_0, 1e300, INF),
    "clip": (0, ABOVE_0, 1e300, INF),
    "validate_every": (0, 1, 10**9, 10**9 + 1),
    "val_images": (0, 1, 10**6, 10**6 + 1),
    "checkpoint_every": (0, ABOVE_0, 1e300, INF),
    "ema": (0, ABOVE_0, BELOW_1, 1),
    "cache_patches": (0, 1, 10**7, 10**7 + 1),
    "seed": (-1, 0, (1 << 63) - 1, 1 << 63),
}
"""A refused value below, the least, the largest, and a refused one above."""


def wrong_values() -> Iterator[Any]:
    for option in training_options().values():
        for value in (*WRONG[option.kind], *beyond(option)):
            shown = f"{option.name}={value!r}"
            yield pytest.param(option.name, value, id=shown if len(shown) < 50 else f"{shown[:46]}...")


def beyond(option: Option) -> tuple[float, ...]:
    """Just outside the option's range, where it has one."""
    low, high = option.low, option.high
    under = () if low is None else (low - 1 if option.inclusive[0] else low,)
    over = () if high is None else (high + 1 if option.inclusive[1] else high,)
    return (*under, *over)


@pytest.mark.parametrize(("name", "value"), list(wrong_values()))
def test_a_value_that_is_none_is_named_with_its_option(name: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.build(**{**BASE, name: value})
    line = str(caught.value)
    assert line.startswith(name)
    assert " must " in line or name == "layers" or "zero byte" in line
    assert "found " in line
    assert "Input should" not in line
    assert "\n" not in line
    assert len(line) < 250


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        ("steps", "12", 12),
        ("steps", 2e5, 200_000),
        ("lr", 1, 1.0),
        ("lr", "1e-4", 1e-4),
        ("baseline", "no", False),
        ("baseline", 0, False),
        ("teacher", "a", ("a",)),
        ("teacher", [], ()),
        ("milestones", [], ()),
        ("distill", "", ""),
        ("seed", (1 << 63) - 1, (1 << 63) - 1),
        ("run", "ä b/日本 '\"", Path("ä b/日本 '\"")),
    ],
)
def test_what_is_meant_well_is_taken(name: str, given: Any, meant: Any) -> None:
    assert getattr(TrainConfig.build(**{**BASE, name: given}), name) == meant


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("step", "steps"),
        ("Steps", "steps"),
        ("train-data", "train_data"),
        ("learning_rate", None),
        ("lrr", "lr"),
        ("teachers", "teacher"),
        ("batch_size", "batch"),
        ("validate_evry", "validate_every"),
        ("α", None),
        ("x" * 5000, None),
        ("", None),
        ("a\nb", None),
    ],
)
def test_an_unknown_option_is_named_with_the_nearest(key: str, nearest: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.build(**BASE, **{key: 1})
    line = str(caught.value)
    assert "no such option" in line
    assert (f"did you mean {nearest}?" if nearest else "no such option (found 1)") in line
    assert "\n" not in line
    assert len(line) < 250


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"baseline": True}, "name a teacher, or drop baseline"),
        ({"teacher_cache": "c"}, "give both or neither"),
        ({"cache_patches": 100}, "give both or neither"),
        ({"teacher_cache": "c", "cache_patches": 100}, "name a teacher"),
        ({"teacher": "a", "teacher_cache": "c", "cache_patches": 3}, "at least batch, 16 (found 3)"),
        ({"layers": [0, 1, 2, 3, 4]}, "among 0..3"),
        ({f"k{n}": n for n in range(1000)}, "and 995 more"),
    ],
)
def test_what_contradicts_itself_is_said(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.build(**BASE, **changes)
    assert word in str(caught.value)
    assert len(str(caught.value)) < 300


# -- TOML files --------------------------------------------------------------------------------------

GOOD = "student = 'rcan'\ntrain_data = 'samples'\nrun = 'r'\nsteps = 3\n"
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "student: must be given; train_data: must be given; run: must be given"),
    "unclosed string": (b'student="rcan\n', "not valid TOML: Illegal character '\\n' (at line 1"),
    "duplicate key": (b"steps=1\nsteps=2\n", "Cannot overwrite a value (at line 2"),
    "YAML": (b"steps: 4\n", "not valid TOML: Expected '='"),
    "JSON": (b'{"steps": 4}\n', "not valid TOML: Invalid statement (at line 1"),
    "latin-1": ("student='\xe9'\n".encode("latin-1"), "save it as UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), "save it as UTF-8"),
    "a lone surrogate": (b'student="\xed\xa0\x80"', "save it as UTF-8"),
    "binary": (bytes(range(256)) * 9, "save it as UTF-8"),
    "zero byte": (b'student="a\0b"\n', "Illegal character '\\x00'"),
    "escape codes": (b"\x1b[31mred", "not valid TOML"),
    "50 MB of comment": (b"#" * 50_000_000, "at most 1 MB, found a larger one"),
    "50 MB of value": (b'student="' + b"x" * 50_000_000 + b'"', "at most 1 MB"),
    "nested lists": (b"teacher=" + b"[" * 20_000 + b"]" * 20_000, "not valid TOML: its brackets"),
    "nested tables": (b"a." * 3000 + b"b=1", "a: no such option"),
    "a number of 5000 digits": (b"seed=" + b"1" * 5000, "not valid TOML"),
    "a date": (GOOD.encode() + b"batch=2020-01-01\n", "batch: must be a whole number"),
    "no such date": (b"steps=2020-99-99\n", "not valid TOML"),
    "a table": (b"[train]\n" + GOOD.encode(), "train: no such option"),
    "a list of tables": (b"[[teacher]]\na=1\n", "teacher.0: must be text"),
    "an option of the command": (GOOD.encode() + b"resume='r'\n", "resume: no such option"),
    "Windows line ends": (GOOD.replace("\n", "\r\n").encode() + b"stepz=1\r\n", "did you mean steps?"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_holds_no_settings(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content, word = UNREADABLE[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_bytes(content)
    refused(capsys, tmp_path, ["train", "--config", "settings.toml"], 2, word)


@pytest.mark.parametrize("case", [case for case in UNREADABLE if case != "empty"])
def test_an_own_preset_of_the_window_that_holds_none(case: str, tmp_path: Path) -> None:
    from fakd_core.runs.presets import read_settings

    content, word = UNREADABLE[case]
    preset = tmp_path / "mine.toml"
    preset.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_settings(preset)
    line = str(caught.value)
    assert "mine.toml: " in line
    assert word in line
    assert "\n" not in line
    assert len(line) < 500


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("gone.toml", "no such file"),
        (".", "found a folder; name the file in it"),
        ("loop.toml", "can't be read: Too many levels"),
        ("file/x.toml", "can't be read: Not a directory"),
        ("x" * 300, "can't be read: File name too long"),
        ("a\nb\x1b[31m.toml", "a\\nb\\x1b[31m.toml: no such file"),
        ("~nobody-of-that-name/x.toml", "no such home folder"),
        ("/dev/zero", "at most 1 MB"),
        ("/dev/null", "must be given"),
    ],
)
def test_a_place_without_settings(
    name: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    refused(capsys, tmp_path, ["train", "--config", name], 2, word)


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        b"# \xc3\xa4\n\n" + GOOD.encode().rstrip(),
        GOOD.replace("3", "0x3").encode(),
    ],
    ids=["baseline", "Windows line ends", "old Mac line ends", "byte order mark", "comment", "hexadecimal"],
)
def test_files_that_are_settings(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[TrainConfig] = []
    monkeypatch.setattr(trainer, "train", lambda config, *_: iter(given.append(config) or ()))
    (tmp_path / "settings.toml").write_bytes(content)
    assert main(["train", "--config", str(tmp_path / "settings.toml")]) == 0
    assert given == [TrainConfig.build(**BASE, steps=3)]


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_may_be_at_its_bounds_and_not_beyond(name: str) -> None:
    cached = {"teacher_cache": "c", "batch": 1} if name == "cache_patches" else {}
    given = {**BASE, "teacher": "a", **cached}
    below, *allowed, above = BOUNDS[name]
    assert [getattr(TrainConfig.build(**given, **{name: value}), name) for value in allowed] == allowed
    for value in (below, above):
        with pytest.raises(ConfigError, match=f"{name}: must be"):
            TrainConfig.build(**given, **{name: value})


def test_every_number_has_bounds_in_the_table() -> None:
    assert {name for name, option in training_options().items() if option.kind in ("whole", "number")} == {
        *BOUNDS
    }


@pytest.mark.parametrize(
    ("steps", "interval"), [(1, 1), (9, 1), (20, 2), (25, 2), (9_999, 999), (10_000, 1000), (10**6, 1000)]
)
def test_a_tenth_of_the_run_is_between_validations(steps: int, interval: int) -> None:
    assert TrainConfig.build(**BASE, teacher="a", steps=steps).validation_interval == interval
    assert TrainConfig.build(**BASE, teacher="a", steps=steps, validate_every=7).validation_interval == 7
