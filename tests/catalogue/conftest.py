"""The smallest possible network, for cases that need one."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_x2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of an x2 EDSR with random weights."""
    import torch

    from fakd_core import create_model
    from fakd_core.models.checkpoint import save_safetensors

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    save_safetensors(create_model("edsr", scale=2, n_feats=4, n_resblocks=1), path)
    return path
