"""Scale and size from a file's header, without torch."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from fakd_core.assets import assets_dir
from fakd_core.models.headers import read_header
from fakd_core.runs.references import load_model

NAME = "rcan-g5-r1-c32-x2-fakd"


def test_a_header_has_the_scale_and_the_number_of_parameters() -> None:
    model = load_model(NAME)
    parameters = sum(weight.numel() for weight in model.parameters())
    found = read_header(assets_dir() / "models" / f"{NAME}.safetensors")
    assert found is not None
    assert found.scale == 2
    # The file also holds the mean colour.
    assert found.parameters == pytest.approx(parameters, rel=1e-3)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        struct.pack("<Q", 1 << 60),
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 22) + b'{"__metadata__": "none"',
    ],
)
def test_files_of_others_and_damaged_ones_have_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(content)
    assert read_header(file) is None
    assert read_header(tmp_path / "a.pth") is None
