"""Checks of settings: every problem by its option, and facts about what the settings name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fakd_core.data.image_files import write_image
from fakd_core.errors import ConfigError, FakdError
from fakd_core.events import Cancelled, CancelToken
from fakd_core.models.checkpoint import save_safetensors
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.references import load_model
from fakd_core.training import estimate
from fakd_core.training.check import SettingsCheck, SettingsChecker
from fakd_core.training.trainer import train


def check(values: Mapping[str, Any], *, measure: bool = False) -> SettingsCheck:
    return SettingsChecker(load_model).check(values, measure=measure, token=CancelToken())


def test_all_problems_are_found_at_once(settings: dict[str, Any], tmp_path: Path) -> None:
    faulty = {
        **settings,
        **{"teacher": ("nowhere.pth", settings["teacher"]), "device": "abacus", "distill": "1*SAA"},
        **{"val_data": tmp_path / "gone", "patch": 4096},
    }
    found = check(faulty)
    assert set(found.problems) == {"teacher", "device", "distill", "val_data", "patch"}
    assert "nowhere.pth" in found.problems["teacher"]
    assert found.estimate is None
    assert [one.ref for one in found.teachers] == [settings["teacher"]]


def test_sound_settings_are_estimated_without_a_run_folder(settings: dict[str, Any]) -> None:
    found = check({name: value for name, value in settings.items() if name != "run"}, measure=True)
    assert found.problems == {}
    assert found.student is not None
    assert found.estimate is not None
    assert found.estimate.seconds is not None
    assert found.estimate.memory > 4 * found.student.cost.parameters
    assert "held out for validation" in found.facts["train_data"]
    assert "less than bicubic" in found.facts["teacher"], "its weights are random"
    good = check({**settings, "teacher": "rcan-g5-r1-c32-x4-fakd", "run": None}, measure=True)
    assert "teacher" not in good.facts


def test_layers_whose_affinities_hardly_vary_are_named(settings: dict[str, Any], tmp_path: Path) -> None:
    network = load_model(settings["teacher"])
    with torch.no_grad():
        network.body[-1].weight.zero_()  # type: ignore[index, union-attr]
        network.head[0].weight.zero_()  # type: ignore[index, union-attr]
        network.head[0].bias.fill_(1)  # type: ignore[index, union-attr]
    save_safetensors(network, tmp_path / "flat.safetensors")
    values = {**settings, "teacher": str(tmp_path / "flat.safetensors"), "distill": "10*SA", "run": None}
    fact = check({**values, "layers": (1, 3)}, measure=True).facts["layers"]
    assert fact.endswith("3: 1.00 ± 0.00; nearly constant at 1, 3: little to learn there")
    values["layers"] = (1, 2)
    both = {**values, "teacher": (values["teacher"], "rcan-g5-r1-c32-x4-fakd")}
    fact = check(both, measure=True).facts["layers"]
    assert re.search(r"nearly constant at 1, 2: .*rcan-g5-r1-c32-x4-fakd: 0: [\d.]+ ± 0\.[1-9]", fact)
    assert "layers" not in check({**values, "distill": "10*AT"}, measure=True).facts
    assert "layers" not in check(values).facts, "only where measurements are asked for"


def test_images_that_are_left_out_are_counted(settings: dict[str, Any], photos: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    write_image(tmp_path / "icon.png", np.zeros((40, 40, 3), np.uint8))
    settings = {**settings, "train_data": (photos, tmp_path), "val_data": photos}
    found = check(settings)
    assert found.problems == {}
    assert found.facts["train_data"] == (
        "6 images; 1 smaller than the patch left out; 1 that can't be read left out"
    )
    assert "at most 32" in check({**settings, "patch": 33}).problems["patch"]
    assert "broken.png" in check({**settings, "train_data": single(tmp_path)}).problems["train_data"]


def single(folder: Path) -> Path:
    """`folder` with its unreadable image alone."""
    (folder / "icon.png").unlink()
    return folder


def test_a_student_for_another_scale_keeps_all_but_its_upsampler(settings: dict[str, Any]) -> None:
    found = check({**settings, "student": "rcan-g5-r1-c32-x2-baseline", "teacher": (), "run": None})
    assert found.problems == {}
    assert found.student is not None
    assert found.student.spec.scale == 4
    assert found.student.weights.endswith("for x2: its upsampler starts at random")


def test_a_step_is_timed_once_for_settings_of_the_same_cost(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    class CountedTimer(estimate.StepTimer):
        def measure(self, *arguments: Any) -> Any:
            measured.append(arguments)
            return super().measure(*arguments)

    monkeypatch.setattr(estimate, "StepTimer", CountedTimer)
    checker = SettingsChecker(load_model)
    seconds = []
    for steps in (100, 200):
        values = {**settings, "steps": steps}
        found = checker.check(values, measure=True, token=CancelToken())
        assert found.estimate is not None
        seconds.append(found.estimate.seconds)
    assert len(measured) == 1
    assert seconds[1] == pytest.approx(2 * seconds[0])


def test_an_existing_run_folder_is_a_problem(settings: dict[str, Any]) -> None:
    run = Path(settings["run"])
    run.mkdir()
    (run / "config.toml").write_text("")
    assert set(check(settings).problems) == {"run"}


def test_a_check_can_be_cancelled(settings: dict[str, Any]) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        SettingsChecker(load_model).check(settings, measure=False, token=token)
    assert TrainConfig.build(**settings)


def test_a_check_stops_while_the_cost_of_a_network_is_counted(settings: dict[str, Any]) -> None:
    token, layers = CancelToken(), list[nn.Module]()

    def cancel(layer: nn.Module, inputs: object) -> None:
        token.cancel()
        layers.append(layer)

    handle = nn.modules.module.register_module_forward_pre_hook(cancel)
    try:
        with pytest.raises(Cancelled):
            SettingsChecker(load_model).check(settings, measure=False, token=token)
    finally:
        handle.remove()
    assert 1 <= len(layers) < 10


@pytest.mark.parametrize(
    ("changes", "option", "reason"),
    [
        (
            {"distill": "ZoomIn+LC", "teacher": ()},
            "distill",
            "ZoomIn and LC: only a teacher can answer inputs",
        ),
        (
            {"distill": "ZoomIn(share=0.9)"},
            "distill",
            "no patch of a batch of 2 is left with ground truth by ZoomIn",
        ),
        (
            {"distill": "ZoomOut(share=0.5)", "patch": 20},
            "patch",
            "smaller than the 40x40 that a zoomed-out patch",
        ),
    ],
)
def test_upcycling_that_can_not_be(
    settings: dict[str, Any], changes: dict[str, Any], option: str, reason: str
) -> None:
    faulty = {**settings, **changes}
    found = check(faulty)
    assert list(found.problems) == [option]
    assert reason in found.problems[option]
    with pytest.raises(FakdError, match=re.escape(reason)):
        list(train(TrainConfig.build(**faulty)))
    assert not Path(settings["run"]).exists()


def test_the_mean_of_teachers_needs_several(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"average_teachers is the mean of several teachers \(found 1\)"):
        TrainConfig.build(**settings, average_teachers=True)
