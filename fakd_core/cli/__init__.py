"""The `fakd` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fakd_core.cli.exit_status import STOPPED

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv`; return its exit status."""
    try:
        # Imported here, so that Ctrl+C during the import gives no traceback either.
        from fakd_core.cli.commands import run

        return run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return STOPPED
