"""Compiled networks train the same and are not changed; without a compiler, an error says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fakd_core import create_model
from fakd_core.models.checkpoint import save_safetensors
from fakd_core.training.compile import maybe_compile


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler uses what torch deprecates.
def test_a_compiled_pass_gives_the_same_maps_and_gradients_without_changing_the_network() -> None:
    torch.manual_seed(0)
    network = create_model("rcan", n_feats=8, n_resgroups=2, n_resblocks=1, reduction=4)
    keys = list(network.state_dict())
    lr = torch.rand(2, 3, 12, 12) * 255
    results = []
    for compiled in (False, True):
        network.zero_grad()
        sr, maps = maybe_compile(network, compiled)(lr)
        torch.stack([output.square().mean() for output in (sr, *maps)]).sum().backward()
        results.append(
            [
                *(output.detach() for output in (sr, *maps)),
                *(parameter.grad.clone() for parameter in network.parameters()),
            ]
        )
    for eager, quick in zip(*results, strict=True):
        torch.testing.assert_close(quick, eager, rtol=1e-4, atol=1e-4 * float(eager.abs().max()))
    assert list(network.state_dict()) == keys


def test_a_missing_compiler_is_reported_in_one_line(photos: Path, tmp_path: Path) -> None:
    teacher = tmp_path / "teacher.safetensors"
    save_safetensors(create_model("edsr", n_feats=4, n_resblocks=1), teacher)
    options = {
        "teacher": teacher,
        "student": "edsr:n_feats=4,n_resblocks=1",
        "train-data": photos,
        "run": tmp_path / "run",
        "batch": 1,
        "patch": 8,
        "val-images": 1,
    }
    done = subprocess.run(
        [
            *(sys.executable, "-m", "fakd_core.cli", "train", "--compile"),
            *(f"--{name}={value}" for name, value in options.items()),
        ],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "CXX": "/nowhere",
            "TORCHINDUCTOR_COMPILE_THREADS": "1",  # More are processes of their own, which import torch.
            "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
        },
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "can't compile" in line
    assert "drop --compile" in line
