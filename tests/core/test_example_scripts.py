"""The scripts in `examples/`, run as a reader would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from fakd_core import load_model
from fakd_core.assets import assets_dir
from fakd_core.data.image_files import read_image, write_image

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: object) -> list[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_distil(tmp_path: Path) -> None:
    *scores, student = run("distil.py", tmp_path / "run", 2)
    assert scores[0].startswith("bicubic ")
    assert scores[-1].startswith("step 2: ")
    assert load_model(Path(student)).spec.n_feats == 32


def test_compare(tmp_path: Path) -> None:
    for name in ("astronaut", "coffee"):
        write_image(
            tmp_path / f"{name}.png", read_image(assets_dir() / f"samples/{name}.png")[100:228, 150:278]
        )
    lines = [line.split() for line in run("compare.py", tmp_path)]
    scores = {model: float(psnr) for model, psnr, *_ in lines}
    assert next(iter(scores)) == "bicubic"
    assert scores["bicubic"] < scores["rcan-g5-r1-c32-x4-fakd"] < scores["rcan-g5-r5-c32-x4"]


def test_affinity(tmp_path: Path) -> None:
    lines = run("affinity.py", assets_dir() / "samples/astronaut.png", tmp_path / "maps.png")
    distances = [float(line.split()[-1]) for line in lines]
    assert distances[0] == 0
    assert distances[1] < distances[2], "the distilled student is nearer to the teacher"
    maps = np.split(read_image(tmp_path / "maps.png"), 3, axis=1)
    assert all(one[40, 60].max() == 255 for one in maps)


def test_none_is_left_untried() -> None:
    tried = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in EXAMPLES.glob("*.py")} <= tried
