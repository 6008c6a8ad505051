"""Every script and command answers --help, rather than starting its work."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from fakd_core.cli import main
from fakd_core.cli.commands import app

ROOT = Path(__file__).parents[1]
SCRIPTS = [
    path.relative_to(ROOT)
    for folder in ("benchmarks", "docs", "examples", "tests", "fakd_gui")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_a_script_explains_itself(
    script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    monkeypatch.syspath_prepend(str(ROOT))
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("usage: ")


def test_the_list_of_benchmarks_loads_no_torch() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "benchmarks", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "affinity_loss" in done.stdout
    assert "| torch\n" not in done.stderr


@pytest.mark.parametrize("command", [[], *([one.name] for one in app.registered_commands)], ids=str)
def test_a_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    assert capsys.readouterr().out.lstrip().startswith("Usage: fakd")
