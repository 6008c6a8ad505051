"""Presets by name: built-in ones and the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakd_core.distillation.loss import DistillationLoss
from fakd_core.errors import ConfigError
from fakd_core.files import cache_folder
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.methods import METHODS, Method, method_of
from fakd_core.runs.presets import (
    PRESETS,
    check_preset_name,
    preset_path,
    preset_values,
    save_settings,
    user_presets,
)
from fakd_core.training.setup import with_absolute_paths


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))


@pytest.mark.parametrize("name", ["Quick", "quick", "QUICK"])
def test_a_built_in_preset_is_found_whatever_its_case(name: str) -> None:
    config = TrainConfig.build(**preset_values(name), run="run")
    assert (config.steps, config.student, config.init_from_teacher) == (300, "rcan-small-student", True)


@pytest.mark.parametrize("name", [name for name in PRESETS if name.startswith("Paper")])
def test_a_paper_preset_leaves_teacher_and_images_open(name: str) -> None:
    values = preset_values(name.lower().replace(" ", "-"))
    assert not {"teacher", "train_data"} & set(values)
    config = TrainConfig.build(**values, teacher="t", train_data="d", run="r")
    assert (config.steps, config.batch, config.patch, config.milestones) == (200_000, 16, 48, (150_000,))


def test_fast_fakd_leaves_images_open_and_keeps_outputs_in_the_users_cache() -> None:
    values = preset_values("fast-fakd")
    assert "train_data" not in values
    config = TrainConfig.build(**values, train_data="d", run="r")
    assert (config.distill, config.cache_patches) == ("10*SA(positions=0.0625)", 4096)
    assert config.teacher_cache_folder == cache_folder() / "teachers"
    assert with_absolute_paths(config).teacher_cache == cache_folder() / "teachers"


def test_a_saved_preset_sets_every_option_but_those_left_open() -> None:
    save_settings(preset_path("My own"), {"steps": 77, "teacher": ("",), "ema": None})
    assert list(user_presets()) == ["My own"]
    values = preset_values("my own")
    assert values["steps"] == 77
    assert values["batch"] == TrainConfig.model_fields["batch"].default
    assert not {"teacher", "student", "train_data", "run"} & set(values)


@pytest.mark.parametrize(
    ("name", "near"), [("Quik", "did you mean Quick?"), ("paper rcn", "Paper RCAN?"), ("mime", "mine?")]
)
def test_an_unknown_preset_names_the_nearest_and_all(name: str, near: str) -> None:
    save_settings(preset_path("mine"), {"steps": 77})
    with pytest.raises(ConfigError, match="no preset") as caught:
        preset_values(name)
    assert near in str(caught.value)
    for known in (
        "Presets: Quick, Fast FAKD, Paper RCAN, Paper SAN, ",
        "Output only, FitNet, FAKD, DUKD, ",
        ", mine",
    ):
        assert known in str(caught.value)


@pytest.mark.parametrize("method", METHODS.values())
def test_a_method_is_a_preset_of_its_recipe_alone(method: Method) -> None:
    assert method.summary.endswith(".")
    assert method.source
    assert method_of(0.5, method.recipe.replace("+", " + ")) is method
    assert method_of(0.25, method.recipe) is None
    if method.name not in PRESETS:
        assert preset_values(method.name.lower().replace(" + ", "+").replace(" ", "-")) == method.values
    config = TrainConfig.build(**method.values, teacher="t", student="s", train_data="d", run="r")
    assert DistillationLoss(config.alpha, config.distill, config.layers).needs_teacher


def test_hidden_files_and_other_files_are_no_presets(tmp_path: Path) -> None:
    save_settings(preset_path("mine"), {"steps": 3})
    for name in (".half-written.toml", "notes.txt", "mine.toml.bak"):
        (preset_path("mine").parent / name).write_text("steps = 4")
    assert list(user_presets()) == ["mine"]


@pytest.mark.parametrize("name", ["RCAN", "SAN", "EDSR"])
def test_the_papers_settings(name: str) -> None:
    config = TrainConfig.build(**preset_values(f"Paper {name}"), teacher="t", train_data="d", run="r")
    assert (config.batch, config.patch, config.steps, config.lr) == (16, 48, 200_000, 1e-4)
    assert (config.schedule, config.milestones) == ("milestones", (150_000,))
    assert (config.distill, config.layers, config.alpha) == ("10*SA", (1, 2, 3), 0.5)
    assert not config.init_from_teacher


def test_two_presets_that_differ_in_case_are_distinguished() -> None:
    for steps, name in enumerate(("mine", "Mine"), 1):
        save_settings(preset_path(name), {"steps": steps})
    assert [preset_values(name)["steps"] for name in ("mine", "Mine")] == [1, 2]


@pytest.mark.parametrize("name", ["", "a/b", "..", "Quick", "paper-rcan", "x" * 61, "a:b", "a\n"])
def test_a_name_that_is_taken_or_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        check_preset_name(name)
