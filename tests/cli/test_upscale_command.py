"""`fakd upscale` of several images: with bad ones, with too little memory, and stopped by Ctrl+C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from fakd_core import load_model
from fakd_core.cli import main
from fakd_core.data.image_files import read_image, write_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.inference.upscale import upscale
from fakd_core.models.layers import SRNetwork


def test_a_bad_image_is_reported_and_the_others_are_enlarged(
    small_teacher: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("coffee0", "chelsea0"):
        (folder / f"{name}.png").symlink_to(photos / f"{name}.png")
    (folder / "broken.png").write_bytes(b"not an image")
    gone = tmp_path / "gone.png"
    arguments = ["upscale", str(gone), str(folder), "--model", str(small_teacher), "--out", str(out)]
    assert main(arguments) == 1
    output, error = capsys.readouterr()
    first, second, last = error.splitlines()
    assert "gone.png: no such file" in first
    assert "broken.png" in second
    assert last == "error: 2 of 4 images were not enlarged; the reasons are above"
    written = [out / f"{name}_x4.png" for name in ("chelsea0", "coffee0")]
    assert output.splitlines() == [f"{path} (512x512)" for path in written]
    assert sorted(out.iterdir()) == written
    expected = upscale(load_model(small_teacher), read_image(photos / "coffee0.png"))
    assert np.array_equal(read_image(written[1]), expected)


@pytest.mark.parametrize(("options", "scale"), [([], 4), (["--scale", "3"], 3)])
def test_bicubic_is_a_model_too(photos: Path, tmp_path: Path, options: list[str], scale: int) -> None:
    source, out = photos / "coffee0.png", tmp_path / "out"
    assert main(["upscale", str(source), "--model", "bicubic", "--out", str(out), *options]) == 0
    expected = imresize_bicubic(read_image(source), scale)
    assert np.array_equal(read_image(out / f"coffee0_x{scale}.png"), expected)


def test_a_result_may_have_more_pixels_than_an_input(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fakd_core.data.image_files.MAX_PIXELS", 200 * 200)
    command = ["upscale", str(photos / "coffee0.png"), "--model", "bicubic", "--out", str(tmp_path)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'coffee0_x4.png'} (512x512)\n"


def test_an_input_is_never_overwritten(photos: Path, tmp_path: Path) -> None:
    for name in ("a.png", "a_x4.png"):
        (tmp_path / name).write_bytes((photos / "coffee0.png").read_bytes())
    assert main(["upscale", str(tmp_path), "--model", "bicubic", "--out", str(tmp_path)]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a_x4.png"]
    assert (tmp_path / "a_x4.png").read_bytes() == (photos / "coffee0.png").read_bytes()


def test_running_out_of_memory_is_reported_and_the_image_is_enlarged(
    small_teacher: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forward = SRNetwork.forward

    def hungry(self: SRNetwork, lr: torch.Tensor) -> torch.Tensor:
        if lr.device.type != "meta" and max(lr.shape[2:]) > 100:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, lr)

    monkeypatch.setattr(SRNetwork, "forward", hungry)
    out = tmp_path / "out"
    source = photos / "coffee0.png"
    assert main(["upscale", str(source), "--model", str(small_teacher), "--out", str(out)]) == 0
    output, error = capsys.readouterr()
    assert error == "coffee0.png: out of memory with 128 LR pixels at once, continuing with 96\n"
    assert output == f"{out / 'coffee0_x4.png'} (512x512)\n"
    assert read_image(out / "coffee0_x4.png").shape == (512, 512, 3)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_no_partial_image(small_teacher: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "large.png", tmp_path / "out"
    write_image(source, np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "fakd_core.cli", "upscale", str(source), "--model", str(small_teacher)),
            *("--out", str(out), "--tile", "128"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 60
    # Not before some strips are in the unfinished file.
    while not (out.exists() and any(path.stat().st_size > 100_000 for path in out.iterdir())):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=30)
    assert (process.returncode, output, error) == (130, "", "stopped\n")
    assert not list(out.iterdir())
