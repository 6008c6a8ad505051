"""`fakd info`: sizes, key formats and what comes with the program."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fakd_core.cli import main


@pytest.mark.parametrize(
    ("preset", "parameters", "gmacs"),
    [
        ("rcan-paper-teacher", 15.59, 36.7),
        ("rcan-paper-student", 5.17, 12.9),
        ("edsr-paper-student", 1.52, 4.57),
    ],
)
def test_info_gives_the_published_sizes(
    capsys: pytest.CaptureFixture[str], preset: str, parameters: float, gmacs: float
) -> None:
    assert main(["info", preset, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert round(report["parameters"] / 1e6, 2) == parameters
    assert report["gmacs"] == pytest.approx(gmacs, rel=5e-3)


def test_info_names_the_key_format(shared: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(shared("golden/rcan_x4_student.pt")), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["key format"] == "FAKD RCAN"
    assert (report["n_resgroups"], report["n_resblocks"], report["n_feats"], report["scale"]) == (
        10,
        1,
        16,
        4,
    )


def test_info_lists_what_comes_with_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--list", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"edsr", "rcan", "san"} <= set(report["architectures"])
    assert "rcan-paper-student" in report["presets"]
