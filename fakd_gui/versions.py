"""The versions that a report about an error needs."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication

from fakd_core import __version__

PACKAGES = ("torch", "PySide6-Essentials", "numpy", "pyqtgraph", "scikit-image", "pillow")


def versions(device: str = "") -> str:
    """A line per part: the program, what it runs on, and the libraries."""
    lines = [
        f"FAKD Workbench {__version__}",
        f"Python {sys.version.split()[0]}",
        f"Qt {qVersion()} ({QGuiApplication.platformName()})",
    ]
    for package in PACKAGES:
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return "\n".join([*lines, platform.platform(), *([device] if device else [])])
