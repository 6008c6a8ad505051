"""The system libraries that Qt loads on Linux, and the packages that hold them. Imports no Qt by itself."""

from __future__ import annotations

import argparse
import ctypes
import importlib
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

EVERYWHERE = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
"""Libraries of every Qt window, also one that is offscreen; with their packages in Debian and Ubuntu."""
XCB = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""Libraries of a window on an X11 display."""
WAYLAND = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
}
"""Libraries of a window on a Wayland display."""


def missing_packages() -> dict[str, str]:
    """The system libraries without which Qt can't open a window here, each with its package in Debian.

    Qt itself would abort the process. Empty on other systems than Linux, and wherever Qt can start.
    """
    if sys.platform != "linux":
        return {}
    platforms = _platforms()
    first = _missing_of_modules()
    if not first:
        # One that can be loaded is enough. A platform that Qt doesn't have is for Qt to report.
        errors = [_load_error(str(plugin)) for name in platforms for plugin in _plugins(name)]
        if not errors or not all(errors):
            return {}
        first = errors[-1]
    needed = EVERYWHERE | (XCB if "xcb" in platforms else {}) | (WAYLAND if "wayland" in platforms else {})
    missing = {name: package for name, package in needed.items() if _load_error(name)}
    return missing or {first: ""}


def advice(missing: dict[str, str]) -> str:
    """One line that names the missing libraries and the command that installs them."""
    names = " ".join(missing)
    if shutil.which("apt-get") and all(missing.values()):
        command = f"install them: sudo apt-get install {' '.join(missing.values())}"
    elif installer := next(filter(shutil.which, ("dnf", "zypper")), None):
        provided = " ".join(f"'{name}()(64bit)'" for name in missing)
        command = f"install them: sudo {installer} install {provided}"
    else:
        command = "install the packages of your system that hold them"
    return f"Qt lacks system libraries: {names}; {command}"


def _platforms() -> list[str]:
    """The platforms that Qt tries here, the preferred one first; none if there is no display."""
    if chosen := os.environ.get("QT_QPA_PLATFORM"):
        return [name.partition(":")[0] for name in chosen.split(";")]
    displays = {"wayland": "WAYLAND_DISPLAY", "xcb": "DISPLAY"}
    return [platform for platform, variable in displays.items() if os.environ.get(variable)]


def _plugins(platform: str) -> list[Path]:
    """The files of a platform; older versions of Qt have two for Wayland, with suffixes."""
    spec = find_spec("PySide6")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    plugins = folder / "Qt/plugins/platforms"
    return [path for name in (platform, f"{platform}-*") for path in sorted(plugins.glob(f"libq{name}.so"))]


def _missing_of_modules() -> str:
    """The first library that Qt's modules lack, such as 'libEGL.so.1'."""
    try:
        for module in ("QtWidgets", "QtOpenGLWidgets", "QtSvg"):
            importlib.import_module(f"PySide6.{module}")
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError):
            raise
        return _library(error)
    return ""


def _load_error(library: str) -> str:
    """The library that `library` lacks, or itself; empty if it can be loaded."""
    try:
        ctypes.CDLL(library)
    except OSError as error:
        return _library(error)
    return ""


def _library(error: Exception) -> str:
    """The library that the loader's message is about."""
    return Path(str(error).partition(":")[0]).name


if __name__ == "__main__":  # For the Makefile's commands.
    argparse.ArgumentParser(description="Print the packages of the system that Qt lacks.").parse_args()
    sys.stdout.write(" ".join(package or name for name, package in missing_packages().items()))
