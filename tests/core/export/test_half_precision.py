"""Half precision is refused where it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakd_core import create_model
from fakd_core.errors import ExportError
from fakd_core.export.checkpoints import export_model
from fakd_core.models.checkpoint import save_safetensors


def test_half_precision_that_fails_on_extremes_is_refused(tmp_path: Path) -> None:
    """White exceeds what half precision holds, noise doesn't."""
    pytest.importorskip("torch", minversion="2.13")
    pytest.importorskip("onnxruntime")
    network = create_model("edsr", scale=4, n_feats=8, n_resblocks=2).eval()
    for weights in network.parameters():
        weights.data.zero_()
    # A sum over 3x3 pixels and channels, less their mean: above 65504 for white alone.
    network.head[0].weight.data[0] = 65504 / (27 * 130)
    save_safetensors(network, tmp_path / "model.safetensors")
    list(export_model(str(tmp_path / "model.safetensors"), tmp_path / "full.onnx"))
    with pytest.raises(ExportError, match=r"isn.t enough.*differ by up to (nan|inf) of 255 for white"):
        list(export_model(str(tmp_path / "model.safetensors"), tmp_path / "half.onnx", half=True))
    assert not (tmp_path / "half.onnx").exists()
