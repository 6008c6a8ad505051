"""Completion by Tab: through bash itself, and as the shells' scripts ask for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakd_core.cli import completion
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.option_help import training_options
from fakd_core.runs.references import bundled_models

FAKD = Path(sys.executable).parent / "fakd"

BASH = """
eval "$(_FAKD_COMPLETE=source_bash fakd)"
COMP_WORDS=({words} "{word}"); COMP_CWORD={position}
_fakd_completion fakd
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def offered(words: str, word: str) -> list[str]:
    """The offers of bash for `word` after `words`."""
    program = BASH.format(words=words, word=word, position=len(words.split()))
    path = f"{FAKD.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        timeout=300,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(
    shutil.which("bash") is None or not FAKD.exists(), reason="needs bash and an installed fakd"
)
@pytest.mark.parametrize(
    ("words", "word", "expected"),
    [
        ("fakd", "ev", ["evaluate"]),
        ("fakd train", "--teacher-c", ["--teacher-cache"]),
        ("fakd train --teacher", "rcan-g5-r5", ["rcan-g5-r5-c32-x2", "rcan-g5-r5-c32-x4"]),
        ("fakd train --schedule", "", ["milestones", "cosine"]),
        ("fakd train --precision", "f", ["fp32", "fp16"]),
        ("fakd upscale photo.jpg --model", "bi", ["bicubic"]),
        # Nothing of ours begins so: bash goes on with names of files.
        ("fakd train --student", "./ru", []),
    ],
)
def test_bash_completes_commands_options_and_values(words: str, word: str, expected: list[str]) -> None:
    assert offered(words, word) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completing_a_model_loads_no_torch(shell: str) -> None:
    program = (
        "import sys, fakd_core.cli\n"
        "status = fakd_core.cli.main([])\n"
        'sys.stderr.write(f\'{status} {sorted({"torch", "PySide6"} & set(sys.modules))}\')'
    )
    typed = "fakd info rcan-g5-r5"
    asked = {"_FAKD_COMPLETE": f"complete_{shell}", "COMP_WORDS": typed, "COMP_CWORD": "2"}
    variables = {"_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, **asked, **variables},
        timeout=300,
        check=False,
    )
    assert "rcan-g5-r5-c32-x4" in done.stdout
    assert done.stderr == "0 []"


def test_every_option_of_a_training_with_a_list_of_values_offers_them() -> None:
    for name, option in training_options().items():
        values = [value for value, _ in completion.values_of(option)]
        if option.choices:
            assert values == [str(choice) for choice in option.choices], name
        elif option.kind in ("model", "models"):
            assert set(bundled_models()) < set(values), name


@pytest.mark.parametrize("device", completion.DEVICES)
def test_devices_that_are_offered_are_devices(device: str) -> None:
    assert TrainConfig.build(
        student="rcan-small-student", train_data="samples", run="r", alpha=0, distill="none", device=device
    )
