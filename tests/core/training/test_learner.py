"""The networks that a run trains beside its student: a moving average, and a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from fakd_core import load_model
from fakd_core.errors import ConfigError
from fakd_core.events import (
    Cancelled,
    CancelToken,
    Progress,
    StepEnd,
    TrainEvent,
    ValidationEnd,
    run_to_end,
)
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.training.trainer import resume_training, train
from fakd_core.training.validation import Validator


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "steps": 4, "val_images": 1, "validate_every": 2}


def run(settings: dict[str, Any], name: str = "run", **changes: Any) -> list[TrainEvent]:
    folder = settings["run"].with_name(name)
    return list(train(TrainConfig.build(**{**settings, "run": folder, **changes})))


def same_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def totals(events: list[TrainEvent], baseline: bool = False) -> list[float]:
    name = "baseline" if baseline else "total"
    return [event.losses[name] for event in events if isinstance(event, StepEnd)]


def test_student_and_baseline_train_as_each_would_alone(settings: dict[str, Any], tmp_path: Path) -> None:
    both = run(settings, "both", baseline=True)
    distilled, baseline = run(settings, "distilled"), run(settings, "baseline", teacher=())
    assert totals(both) == totals(distilled)
    assert totals(both, baseline=True) == totals(baseline)
    for ours, theirs in (
        ("student.safetensors", "distilled/student.safetensors"),
        ("checkpoints/best.safetensors", "distilled/checkpoints/best.safetensors"),
        ("baseline.safetensors", "baseline/student.safetensors"),
        ("checkpoints/best-baseline.safetensors", "baseline/checkpoints/best.safetensors"),
    ):
        assert same_weights(load_file(tmp_path / "both" / ours), load_file(tmp_path / theirs)), ours
    assert not same_weights(
        load_file(tmp_path / "both/student.safetensors"), load_file(tmp_path / "both/baseline.safetensors")
    )
    lines = read_metrics(tmp_path / "both")
    alone = {
        line["step"]: line for line in read_metrics(tmp_path / "baseline") if line["event"] == "validation"
    }
    for line in lines:
        if line["event"] == "validation":
            assert line["others"] == {
                "baseline": {name: alone[line["step"]][name] for name in ("psnr", "ssim")}
            }
    steps = [line["losses"] for line in lines if line["event"] == "step"]
    assert [losses["baseline"] for losses in steps] == totals(both, baseline=True)
    assert all("baseline" not in line.get("losses", {}) for line in read_metrics(tmp_path / "distilled"))


def test_student_and_baseline_start_alike_even_from_the_teachers_layers(settings: dict[str, Any]) -> None:
    run(settings, init_from_teacher=True, baseline=True, steps=1, lr=1e-12)
    weights = [load_file(settings["run"] / f"{name}.safetensors") for name in ("student", "baseline")]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name])


def test_the_average_follows_the_student(settings: dict[str, Any]) -> None:
    folder = settings["run"]
    held = []
    for event in train(TrainConfig.build(**settings, ema=0.75)):
        if isinstance(event, StepEnd):
            held.append(weights_of_checkpointed_step(settings, event.step))
    shares = [0.75 ** (len(held) - step) for step in range(1, len(held) + 1)]
    saved = load_file(folder / "student-ema.safetensors")
    for name, tensor in saved.items():
        mean = sum(share * weights[name] for share, weights in zip(shares, held, strict=True)) / sum(shares)
        torch.testing.assert_close(tensor, mean, rtol=1e-5, atol=1e-6)
    assert not same_weights(saved, load_file(folder / "student.safetensors"))
    for file in ("student-ema.safetensors", "checkpoints/best-ema.safetensors"):
        assert load_model(folder / file).spec == load_model(folder).spec


def weights_of_checkpointed_step(settings: dict[str, Any], step: int) -> dict[str, Tensor]:
    """The student after `step` steps, from a run of its own that ends there."""
    name = f"until{step}"
    run(settings, name, steps=step, validate_every=100)
    return load_file(settings["run"].with_name(name) / "student.safetensors")


def test_all_students_resume_exactly_after_a_stop(settings: dict[str, Any], tmp_path: Path) -> None:
    settings |= {"ema": 0.5, "baseline": True}
    whole = run(settings, "whole")
    token = CancelToken()
    before = []
    for event in train(TrainConfig.build(**settings), token):
        before.append(event)
        if isinstance(event, StepEnd) and event.step == 3:
            token.cancel()
    after = list(resume_training(settings["run"]))
    for baseline in (False, True):
        assert totals(before, baseline) + totals(after, baseline) == totals(whole, baseline)
    expected = tmp_path / "whole"
    found = (path.relative_to(expected) for path in expected.rglob("*.safetensors"))
    files = sorted(path for path in found if path.parts[0] != "snapshots")
    assert [str(file) for file in files] == [
        "baseline-ema.safetensors",
        "baseline.safetensors",
        "checkpoints/best-baseline-ema.safetensors",
        "checkpoints/best-baseline.safetensors",
        "checkpoints/best-ema.safetensors",
        "checkpoints/best.safetensors",
        "student-ema.safetensors",
        "student.safetensors",
    ]
    for file in files:
        assert same_weights(load_file(settings["run"] / file), load_file(expected / file)), file


def test_each_student_has_its_own_best_weights(settings: dict[str, Any]) -> None:
    events = run(settings, ema=0.9, steps=6, validate_every=1)
    ends = [event for event in events if isinstance(event, ValidationEnd)]
    assert all(set(end.others) == set(end.other_previews) == {"ema"} for end in ends)
    assert ends[0].other_previews["ema"].shape == ends[0].preview.shape
    best = max(end.others["ema"].psnr for end in ends)
    config = TrainConfig.build(**settings)
    model = load_model(settings["run"] / "checkpoints/best-ema.safetensors")
    assert scored(model, config) == pytest.approx(best, abs=1e-9)


def scored(model: Any, config: TrainConfig) -> float:
    from fakd_core.data.datasets import open_datasets, split_validation

    dataset = open_datasets(config.train_data, config.scale)
    _, held_out = split_validation(dataset, config.held_out_images, config.seed)
    pairs = dict(enumerate(map(dataset.load, held_out)))
    validator = Validator(pairs=pairs, images=len(pairs), scale=config.scale)
    return run_to_end(validator.evaluate(model, CancelToken())).scores.psnr


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"baseline": True, "teacher": ()}, "baseline"), ({"ema": 1.0}, "ema"), ({"ema": 0.0}, "ema")],
)
def test_invalid_baselines_and_averages_are_refused(
    settings: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(settings, **changes)


def test_preparation_can_be_cancelled_and_writes_nothing(settings: dict[str, Any]) -> None:
    run(settings, "before", steps=1)  # With the images decoded, reading one for validation is all there is.
    token = CancelToken()
    events = train(TrainConfig.build(**settings), token)
    assert isinstance(next(events), Progress)
    token.cancel()
    with pytest.raises(Cancelled):
        list(events)
    assert not settings["run"].exists()
