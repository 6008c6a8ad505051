"""The environment of a Python process without what Windows lacks."""

from __future__ import annotations

from pathlib import Path

AS_ON_WINDOWS = {
    "PYTHONPATH": str(Path(__file__).parent / "as_on_windows"),
    "PYTHONIOENCODING": "cp1252",
    "PYTHONWARNDEFAULTENCODING": "1",
}
