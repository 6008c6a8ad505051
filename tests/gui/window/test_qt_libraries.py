"""System libraries that Qt lacks are named before Qt aborts the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakd_gui.window.qt_libraries import EVERYWHERE, WAYLAND, XCB, advice

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Qt brings its libraries along")
DISPLAYS = ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")


def start(folder: Path, *absent: str, program: str = "fakd_gui", **display: str) -> tuple[int, str, str]:
    """Status, stdout and stderr of a start where the files `absent` are no libraries."""
    for name in absent:
        (folder / name).touch()
    kept = {name: value for name, value in os.environ.items() if name not in DISPLAYS}
    done = subprocess.run(
        [sys.executable, "-m", program],
        env={**kept, "LD_LIBRARY_PATH": str(folder), **display},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_one_line_names_every_library_that_an_x11_window_lacks(tmp_path: Path) -> None:
    absent = ["libxcb-cursor.so.0", "libxkbcommon-x11.so.0"]
    status, _, line = start(tmp_path, *absent, DISPLAY=":7")
    assert (status, line.count("\n")) == (1, 1)
    assert line.startswith("error: Qt lacks system libraries: ")
    assert all(name in line for name in absent)


def test_so_are_those_without_which_qt_can_not_even_be_imported(tmp_path: Path) -> None:
    status, _, line = start(tmp_path, "libEGL.so.1", QT_QPA_PLATFORM="offscreen")
    assert (status, line.count("\n")) == (1, 1)
    assert "libEGL.so.1; install" in line


def test_make_reads_the_packages(tmp_path: Path) -> None:
    program = "fakd_gui.window.qt_libraries"
    assert start(tmp_path, "libxcb-cursor.so.0", program=program) == (0, "", "")
    _, packages, _ = start(tmp_path, "libwayland-client.so.0", program=program, WAYLAND_DISPLAY="wayland-7")
    assert "libwayland-client0" in packages.split()
    # A library that is not in the tables is named itself.
    _, packages, _ = start(tmp_path, "libstdc++.so.6", program=program, QT_QPA_PLATFORM="offscreen")
    assert "libstdc++.so.6" in packages.split()


@pytest.mark.parametrize(
    ("installer", "command"),
    [
        ("apt-get", "install them: sudo apt-get install libegl1 libxcb-cursor0"),
        ("dnf", "install them: sudo dnf install 'libEGL.so.1()(64bit)' 'libxcb-cursor.so.0()(64bit)'"),
        ("pacman", "install the packages of your system that hold them"),
    ],
)
def test_the_command_is_that_of_the_system(
    installer: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / installer).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = {name: (EVERYWHERE | XCB | WAYLAND)[name] for name in ("libEGL.so.1", "libxcb-cursor.so.0")}
    line = advice(missing)
    assert line == f"Qt lacks system libraries: libEGL.so.1 libxcb-cursor.so.0; {command}"
