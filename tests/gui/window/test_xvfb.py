"""The window on a real X server, which maps and exposes windows as the offscreen platform does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = (
    "test_pictures.py::test_every_workspace",
    "test_main_window.py::test_keys_switch_workspaces",
    "test_main_window.py::test_dropped_files_open_in_their_workspaces",
    "test_menus.py::test_undo_takes_the_newest_change_first",
)


@pytest.fixture
def display() -> Iterator[str]:
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("Xvfb not found: install it to try the window on an X server")
    reading, writing = os.pipe()
    command = [server, "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as running:
        os.close(writing)
        with os.fdopen(reading) as answer:
            yield f":{answer.readline().strip()}"
        running.terminate()


@pytest.mark.parametrize("scaling", ["1", "1.5"])
def test_on_an_x_server(display: str, scaling: str) -> None:
    here = Path(__file__).parent
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *(str(here / name) for name in TESTS),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=here.parents[2],
        env={**os.environ, "QT_QPA_PLATFORM": "xcb", "DISPLAY": display, "QT_SCALE_FACTOR": scaling},
    )
    if "could not load the Qt platform plugin" in done.stderr.lower():
        pytest.skip("Qt's X11 libraries are not installed")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
