"""The public names: loaded on first use, typed for other programs, and documented with examples that run."""

from __future__ import annotations

import doctest
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fakd_core

ROOT = Path(__file__).parents[2]
PUBLIC = {
    *("load_model", "create_model", "list_architectures"),
    *("DistillationLoss", "spatial_affinity_loss", "affinity_row"),
    *("TrainConfig", "train", "resume_training"),
    *("upscale", "evaluate", "psnr_y", "ssim_y"),
    *("imresize_bicubic", "read_image", "write_image"),
}
TYPED = """
from pathlib import Path
from fakd_core import create_model, evaluate, load_model, psnr_y, train, upscale

reveal_type(load_model)
reveal_type(create_model("rcan", scale=4).spec.scale)
reveal_type(psnr_y)
reveal_type(upscale)
reveal_type(train)
reveal_type(evaluate)
"""


def test_every_public_name_is_there_and_listed() -> None:
    assert set(fakd_core.__all__) == PUBLIC
    assert set(dir(fakd_core)) >= PUBLIC
    namespace: dict[str, object] = {}
    exec("from fakd_core import *", namespace)
    assert namespace.keys() >= PUBLIC
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = fakd_core.no_such_name  # type: ignore[attr-defined]


def test_a_type_checker_outside_sees_the_types(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "typed.py").write_text(TYPED)
    cache, ours = ROOT / ".mypy_cache" / "outside", ROOT / ".mypy_cache" / f"3.{sys.version_info.minor}"
    if ours.exists() and not cache.exists():  # `make lint` has read the libraries' types, half of the work.
        shutil.copytree(ours, cache / ours.name)
    options = ["--strict", "--config-file=", "--cache-dir", str(cache)]
    command = [sys.executable, "-m", "mypy", *options, "examples", "typed.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    revealed = [line for line in done.stdout.splitlines() if "Revealed type" in line]
    assert len(revealed) == 6
    assert not [line for line in revealed if '"Any"' in line]
    assert "fakd_core.models.layers.SRNetwork" in revealed[0]
    assert "Iterator[" in revealed[4]


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_the_documented_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = inspect.getdoc(getattr(fakd_core, name)) or ""
    # Without the names of its module: a reader must be able to type it in.
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert example.examples, "no example"
    output: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST).run(example, out=output.append)
    assert result.failed == 0, "".join(output)
