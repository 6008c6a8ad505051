"""The wheel and the source archive: what is in them, and that an installed wheel works by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import hatchling.build
import pytest

from fakd_core import __version__

ROOT = Path(__file__).parents[1]
NAME = f"fakd_workbench-{__version__}"
INFO = f"{NAME}.dist-info"
DATA = f"{NAME}.data"
MENU = {"share/applications/fakd-workbench.desktop", "share/icons/hicolor/scalable/apps/fakd-workbench.svg"}

WINDOW = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
import fakd_core, fakd_gui
from fakd_gui.app import make_application, make_window
from fakd_gui.session.session import Session

app = make_application()
assert not app.windowIcon().pixmap(32, 32).isNull()
window = make_window(Session(runs_root=Path("runs")))
window.show()
QTimer.singleShot(3000, lambda: (window.grab().save("window.png"), window.close(), app.quit()))
app.exec()
print(fakd_core.__file__, fakd_gui.__file__)
"""


def tracked(*folders: str) -> set[str]:
    """The files that the repository keeps below `folders`; outside a repository, those that lie there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], capture_output=True, text=True, cwd=ROOT, check=False
    )
    names = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    return names or {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        folder = tmp_path_factory.mktemp("wheel")
        return folder / hatchling.build.build_wheel(str(folder))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        folder = tmp_path_factory.mktemp("sdist")
        return folder / hatchling.build.build_sdist(str(folder))


def test_the_wheel_holds_the_packages_the_assets_and_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read(f"{INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assets = {name.replace("assets/", "fakd_core/_assets/", 1) for name in tracked("assets")}
    assert "fakd_core/_assets/icon.svg" in assets
    assert not (tracked("fakd_core", "fakd_gui") | assets) - names


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"fakd_core", "fakd_gui", INFO, DATA}
    others = (INFO, DATA, "fakd_core/_assets/", "fakd_core/_docs/")
    code = [name for name in names if not name.startswith(others)]
    assert {Path(name).suffix for name in code} == {".py", ".pyi", ".typed"}
    pages = {name.removeprefix("fakd_core/_docs/") for name in names if name.startswith("fakd_core/_docs/")}
    docs = ROOT / "docs"
    shown = [*docs.glob("*.md"), *docs.glob("images/*")]
    assert pages == {path.relative_to(docs).as_posix() for path in shown}
    assert {name.removeprefix(f"{DATA}/data/") for name in names if name.startswith(DATA)} == MENU


def test_the_wheel_says_what_it_needs_and_which_commands_it_brings(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        said = Parser().parsestr(archive.read(f"{INFO}/METADATA").decode())
        commands = archive.read(f"{INFO}/entry_points.txt").decode()
    assert said["License-Expression"] == "MIT"
    assert said["Requires-Python"] == ">=3.11"
    needed = [name for name in said.get_all("Requires-Dist", []) if "extra == 'd" not in name]
    own = [name for name in needed if not name.startswith("fakd-workbench")]
    assert len(own) > 15
    assert not [name for name in own if ">=" not in name], "without a lowest version"
    extras = set(said.get_all("Provides-Extra", []))
    assert extras >= {"gui", "teachers", "export", "tensorboard", "all"}
    assert "fakd = fakd_core.cli:main" in commands
    assert "fakd-gui = fakd_gui.__main__:main" in commands


def test_the_source_archive_holds_all_that_the_repository_does(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {member.name.removeprefix(f"{NAME}/") for member in archive.getmembers()}
    repository = tracked(".")
    assert not repository - names
    # And nothing that lies about: environments, runs, what the tools left.
    places = {name.split("/")[0] for name in repository} | {"PKG-INFO"}
    assert {name.split("/")[0] for name in names} <= places


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_made_of_the_source_archive_works_outside_the_checkout(sdist: Path, tmp_path: Path) -> None:
    built = tmp_path / "built"
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / NAME
    run([sys.executable, "-m", "build", "--no-isolation", "--wheel", "-o", str(built), str(source)], tmp_path)
    shutil.rmtree(source)
    venv = tmp_path / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", str(venv)], tmp_path)
    python = venv / "bin/python"
    install = ["--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    run([sys.executable, "-m", "pip", *install, str(next(built.glob("*.whl")))], tmp_path)
    # What the program needs is here already. A folder named in a .pth comes last, and its own .pth files,
    # such as the one that leads to this checkout, are not read.
    site = Path(
        run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], tmp_path).strip()
    )
    (site / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    fakd = str(venv / "bin/fakd")
    assert "rcan-g5-r5-c32-x4" in run([fakd, "info", "--list"], tmp_path)
    sizes = ["--steps", "2", "--batch", "2", "--patch", "16", "--val-images", "1"]
    words = ["--student", "rcan:n_resgroups=1,n_resblocks=1,n_feats=32", "--teacher", "rcan-g5-r5-c32-x4"]
    run([fakd, "train", "--train-data", "samples", *words, *sizes, "--run", "runs/first"], tmp_path)
    assert (tmp_path / "runs/first/student.safetensors").is_file()
    photo = site / "fakd_core/_assets/samples/rocket.jpg"
    run([fakd, "upscale", str(photo), "--model", "runs/first", "--out", "enlarged"], tmp_path)
    assert len(list((tmp_path / "enlarged").glob("*.png"))) == 1

    output = run([str(python), "-c", WINDOW], tmp_path).split()
    assert all(Path(place).is_relative_to(site) for place in output), output
    assert (tmp_path / "window.png").stat().st_size > 20_000
    assert all((venv / name).is_file() for name in MENU)
    assert run([str(venv / "bin/fakd-gui"), "--help"], tmp_path).startswith("usage: fakd-gui")


def run(command: list[str], folder: Path) -> str:
    """The output of `command`, in `folder`, with nothing of this checkout on its path."""
    kept = {
        name: value for name, value in os.environ.items() if not re.match(r"PYTHON|COV_|VIRTUAL_ENV", name)
    }
    own = {
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_STATE_HOME": str(folder / "state"),
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, **own, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
