"""Several commands in one process of their own, which loads torch once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence

NEXT = "--- the next command ---\n"
PROGRAM = f"""
import json, sys
from fakd_core.cli import main
for number, arguments in enumerate(json.loads(sys.argv[1])):
    sys.stdout.write({NEXT!r} if number else "")
    assert main(arguments) == 0
"""


def run_commands(
    commands: Iterable[Sequence[object]], **environment: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run `fakd` for each of the `commands` until one fails; the second value is the output of each."""
    words = json.dumps([[str(word) for word in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, words],
        capture_output=True,
        text=True,
        encoding=environment.get("PYTHONIOENCODING"),
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        check=False,
    )
    return done, done.stdout.split(NEXT)
