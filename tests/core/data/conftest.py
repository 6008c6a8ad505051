"""Fixtures of the tests of data."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of stores in a cache folder of this test."""
    monkeypatch.setenv("FAKD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache/stores"
