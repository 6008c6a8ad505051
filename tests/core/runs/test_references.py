"""Model references."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fakd_core.errors import CheckpointError, ConfigError, RunError, UnsupportedArchitectureError
from fakd_core.models.checkpoint import save_safetensors
from fakd_core.models.factory import create_model
from fakd_core.models.presets import preset_spec
from fakd_core.runs import references
from fakd_core.runs.references import (
    bundled_models,
    has_weights,
    load_model,
    model_file,
    model_labels,
    resolve_spec,
    split_taps,
)


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that bundles one tiny model, and an empty folder to work in."""
    folder = tmp_path / "assets"
    save(folder / "models" / "tiny-teacher.safetensors", n_resblocks=3)
    monkeypatch.setattr(references, "assets_dir", lambda: folder)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return folder


def save(path: Path, n_resblocks: int) -> Path:
    save_safetensors(create_model("edsr", n_feats=8, n_resblocks=n_resblocks, scale=2), path)
    return path


def test_a_bundled_model_loads_by_name(assets: Path) -> None:
    assert bundled_models() == {"tiny-teacher": assets / "models" / "tiny-teacher.safetensors"}
    model = load_model("tiny-teacher")
    assert not model.training
    assert model(torch.zeros(1, 3, 4, 4)).shape == (1, 3, 8, 8)
    assert resolve_spec("tiny-teacher", scale=4).scale == 2


def test_bundled_names_win_and_a_path_reaches_the_file(assets: Path) -> None:
    save(Path("tiny-teacher") / "student.safetensors", n_resblocks=1)
    assert model_file("tiny-teacher") == assets / "models" / "tiny-teacher.safetensors"
    assert model_file("./tiny-teacher") == Path("tiny-teacher/student.safetensors")
    assert model_file(Path("tiny-teacher")) == Path("tiny-teacher/student.safetensors")


def test_files_and_run_folders(assets: Path) -> None:
    file = save(Path("mine.safetensors"), n_resblocks=1)
    assert model_file("mine.safetensors") == file
    run = Path("run")
    student = save(run / "student.safetensors", n_resblocks=1)
    assert model_file("run") == student
    best = save(run / "checkpoints" / "best.safetensors", n_resblocks=2)
    assert model_file("run") == best
    assert load_model(run).spec == load_model(best).spec


def test_sizes_that_weights_do_not_show_can_be_given(assets: Path) -> None:
    model = load_model("tiny-teacher", res_scale=0.1)
    assert model.spec.model_dump()["res_scale"] == 0.1
    assert load_model("tiny-teacher@res_scale=0.1,taps=1/3").spec == model.spec.model_copy(
        update={"taps": (1, 3)}
    )
    assert load_model("tiny-teacher@1,3", res_scale=0.1).spec.taps == (1, 3)
    with pytest.raises(ConfigError, match="edsr has no setting colour"):
        load_model("tiny-teacher@colour=red")
    with pytest.raises(ConfigError, match="scale can't be given"):
        load_model("tiny-teacher@scale=4")


@pytest.mark.parametrize(
    ("ref", "parts"),
    [
        ("net.pth@1,3", ("net.pth", "1,3")),
        ("net.pth@res_scale=0.1,taps=3/7", ("net.pth", "res_scale=0.1,taps=3/7")),
        ("runs@lr=1e-4/first", ("runs@lr=1e-4/first", "")),
        ("runs@taps=3/7/first", ("runs@taps=3/7/first", "")),
        ("me@work/net.pth", ("me@work/net.pth", "")),
    ],
)
def test_a_reference_is_split_at_its_taps_and_sizes_only(ref: str, parts: tuple[str, str]) -> None:
    assert split_taps(ref) == parts


def test_presets_and_sizes_have_a_spec_but_no_weights(assets: Path) -> None:
    assert resolve_spec("rcan-paper-student", scale=3) == preset_spec("rcan-paper-student", 3)
    assert resolve_spec("edsr:n_resblocks=4,taps=1/3", scale=8).taps == (1, 3)
    assert resolve_spec("san", scale=2).architecture == "san"
    assert resolve_spec("rcan-paper-student").scale == resolve_spec("san").scale == 4
    for ref in ("rcan-paper-student", "edsr:n_resblocks=4", "san"):
        assert not has_weights(ref)
        with pytest.raises(ConfigError, match="has no weights"):
            load_model(ref)


def test_unknown_names(assets: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"did you mean rcan-paper-student\?.*tiny-teacher.*san-paper-teacher"
    ):
        load_model("rcan-paper-studnet")
    with pytest.raises(ConfigError, match=r"did you mean tiny-teacher\?"):
        resolve_spec("tiny-techer")
    with pytest.raises(ConfigError, match=r"no model 'zzz'\. Bundled"):
        has_weights("zzz")
    with pytest.raises(UnsupportedArchitectureError, match="swinir"):
        resolve_spec("swinir:n_feats=8")


@pytest.mark.parametrize("ref", ["missing.safetensors", "missing.pth", "some/where", "./tiny"])
def test_missing_files(assets: Path, ref: str) -> None:
    assert has_weights(ref)
    with pytest.raises(CheckpointError, match="no such file"):
        load_model(ref)


def test_a_name_with_a_colon_is_sizes_only_after_a_word(assets: Path) -> None:
    assert not has_weights("edsr:n_resblocks=4")
    for path in ("my edsr:n_resblocks=4", "C:n_resblocks=4"):
        Path(path).touch()
        assert has_weights(path), "a file"


def test_a_folder_without_a_student(assets: Path) -> None:
    Path("empty").mkdir()
    with pytest.raises(RunError, match=r"no student in this folder; a run has checkpoints/best\.safetensors"):
        load_model("empty")


def test_names_are_listed_without_torch() -> None:
    """The window fills its forms before torch is imported."""
    code = (
        "import sys; from fakd_core.runs.references import bundled_models; bundled_models();"
        "from fakd_core.models.presets import PRESETS; assert PRESETS; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_labels_of_models_with_the_same_name_differ_by_folder() -> None:
    labels = model_labels(["/a/run1/student.safetensors", "/x/net.pt", "/y/net.pt", "bundled"])
    assert labels == {
        "/a/run1/student.safetensors": "run1",
        "/x/net.pt": "x/net",
        "/y/net.pt": "y/net",
        "bundled": "bundled",
    }
