"""Start of `fakd-gui`, `fakd gui` and `python -m fakd_gui`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fakd_gui.window.qt_libraries import advice, missing_packages


def main(argv: Sequence[str] | None = None) -> int:
    """Open the workbench, or say in one line which system libraries Qt lacks."""
    if missing := missing_packages():
        sys.stderr.write(f"error: {advice(missing)}\n")
        return 1
    from fakd_gui.app import main as open_window

    return open_window(argv)


if __name__ == "__main__":
    sys.exit(main())
