"""The `fakd` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["STOPPED", "main"]

STOPPED = 130
"""The exit status of a command that was stopped by Ctrl+C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv`; return its exit status."""
    try:
        # Imported here, so that Ctrl+C during the import gives no traceback either.
        from fakd_core.cli.commands import run

        return run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return STOPPED
