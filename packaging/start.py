"""What the one-folder app starts: the window as `fakd-gui`, the commands as `fakd`."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path


def main() -> int:
    """Both programs of the folder are this one; the name it is called by says which is meant."""
    if Path(sys.argv[0]).stem == "fakd-gui":
        from fakd_gui.__main__ import main as start
    else:
        from fakd_core.cli import main as start
    return start()


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main())
