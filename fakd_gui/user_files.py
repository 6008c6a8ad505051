"""Where the app keeps what belongs to its user: presets, and what the next start restores."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CONFIG_VARIABLE = "FAKD_CONFIG"
"""The environment variable that names another folder."""


def config_folder() -> Path:
    """The user's folder of settings; it need not exist yet."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_config_path("fakd")
