"""Exit statuses of the `fakd` command, and the status and message of each error."""

from __future__ import annotations

from fakd_core.errors import ConfigError, FakdError
from fakd_core.events import Cancelled

DONE = 0
FAILED = 1
WRONG_USAGE = 2
STOPPED = 130
"""Ctrl+C, Ctrl+Break or SIGTERM."""


def exit_status(error: BaseException) -> tuple[int, str]:
    """The status that a command ends with after `error`, and what it says."""
    if isinstance(error, Cancelled | KeyboardInterrupt):
        return STOPPED, "stopped"
    if isinstance(error, FakdError):
        return WRONG_USAGE if isinstance(error, ConfigError) else FAILED, str(error)
    if isinstance(error, OSError):
        # A full disk or missing permission: only the user can help.
        where = f"{error.filename}: " if error.filename else ""
        return FAILED, f"{where}{error.strerror or error}"

    from fakd_core.runtime.device import is_out_of_memory

    if is_out_of_memory(error):
        return FAILED, "not enough memory; use a smaller batch, patch, tile or network"
    return FAILED, f"unexpected {type(error).__name__}: {error} (--debug shows where)"
