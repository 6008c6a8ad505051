"""Fixtures of every test: where the reference data lies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("FAKD_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """`shared("golden/rcan_x4.npz")`: a path under the reference data; skips the test where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"reference data not found: {path} (set FAKD_SHARED to the folder that holds it)")
        return path

    return find
