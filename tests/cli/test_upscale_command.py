"""`fakd upscale`: bad images among others, existing results, kinds of pixels, too little memory, Ctrl+C."""

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
from fakd_core.data.image_files import read_image, read_picture, write_image
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
    deadline = time.monotonic() + 300
    # Not before some strips are in the unfinished file.
    while not (out.exists() and any(path.stat().st_size > 100_000 for path in out.iterdir())):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=300)
    assert (process.returncode, output, error) == (130, "", "stopped\n")
    assert not list(out.iterdir())


RAMP = np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3)


def bicubic(*arguments: object) -> int:
    return main(["upscale", *map(str, arguments), "--model", "bicubic", "--scale", "2"])


def test_long_names_are_written_and_a_result_with_too_long_a_name_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    names = ["a", "b" * 248, "c" * 249, "日" * 80, "z"]
    for name in names:
        write_image(folder / f"{name}.png", RAMP)
    assert bicubic(folder, "--out", out) == 1
    assert sorted(path.stem for path in out.iterdir()) == sorted(f"{n}_x2" for n in names if n[0] != "c")
    reason, last = capsys.readouterr().err.splitlines()
    assert reason == f"error: {out / names[2]}_x2.png: File name too long"
    assert last == "error: 1 of 5 images were not enlarged; the reasons are above"


@pytest.mark.parametrize("name", ["big.png", "big.jpg", "BIG.TIF"])
def test_out_may_name_the_file_of_one_image(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / "in/a.png", RAMP)
    out = tmp_path / "new" / name
    assert bicubic(tmp_path / "in", "--out", out) == 0
    assert read_image(out).shape == (16, 18, 3)
    assert list(out.parent.iterdir()) == [out]


def test_out_that_can_not_be_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.png"):
        write_image(tmp_path / "in" / name, RAMP)
    assert bicubic(tmp_path / "in", "--out", tmp_path / "big.png") == 2
    assert bicubic(tmp_path / "in/a.png", "--out", tmp_path / "big.gif") == 2
    several, other = capsys.readouterr().err.splitlines()
    assert several.endswith("big.png: one file, but 2 images are enlarged; name a folder with --out")
    assert "big.gif: expected a name that ends in .png, .jpg" in other
    (tmp_path / "folder.png").mkdir()
    assert bicubic(tmp_path / "in", "--out", tmp_path / "folder.png") == 0
    assert len(list((tmp_path / "folder.png").iterdir())) == 2


def test_existing_results_are_refused_kept_or_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.png", "b.png", "c.png"):
        write_image(folder / name, RAMP)
    write_image(out / "a_x2.png", RAMP[:1])
    write_image(out / "b_x2.png", RAMP[:1])
    assert bicubic(folder, "--out", out) == 2
    assert capsys.readouterr().err == (
        f"error: 2 of 3 files already exist, such as {out / 'a_x2.png'}; choose another name, or use "
        "--skip-existing to keep results, or --force to overwrite\n"
    )
    assert not (out / "c_x2.png").exists()
    assert bicubic(folder, "--out", out, "--skip-existing") == 0
    assert capsys.readouterr() == (
        f"{out / 'c_x2.png'} (18x16)\n",
        "note: kept 2 of 3 results, which exist already\n",
    )
    assert len(read_image(out / "a_x2.png")) == 1
    assert bicubic(folder, "--out", out, "--force") == 0
    assert [len(read_image(path)) for path in sorted(out.iterdir())] == [16, 16, 16]
    assert bicubic(folder, "--out", out, "--force", "--skip-existing") == 2


def test_images_that_can_not_be_read_are_counted_by_suffix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    write_image(folder / "a.jpg", RAMP)
    (folder / "a.jpg").rename(folder / "a.jfif")
    for name in ("b.HEIC", "c.heic", "d.psd", "notes.txt", ".hidden.psd"):
        (folder / name).touch()
    (folder / "e.png").symlink_to("nowhere")
    assert bicubic(folder, "--out", tmp_path / "out") == 0
    said = (
        f"{folder}: left out 2 .heic, 1 .psd, 1 broken link, which can't be read here; "
        "save them as PNG or JPEG\n"
    )
    assert capsys.readouterr() == (f"{tmp_path / 'out/a_x2.png'} (18x16)\n", f"note: {said}")
    (folder / "a.jfif").unlink()
    assert bicubic(folder, "--out", tmp_path / "out") == 1
    assert capsys.readouterr().err == f"error: {said}"


def test_colours_and_transparency_are_enlarged_apart(tmp_path: Path) -> None:
    alpha = np.linspace(0, 255, 72).astype(np.uint8).reshape(8, 9)
    write_image(tmp_path / "a.png", np.dstack([RAMP, alpha]))
    assert bicubic(tmp_path / "a.png", "--out", tmp_path) == 0
    result = read_picture(tmp_path / "a_x2.png")
    assert np.array_equal(result.rgb, imresize_bicubic(RAMP, 2))
    assert result.alpha is not None
    assert np.array_equal(result.alpha, imresize_bicubic(alpha[..., None].repeat(3, 2), 2)[..., 0])


def test_a_grey_image_stays_grey(tmp_path: Path, small_teacher: Path) -> None:
    write_image(tmp_path / "a.png", RAMP[..., 0].copy())
    arguments = ["--model", str(small_teacher), "--out", str(tmp_path / "out")]
    assert main(["upscale", str(tmp_path / "a.png"), *arguments]) == 0
    result = read_picture(tmp_path / "out/a_x4.png")
    assert result.is_grey
    network = load_model(small_teacher)
    colours = upscale(network, RAMP[..., :1].repeat(3, 2))
    assert np.abs(result.rgb[..., 0] - colours @ np.array([0.299, 0.587, 0.114])).max() <= 0.5
