"""ONNX of other projects' networks: tried, compared with torch, or refused in one line."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from external_networks import external_file

from fakd_core import load_model
from fakd_core.errors import ConfigError, ExportError
from fakd_core.events import CancelToken
from fakd_core.export.checkpoints import Exported, export_model
from fakd_core.export.child_process import export_file


def test_another_project_s_network_is_tried_and_compared(spandrel: ModuleType, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("torch", minversion="2.13")
    file, out = external_file(tmp_path, "Compact"), tmp_path / "out.onnx"
    *_, exported = export_model(str(file), out)
    assert isinstance(exported, Exported)
    assert exported.parity is not None
    assert exported.parity.difference < 0.01
    lr = 255 * torch.rand(1, 3, 19, 23)
    (found,) = onnxruntime.InferenceSession(out).run(None, {"image": lr.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(found, load_model(file)(lr), atol=0.01)
    for other, options in (("out.pth", {}), ("half.onnx", {"half": True})):
        with pytest.raises(
            ConfigError, match=r"another project's network.*expected \.onnx, in full precision"
        ):
            list(export_model(str(file), tmp_path / other, **options))


def test_another_project_s_network_that_cannot_be_traced_is_one_line(
    spandrel: ModuleType, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("torch", minversion="2.13")
    file = str(external_file(tmp_path, "SPAN"))
    # torch 2.14 crashes.
    reason = r"^(SPAN can't be exported to ONNX: [^\x1b\n]*|the export ended unexpectedly \(exit code -11\))$"
    with pytest.raises(ExportError) as caught:
        list(export_file(file, tmp_path / "out.onnx", {}, cancel=CancelToken()))
    assert re.match(reason, str(caught.value))
    assert [path.name for path in tmp_path.iterdir()] == ["SPAN.pth"]
