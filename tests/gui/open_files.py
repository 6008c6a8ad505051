"""The file descriptors of this process."""

from __future__ import annotations

from pathlib import Path


def open_files() -> int:
    """How many file descriptors this process holds; 0 where the system does not say."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.is_dir() else 0
