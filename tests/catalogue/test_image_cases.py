"""Every image case: read, upscaled, in a folder, and with little memory."""

from __future__ import annotations

import math
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
from fakd_core.data.image_files import image_size, read_image
from fakd_core.errors import DataError
from fakd_core.events import Notice, RunEnd, RunStarted
from fakd_core.runs.config import TrainConfig
from fakd_core.training.trainer import train

CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
SINGLE_PROCESS = [case for number, case in enumerate(CASES) if number % 9 == 0 or callable(case.content)]
"""The other cases go through the same command in one folder."""
MOST_MEMORY_MB = 250
"""Memory that a bomb may add to a process: WebP allocates its canvas before it can be refused."""


def is_one_clear_line(line: str, case: ImageCase) -> bool:
    """Check that a line names the file, matches the case's pattern, and says what to do."""
    return (
        case.file in line and bool(re.search(str(case.expected), line)) and "; " in line and "\n" not in line
    )


@CASE
def test_reading_gives_the_pixels_or_a_one_line_error(
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


@pytest.mark.parametrize("case", SINGLE_PROCESS, ids=lambda case: case.file)
def test_upscaling_writes_an_image_or_a_one_line_error(
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


def in_one_folder(folder: Path, least: int = 1) -> list[ImageCase]:
    """The cases in the order of the files in `folder`, each under a name of its own.

    Without those whose header tells a side under `least`.
    """
    listed = []
    folder.mkdir()
    for number, case in enumerate(CASES):
        path = case.make(folder)
        if path.is_file() and path.suffix and shortest_side(path) >= least:
            path.rename(folder / f"{number} {case.file}")
            listed.append(case)
        elif not path.is_dir():
            path.unlink()
    return listed


def shortest_side(path: Path) -> float:
    try:
        return min(image_size(path))
    except DataError:
        return math.inf


def test_in_a_folder_every_bad_file_is_reported_and_the_others_are_upscaled(
    tiny_x2: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "all", tmp_path / "out"
    listed = in_one_folder(folder)
    bad = [case for case in listed if not case.good]
    assert main(["upscale", str(folder), "--model", str(tiny_x2), "--out", str(out)]) == 1
    *reasons, last = capsys.readouterr().err.splitlines()
    assert all(is_one_clear_line(line, case) for line, case in zip(reasons, bad, strict=True))
    assert last.startswith(f"error: {len(bad)} of {len(listed)} images were not enlarged")
    assert len(list(out.iterdir())) == len(listed) - len(bad)


def training(folder: Path, tiny_x2: Path, run: Path) -> TrainConfig:
    (run.parent / "validation").mkdir(exist_ok=True)
    (run.parent / "validation" / "image.png").write_bytes(PNG)
    return TrainConfig.build(
        student=str(tiny_x2), teacher=str(tiny_x2), train_data=folder, val_data=run.parent / "validation",
        scale=2, steps=2, batch=2, patch=8, run=run,
    )  # fmt: skip


def test_training_leaves_bad_images_out(tiny_x2: Path, tmp_path: Path) -> None:
    listed = in_one_folder(tmp_path / "all", least=16)
    bad = [case for case in listed if not case.good]
    events = list(train(training(tmp_path / "all", tiny_x2, tmp_path / "run")))
    said = [event.text for event in events if isinstance(event, Notice)]
    notices = [text for text in said if text.startswith("left out")]
    assert any(
        text.endswith("training images have transparent pixels, which are white here") for text in said
    )
    assert all(is_one_clear_line(notice, case) for notice, case in zip(notices, bad, strict=True))
    assert all(notice.startswith("left out of the training: ") for notice in notices)
    [started] = [event for event in events if isinstance(event, RunStarted)]
    assert started.train_images == len(listed) - len(bad)
    assert isinstance(events[-1], RunEnd)


def test_training_on_bad_images_only_writes_nothing(tiny_x2: Path, tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "all/text.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"none of the 1 images .*text\.png: expected an image"):
        list(train(training(tmp_path / "all", tiny_x2, tmp_path / "run")))
    assert not (tmp_path / "run").exists()


def test_a_broken_image_held_out_for_validation_is_left_out_too(tiny_x2: Path, tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(PNG if number % 2 else PNG[:-40])
    config = training(tmp_path, tiny_x2, tmp_path / "run").model_copy(
        update={"val_data": (), "val_images": 3}
    )
    [started] = [event for event in train(config) if isinstance(event, RunStarted)]
    assert (started.train_images, started.validation_images) in [(1, 2), (2, 1)]


def test_a_bomb_is_refused_before_it_allocates_memory(tmp_path: Path) -> None:
    paths = [str(case.make(tmp_path)) for case in BOMBS]
    # A process of its own: what others took before would hide it.
    script = """
import resource, sys
from pathlib import Path
from fakd_core.errors import DataError
from fakd_core.data.image_files import image_size, read_image
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
def test_missing_permission_is_a_one_line_error(locked: str) -> None:
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
