"""What is behind the short messages about unexpected errors: kept for a while, to be copied into a report."""

from __future__ import annotations

import logging
import platform
import sys
import traceback
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication

from fakd_core import __version__

LOG = logging.getLogger(__name__)
KEPT = 20


class FailureLog(logging.Handler):
    """Keeps the details of the newest failures by their message."""

    def __init__(self) -> None:
        super().__init__()
        self.details: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record.args, tuple)
        message, details = (str(arg) for arg in record.args)
        when = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="seconds")
        self.details.pop(message, None)
        self.details[message] = f"{message}\n{when}\n\n{details}"
        for oldest in list(self.details)[:-KEPT]:
            del self.details[oldest]


def keep_failures() -> None:
    """Begin, once per process."""
    if _log() is None:
        LOG.addHandler(FailureLog())


def note_failure(message: str, error: BaseException) -> None:
    """Keep `error`'s traceback as what is behind `message`; from any thread."""
    LOG.error("%s\n%s", message, "".join(traceback.format_exception(error)))


def details_of(message: str) -> str:
    """What is behind `message`, which may say more than was noted; empty where nothing is."""
    log = _log()
    known = log.details.items() if log else ()
    return next((details for noted, details in reversed([*known]) if noted in message), "")


def newest_details() -> str:
    """What is behind the newest failure; empty where there was none."""
    log = _log()
    return [*log.details.values()][-1] if log and log.details else ""


def report(details: str) -> str:
    """`details` with what else a report needs."""
    return f"{details.rstrip()}\n\n{versions()}\n"


def _log() -> FailureLog | None:
    return next((handler for handler in LOG.handlers if isinstance(handler, FailureLog)), None)


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
