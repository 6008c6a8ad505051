"""Plugins in other installed packages: the example of the documentation, and bad ones."""

from __future__ import annotations

import csv
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from one_process import run_commands

from fakd_core.distillation.terms import TermKind
from fakd_core.errors import ConfigError
from fakd_core.evaluation.metrics import RESERVED_NAMES, Metric
from fakd_core.events import weighted_parts
from fakd_core.models.architecture import Architecture
from fakd_core.plugins import Registry
from fakd_core.runs.metrics_files import read_metrics

EXAMPLE = Path(__file__).parents[2] / "docs/examples/fakd-example-plugin"
Fakd = Callable[..., list[str]]


@pytest.fixture(scope="module")
def fakd(tmp_path_factory: pytest.TempPathFactory) -> Fakd:
    """Commands in a process in which the example package is installed."""
    site, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source")
    for path in EXAMPLE.iterdir():
        (source / path.name).write_bytes(path.read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    pip += ["--disable-pip-version-check", "--no-build-isolation", "--target", str(site), str(source)]
    installed = subprocess.run(pip, capture_output=True, text=True, timeout=300, check=False)
    assert installed.returncode == 0, installed.stderr

    def run(*commands: Sequence[object]) -> list[str]:
        done, outputs = run_commands(commands, PYTHONPATH=str(site))
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"note: .* was trained on 5 and .*\n", done.stderr), "the evaluation's"
        return outputs

    return run


def test_the_example_trains_and_is_measured(
    fakd: Fakd, photos: Path, small_teacher: Path, tmp_path: Path
) -> None:
    run, table = tmp_path / "run", tmp_path / "table.csv"
    models = ("--teacher", small_teacher, "--student", "chain:n_convs=3,n_feats=8")
    images = ("--train-data", photos, "--val-images", 1, "--batch", 2, "--patch", 12)
    _, evaluation, info = fakd(
        ("train", *models, *images, "--distill", "10*SA+2*edge", "--steps", 3, "--run", run),
        ("evaluate", "--model", run, "--model=bicubic", "--data", photos, "--json", "--csv", table),
        ("info", run / "student.safetensors"),
    )
    steps = [line for line in read_metrics(run) if line["event"] == "step"]
    assert [list(weighted_parts(line["losses"])) for line in steps] == [["DS", "TS", "SA", "EDGE"]] * 3
    assert all(line["losses"]["raw EDGE"] > 0 for line in steps)

    output = json.loads(evaluation)
    assert "grey levels" in output["protocol"]["mae_y"]
    student, bicubic = output["results"]
    for result in (student, bicubic):
        means = [image["metrics"]["mae_y"] for image in result["per_image"]]
        assert result["metrics"]["mae_y"] == pytest.approx(sum(means) / len(means))
    assert 0 < bicubic["metrics"]["mae_y"] < student["metrics"]["mae_y"]
    rows = list(csv.DictReader(table.read_text().splitlines()))
    mean = next(row for row in rows if row["image"] == "mean")
    assert float(mean["mae_y"]) == pytest.approx(student["metrics"]["mae_y"], rel=1e-5)
    assert "chain" in info, "recognised by its keys alone, too"


def installed(folder: Path, group: str, **entries: str) -> None:
    """Write what pip leaves of a package with these entry points."""
    info = folder / "broken_package-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-package\nVersion: 1.0\n")
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def test_what_can_not_be_added_is_named_in_one_line_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken_package.py").write_text(
        "from fakd_core.evaluation.metrics import Metric\n"
        "from fakd_core.distillation.terms import TermKind\n"
        "SA = TermKind('sa', 'another', lambda pairs, values: None)\n"
        "NEW = TermKind('NEW', 'a new one', lambda pairs, values: None)\n"
        "ODD = TermKind('A+B', 'no name', lambda pairs, values: None)\n"
        "PSNR = Metric('psnr_y', 'another', lambda sr, hr, border: 0.0)\n"
        "NUMBER = 5\n"
    )
    (tmp_path / "unfinished_package.py").write_text("raise RuntimeError('not today,\\nmaybe tomorrow')\n")
    installed(
        tmp_path,
        "fakd.terms",
        a_missing="nowhere:TERM",
        b_number="broken_package:NUMBER",
        c_clash="broken_package:SA",
        d_raises="unfinished_package:TERM",
        e_odd="broken_package:ODD",
        f_new="broken_package:NEW",
    )
    before = [TermKind("SA", "spatial affinity", lambda pairs, values: pairs[0].student.sum())]
    terms = Registry(TermKind, "distillation term", group="fakd.terms", entries=before)
    assert terms.names == ("SA", "NEW")
    assert [record.message for record in caplog.records] == [
        "broken-package: its fakd.terms 'a_missing' is left out: No module named 'nowhere'",
        "broken-package: its fakd.terms 'b_number' is left out: expected TermKind, found int",
        "broken-package: its fakd.terms 'c_clash' is left out: "
        "distillation term 'sa': this name is already taken; choose another",
        "broken-package: its fakd.terms 'd_raises' is left out: not today, maybe tomorrow",
        "broken-package: its fakd.terms 'e_odd' is left out: "
        "distillation term 'A+B': a name consists of letters, digits and _; choose another",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    caplog.clear()
    installed(tmp_path, "fakd.metrics", psnr="broken_package:PSNR")
    assert list(Registry(Metric, "metric", group="fakd.metrics", reserved=RESERVED_NAMES)) == []
    assert "metric 'psnr_y': this name is already taken" in caplog.text
    caplog.clear()
    installed(tmp_path, "fakd.architectures", net="broken_package:NEW")
    assert Registry(Architecture, "architecture", group="fakd.architectures").names == ()
    assert "expected Architecture, found TermKind" in caplog.text


def test_a_metric_needs_a_name_of_its_own() -> None:
    table = Registry(Metric, "metric")
    table.register(Metric("lpips", "", lambda sr, hr, border: 0.0))
    with pytest.raises(ConfigError, match="already taken"):
        table.register(Metric("lpips", "", lambda sr, hr, border: 1.0))
    with pytest.raises(ConfigError, match=r"'my metric': a name consists of letters, digits and _"):
        table.register(Metric("my metric", "", lambda sr, hr, border: 1.0))


def test_a_metric_that_fails_is_told_with_its_image(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fakd_core.cli import main
    from fakd_core.evaluation import scoring

    def fails(sr: object, hr: object, border: int) -> float:
        raise ZeroDivisionError("nothing there")

    monkeypatch.setattr(scoring, "METRICS", [Metric("odd", "", fails)])
    assert main(["evaluate", "--model", "bicubic", "--data", str(photos)]) == 1
    output = " ".join(capsys.readouterr().err.split())
    assert "the metric odd fails (ZeroDivisionError: nothing there)" in output
    assert "Traceback" not in output


def test_nothing_is_looked_for_before_it_is_needed() -> None:
    code = (
        "import importlib.metadata as m, sys\n"
        "find = m.entry_points\n"
        "def watched(group='', **others):\n"
        "    sys.exit('looked for plugins') if group.startswith('fakd.') else None\n"
        "    return find(group=group, **others)\n"
        "m.entry_points = watched\n"
        "import fakd_core.cli.commands, fakd_core.runs.references, fakd_core.evaluation.evaluate\n"
        "import fakd_core.distillation.recipe\n"
        "import fakd_core.models.checkpoint\n"
        "from fakd_core import list_architectures\n"
        "print('imported', flush=True)\n"
        "list_architectures()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "imported\n", "looked for plugins\n")
