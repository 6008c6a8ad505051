"""Failures as the window shows them, and what a bug report needs."""

from __future__ import annotations

import platform
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication

from fakd_core import __version__
from fakd_core.errors import FakdError, describe_unexpected

PACKAGES = ("torch", "PySide6-Essentials", "numpy", "pyqtgraph", "scikit-image", "pillow")


@dataclass(frozen=True)
class Problem:
    """One failure: a line for the user and, if nobody expected it, details for a bug report.

    Args:
        text: What was expected, what was found and what to do.
        path: The file or folder that it is about.
        details: When it happened, and the traceback.
    """

    text: str
    path: Path | None = None
    details: str = ""

    @classmethod
    def of(cls, error: BaseException, path: Path | None = None) -> Problem:
        """The problem that `error`, which was raised, stands for; from any thread."""
        if isinstance(error, FakdError):
            return cls(str(error), path)
        when = datetime.now().astimezone().isoformat(timespec="seconds")
        traced = "".join(traceback.format_exception(error))
        return cls(describe_unexpected(error), path, f"{when}\n\n{traced}")


def bug_report(*problems: Problem) -> str:
    """The texts and details of `problems`, and the versions in use."""
    details = "\n\n".join(f"{problem.text}\n{problem.details}".rstrip() for problem in problems)
    return f"{details}\n\n{versions()}\n"


def versions(device: str = "") -> str:
    """One line each: the program, what it runs on, and the libraries."""
    lines = [
        f"FAKD Workbench {__version__}",
        f"Python {sys.version.split()[0]}",
        f"Qt {qVersion()} ({QGuiApplication.platformName()})",
    ]
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            lines.append(f"{package} {version(package)}")
    return "\n".join([*lines, platform.platform(), *([device] if device else [])])
