"""Waiting threads give up their core, unless the user set otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fakd_core.runtime.cpu_tuning import SPIN_COUNT, limit_openmp_spinning


def test_the_users_settings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    limit_openmp_spinning()
    assert "GOMP_SPINCOUNT" not in os.environ
    monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    limit_openmp_spinning()
    assert os.environ["GOMP_SPINCOUNT"] == "7"


def test_the_command_line_sets_it_before_torch_is_loaded() -> None:
    program = (
        "import os, sys; from fakd_core.cli import main; assert 'torch' not in sys.modules;"
        "main(['--version']); print(os.environ['GOMP_SPINCOUNT'])"
    )
    environment = {name: value for name, value in os.environ.items() if "OMP" not in name}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.split()[-1] == SPIN_COUNT
