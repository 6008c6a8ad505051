"""Exit statuses of the `fakd` command."""

from __future__ import annotations

STOPPED = 130
"""The exit status of a command that was stopped by Ctrl+C."""
