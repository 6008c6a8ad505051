"""Pillow reads the pixels that were written as PNG in strips; a failure writes nothing."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fakd_core.data.image_files import read_image, write_image
from fakd_core.data.png_writer import open_png
from fakd_core.data.resize import imresize_bicubic
from fakd_core.events import Cancelled


@given(
    width=st.integers(1, 70),
    strips=st.lists(st.integers(1, 70), min_size=1, max_size=4),
    flat=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pillow_reads_what_was_written(
    tmp_path: Path, width: int, strips: list[int], flat: bool, seed: int
) -> None:
    height = sum(strips)
    rng = np.random.default_rng(seed)
    img = rng.integers(0, 1 if flat else 256, (height, width, 3), dtype=np.uint8)
    # Views with gaps between their rows, as strips may be.
    wide = np.pad(img, ((0, 0), (2, 3), (0, 0)))[:, 2:-3]
    path = tmp_path / "sub" / "strips.png"
    with open_png(path, height, width) as write:
        for strip in np.split(wide, np.cumsum(strips)[:-1]):
            write(strip)
    with Image.open(path) as written:
        assert written.format == "PNG"
        written.verify()
    assert np.array_equal(read_image(path), img)


def test_enlarged_photos_are_no_larger_than_pillows(photos: Path, tmp_path: Path) -> None:
    ours = pillows = 0
    for photo in photos.iterdir():
        img = imresize_bicubic(read_image(photo), 4)
        with open_png(tmp_path / "ours.png", *img.shape[:2]) as write:
            write(img)
        write_image(tmp_path / "pillows.png", img)
        ours += (tmp_path / "ours.png").stat().st_size
        pillows += (tmp_path / "pillows.png").stat().st_size
    assert ours < 1.03 * pillows


@pytest.mark.parametrize("failure", [Cancelled(), RuntimeError("broken"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "strips.png"
    path.write_text("old")

    def break_off() -> None:
        with open_png(path, 80, 30) as write:
            write(np.zeros((40, 30, 3), np.uint8))
            assert len(list(tmp_path.iterdir())) == 2
            raise failure

    with pytest.raises(type(failure)):
        break_off()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("strips.png", "old")]


def test_missing_rows_are_an_error(tmp_path: Path) -> None:
    def write_too_few() -> None:
        with open_png(tmp_path / "x.png", 9, 3) as write:
            write(np.zeros((8, 3, 3), np.uint8))

    with pytest.raises(ValueError, match="9 rows in total, found 8"):
        write_too_few()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (500, 500, 3), dtype=np.uint8)
    path = tmp_path / "x.png"
    monkeypatch.setattr(Path, "touch", lambda self, exist_ok: self.symlink_to("/dev/full"))

    def write_noise() -> None:
        with open_png(path, 500, 500) as write:
            write(noise)

    with pytest.raises(OSError, match=r"x\.png") as raised:
        write_noise()
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(path))
    assert not list(tmp_path.iterdir())
