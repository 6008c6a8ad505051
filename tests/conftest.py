"""Fixtures of every test: where the reference data lies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

SHARED = Path(os.environ.get("FAKD_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded images and settings of tests stay out of the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKD_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("FAKD_CONFIG", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """`shared("golden/rcan_x4.npz")`: a path under the reference data; skips the test where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"reference data not found: {path} (set FAKD_SHARED to the folder that holds it)")
        return path

    return find


@pytest.fixture(scope="session")
def spandrel() -> ModuleType:
    """The library that reads other projects' networks."""
    from fakd_core.models.external.loader import import_spandrel

    found = import_spandrel()
    if isinstance(found, Exception):
        pytest.skip(f"spandrel can't be imported: {found}")
    return found


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six 128x128 crops of real photographs."""
    from skimage import data

    from fakd_core.data.image_files import write_image

    folder = tmp_path_factory.mktemp("photos")
    for name, image in (
        ("astronaut", data.astronaut()),
        ("chelsea", data.chelsea()),
        ("coffee", data.coffee()),
    ):
        for number, (top, left) in enumerate([(0, 100), (140, 220)]):
            write_image(folder / f"{name}{number}.png", image[top : top + 128, left : left + 128])
    return folder


@pytest.fixture(scope="session")
def small_teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a tiny x4 RCAN with random weights."""
    import torch

    from fakd_core import create_model
    from fakd_core.models.checkpoint import save_safetensors

    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    save_safetensors(create_model("rcan", n_feats=8, n_resgroups=4, n_resblocks=2, reduction=4), path)
    return path
