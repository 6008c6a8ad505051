"""Every image case through what reads images: the reader, `fakd upscale`, a folder, little memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from damaged_images import BOMBS, CASES, PNG, ImageCase
from image_files import RGB

from fakd_core.cli import main
from fakd_core.errors import DataError
from fakd_core.images import image_size, read_image

CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
ALONE = [case for number, case in enumerate(CASES) if number % 9 == 0 or callable(case.content)]
"""All others go through the same command as one folder."""
MOST_MEMORY_MB = 250
"""What a bomb may add to a process: WebP has its canvas before it can be refused."""


def is_one_clear_line(line: str, case: ImageCase) -> bool:
    """Names the file, matches the case's pattern, and says what to do."""
    return (
        case.file in line and bool(re.search(str(case.expected), line)) and "; " in line and "\n" not in line
    )


@CASE
def test_reading_gives_the_pixels_or_one_line(
    case: ImageCase, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = case.make(tmp_path)
    if isinstance(case.expected, str):
        with pytest.raises(DataError) as caught:
            read_image(path)
        assert is_one_clear_line(str(caught.value), case)
    else:
        pixels = read_image(path)
        assert pixels.dtype == np.uint8
        assert pixels.shape == case.expected.shape
        assert np.abs(pixels.astype(int) - case.expected).max() <= case.tolerance
        assert image_size(path) == pixels.shape[1::-1]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("case", ALONE, ids=lambda case: case.file)
def test_upscaling_writes_an_image_or_says_one_line(
    case: ImageCase, tiny_x2: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = case.make(tmp_path), tmp_path / "out"
    status = main(["upscale", str(path), "--model", str(tiny_x2), "--out", str(out)])
    output, error = capsys.readouterr()
    if isinstance(case.expected, str):
        assert (status, output) == (1, "")
        # A folder is taken for one of images.
        assert path.is_dir() or is_one_clear_line(error.removesuffix("\n"), case)
        assert error.startswith("error: ")
        assert not out.exists()
    else:
        assert (status, error) == (0, "")
        [result] = out.iterdir()
        height, width, _ = case.expected.shape
        assert image_size(result) == (2 * width, 2 * height)


def in_one_folder(folder: Path) -> list[ImageCase]:
    """The cases that a listing of `folder` has, in its order, each under a name of its own."""
    listed = []
    for number, case in enumerate(CASES):
        path = case.make(folder)
        if path.is_file() and path.suffix:
            path.rename(folder / f"{number} {case.file}")
            listed.append(case)
    return listed


def test_in_a_folder_every_bad_file_is_reported_and_the_rest_is_done(
    tiny_x2: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "all", tmp_path / "out"
    folder.mkdir()
    listed = in_one_folder(folder)
    bad = [case for case in listed if not case.good]
    assert main(["upscale", str(folder), "--model", str(tiny_x2), "--out", str(out)]) == 1
    *reasons, last = capsys.readouterr().err.splitlines()
    assert all(is_one_clear_line(line, case) for line, case in zip(reasons, bad, strict=True))
    assert last.startswith(f"error: {len(bad)} of {len(listed)} images were not enlarged")
    assert len(list(out.iterdir())) == len(listed) - len(bad)


def test_a_bomb_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    paths = [str(case.make(tmp_path)) for case in BOMBS]
    # A process of its own: what others took before would hide it.
    script = """
import resource, sys
from pathlib import Path
from fakd_core.errors import DataError
from fakd_core.images import image_size, read_image
for path in map(Path, sys.argv[1:]):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read in (image_size, read_image):
        try:
            read(path)
        except DataError:
            pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, check=True)
    taken = {case.file: int(line) / 1024 for case, line in zip(BOMBS, done.stdout.split(), strict=True)}
    assert done.stderr == ""
    assert {name: mb for name, mb in taken.items() if mb > MOST_MEMORY_MB} == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a moment")
@pytest.mark.parametrize("locked", ["image.png", "."])
def test_without_permission_a_line_says_so(locked: str) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "image.png").write_bytes(PNG)
        assert np.array_equal(read_image(folder / "image.png"), RGB)
        (folder / locked).chmod(0)
        os.seteuid(65534)
        try:
            with pytest.raises(DataError, match=r"image\.png: no permission to read it; change its"):
                read_image(folder / "image.png")
        finally:
            os.seteuid(0)
            (folder / locked).chmod(0o700)
