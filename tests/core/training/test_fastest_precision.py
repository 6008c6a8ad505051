"""The precision `auto`: measured once, remembered, and written into the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from fakd_core.events import CancelToken, Notice
from fakd_core.files import cache_folder
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec
from fakd_core.runs.config import TrainConfig, read_config
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.references import resolve_spec
from fakd_core.training import fastest_precision
from fakd_core.training.fastest_precision import find_fastest_precision
from fakd_core.training.step_timing import StepTimer, StepTiming
from fakd_core.training.trainer import resume_training, train

TIMED: list[str] = []


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> dict[str, float]:
    """A processor with bfloat16 whose seconds per patch are those of the dictionary."""
    seconds = {"fp32": 2.0, "bf16": 1.0}

    class Timer(StepTimer):
        def measure(self, student: ModelSpec, teachers: Sequence[SRNetwork]) -> StepTiming:
            TIMED.append(self._config.precision)
            return StepTiming(0.0, seconds[self._config.precision] / self._config.patch**2, 0.0)

    TIMED.clear()
    monkeypatch.setattr(fastest_precision, "StepTimer", Timer)
    monkeypatch.setattr(fastest_precision, "_has_bfloat16", lambda: True)
    monkeypatch.setenv("FAKD_CACHE", str(tmp_path / "cache"))
    return seconds


def find(**changes: Any) -> str:
    values = {"student": "s", "train_data": "d", "run": "r", "device": "cpu", "steps": 100} | changes
    student = resolve_spec("rcan:n_feats=8,n_resgroups=1,n_resblocks=1,reduction=4", 4)
    return find_fastest_precision(TrainConfig.build(**values), student, [], CancelToken()).name


def test_the_faster_one_is_chosen_and_remembered(processor: dict[str, float]) -> None:
    assert find() == "bf16"
    processor["bf16"] = 3.0
    TIMED.clear()
    assert find() == "bf16"
    assert not TIMED
    assert find(patch=20) == "fp32"
    assert find() == "bf16", "one kind of run doesn't replace another"


@pytest.mark.parametrize(("disturbed", "call"), [("fp32", 2), ("bf16", 1)])
def test_other_work_on_the_machine_does_not_decide(
    processor: dict[str, float], monkeypatch: pytest.MonkeyPatch, disturbed: str, call: int
) -> None:
    processor |= {"fp32": 1.0, "bf16": 1.0, disturbed: 0.8}
    measure, calls = fastest_precision.StepTimer.measure, []

    def disturb(timer: StepTimer, student: ModelSpec, teachers: Sequence[SRNetwork]) -> StepTiming:
        timing = measure(timer, student, teachers)
        calls.append(timer._config.precision)
        busy = calls[-1] == disturbed and calls.count(disturbed) == call
        return StepTiming(0.0, timing.student * (9 if busy else 1), 0.0)

    monkeypatch.setattr(fastest_precision.StepTimer, "measure", disturb)
    assert find() == disturbed


@pytest.mark.parametrize("content", ["{", "[1]", '{"x": 3}'])
def test_a_damaged_memory_is_measured_again(processor: dict[str, float], content: str) -> None:
    find()
    (cache_folder() / "precisions.json").write_text(content)
    processor["bf16"] = 3.0
    assert find() == "fp32"


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("changes", [{"steps": 1}, {"compile": True}, {"device": "mps"}])
def test_other_runs_are_not_measured(changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastest_precision, "choose_device", lambda name: torch.device(name))
    if "steps" in changes:
        monkeypatch.setattr(fastest_precision, "_SHORT_RUN_SECONDS", 1000)
    assert find(**changes) == "fp32"
    assert "bf16" not in TIMED


@pytest.mark.usefixtures("processor")
def test_processors_without_bfloat16_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastest_precision, "_has_bfloat16", lambda: False)
    assert find() == "fp32"
    assert not TIMED


def test_a_slower_bfloat16_is_said_too(processor: dict[str, float]) -> None:
    processor["bf16"] = 3.0
    config = TrainConfig.build(student="s", train_data="d", run="r", device="cpu", steps=100)
    student = resolve_spec("rcan:n_feats=8,n_resgroups=1,n_resblocks=1,reduction=4", 4)
    found = find_fastest_precision(config, student, [], CancelToken())
    assert (found.name, found.reason) == (
        "fp32",
        "precision fp32: on this machine bfloat16 takes 1.5 times as long as float32 here",
    )


def test_a_run_says_what_was_measured_and_keeps_it(
    settings: dict[str, Any], processor: dict[str, float]
) -> None:
    config = TrainConfig.build(**settings | {"precision": "auto", "steps": 4, "batch": 4})
    events = list(train(config))
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert "precision bf16: on this machine bfloat16 is 2.0 times as fast as float32 here" in notices
    assert read_config(config.run).precision == "bf16"
    # Resumed elsewhere, it goes on as it began.
    processor |= {"fp32": 1.0, "bf16": 9.0}
    (cache_folder() / "precisions.json").unlink()
    TIMED.clear()
    list(resume_training(config.run))
    assert not TIMED


@pytest.mark.usefixtures("processor")
def test_a_run_of_an_older_version_goes_on_in_full_precision(settings: dict[str, Any]) -> None:
    config = TrainConfig.build(**settings | {"precision": "fp32"})
    list(train(config))
    file = RunLayout(config.run).config
    file.write_text(file.read_text().replace('"fp32"', '"auto"'))
    assert read_config(config.run).precision == "auto"
    list(resume_training(config.run))
    assert not TIMED
