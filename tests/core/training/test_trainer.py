"""Real but tiny trainings: their events, what they learn, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import losses, notices, run

from fakd_core import load_model
from fakd_core.errors import ConfigError, DataError, FakdError, RunError
from fakd_core.events import (
    CheckpointSaved,
    Notice,
    Progress,
    RunEnd,
    RunStarted,
    StepEnd,
    TrainEvent,
    ValidationEnd,
    weighted_parts,
)
from fakd_core.runs.config import TrainConfig, read_config
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.training.trainer import train


def test_a_run_yields_its_events_in_order(settings: dict[str, Any]) -> None:
    events = run(settings)
    kinds = [type(event) for event in events]
    stretch = [StepEnd, StepEnd, StepEnd, ValidationEnd, CheckpointSaved]
    assert kinds == [RunStarted, Notice, *stretch, *stretch, RunEnd]
    started = events[0]
    assert isinstance(started, RunStarted)
    assert (started.train_images, started.validation_images) == (4, 2)
    assert started.preview.hr.shape == started.preview.bicubic.shape == events[-3].preview.shape
    for event in events:
        if isinstance(event, StepEnd):
            parts = weighted_parts(event.losses)
            assert list(parts) == ["DS", "TS", "SA"]
            assert sum(parts.values()) == pytest.approx(event.losses["total"], rel=1e-5)
            assert parts["SA"] == pytest.approx(10 * event.losses["raw SA"], rel=1e-5)
    folder = settings["run"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoints",
        "config.toml",
        "environment.json",
        "metrics.csv",
        "metrics.jsonl",
        "previews",
        "run.lock",
        "snapshots",
        "student.safetensors",
    ]
    third = ["step"] * 3 + ["validation"]
    assert [line["event"] for line in read_metrics(folder)] == ["start", *third, *third]
    assert read_config(folder) == TrainConfig.build(**settings)
    assert load_model(folder).spec.architecture == "rcan"


def test_progress_of_the_preparation_comes_before_the_run_starts(settings: dict[str, Any]) -> None:
    kinds = [type(event) for event in train(TrainConfig.build(**settings))]
    start = kinds.index(RunStarted)
    assert start > 0
    assert set(kinds[:start]) == {Progress}
    assert Progress not in kinds[start:]


def test_validations_come_at_every_multiple_of_their_interval_and_at_the_end(
    settings: dict[str, Any],
) -> None:
    for interval, expected in ((1, [1, 2, 3]), (2, [2, 3])):
        events = run(settings, steps=3, validate_every=interval, run=settings["run"] / str(interval))
        assert [event.step for event in events if isinstance(event, ValidationEnd)] == expected


def raw_losses(events: list[TrainEvent], part: str) -> list[float]:
    return [event.losses[f"raw {part}"] for event in events if isinstance(event, StepEnd)]


def test_the_student_learns_the_ground_truth(settings: dict[str, Any]) -> None:
    curve = raw_losses(run(settings, teacher=(), steps=60, validate_every=60, lr=3e-3), "DS")
    assert sum(curve[-10:]) < 0.6 * sum(curve[:10])


def test_the_student_learns_the_teachers_affinities(settings: dict[str, Any]) -> None:
    curve = raw_losses(run(settings, steps=60, validate_every=60, lr=3e-3), "SA")
    assert sum(curve[-10:]) < 0.7 * sum(curve[:10])


def test_ground_truth_alone_needs_no_teacher(settings: dict[str, Any]) -> None:
    events = run(settings, teacher=())
    assert events[0].teacher is None  # type: ignore[union-attr]
    assert all(list(weighted_parts(event.losses)) == ["DS"] for event in events if isinstance(event, StepEnd))


def test_one_of_several_teachers_is_sampled_at_each_step(settings: dict[str, Any], tmp_path: Path) -> None:
    from fakd_core import create_model
    from fakd_core.models.checkpoint import save_safetensors

    other = tmp_path / "other.safetensors"
    save_safetensors(create_model("edsr", n_feats=12, n_resblocks=4), other)
    one = losses(run(settings, steps=8, validate_every=8))
    two = losses(
        run(
            settings,
            steps=8,
            validate_every=8,
            teacher=(settings["teacher"], str(other)),
            run=tmp_path / "two",
        )
    )
    same = [a == b for a, b in zip(one, two, strict=True)]
    first_change = same.index(False)
    assert 0 <= first_change < 8, "the second teacher was never drawn"


def test_a_student_can_start_from_the_teacher(settings: dict[str, Any], small_teacher: Path) -> None:
    events = run(settings, init_from_teacher=True, steps=1, lr=1e-12)
    assert events[0].copied_tensors > 10  # type: ignore[union-attr]
    teacher, student = load_file(small_teacher), load_file(settings["run"] / "student.safetensors")
    torch.testing.assert_close(student["head.0.weight"], teacher["head.0.weight"])


def test_a_teacher_that_gives_only_its_layers_does_not_run(settings: dict[str, Any]) -> None:
    events = run(settings, init_from_teacher=True, alpha=0, distill="none", steps=1)
    (step,) = [event for event in events if isinstance(event, StepEnd)]
    assert set(step.losses) == {"total", "DS", "raw DS"}


def test_a_student_can_start_from_weights_for_another_scale(settings: dict[str, Any]) -> None:
    student = "rcan-g5-r1-c32-x2-baseline"
    events = run(settings, student=student, teacher=(), scale=4, steps=1, lr=1e-12)
    assert notices(events) == [
        f"{student} enlarges x2, the run is for x4: 60 of 64 tensors are copied, and the upsampler starts at "
        "random"
    ]
    source, found = load_model(student), load_model(settings["run"])
    assert found.spec.scale == 4
    torch.testing.assert_close(found.state_dict()["head.0.weight"], source.state_dict()["head.0.weight"])


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"distill": "10*XA"}, ConfigError, "XA"),
        ({"scale": 5}, ConfigError, "scale"),
        ({"scale": 2}, ConfigError, "teacher.safetensors enlarges x4, the run is for x2"),
        ({"patch": 64}, DataError, "smaller than the patch"),
        ({"val_images": 6}, DataError, "none to train"),
        ({"layers": (1, 4)}, ConfigError, "layers"),
        ({"student": "rcan:n_feats=0"}, ConfigError, "n_feats"),
        ({"student": "nothing"}, FakdError, "nothing"),
        ({"teacher": "nothing.pth"}, FakdError, "nothing.pth"),
        ({"train_data": Path("/nowhere")}, DataError, "nowhere"),
        ({"device": "abacus"}, ConfigError, "abacus"),
        ({"precision": "fp16"}, ConfigError, "fp16"),
        ({"student": "rcan:n_feats=16", "init_from_teacher": True}, FakdError, "n_feats"),
        ({"student": "rcan:n_feats=16", "distill": "FitNet+CA"}, ConfigError, "FitNet, CA compares"),
        ({"lr": float("inf")}, ConfigError, "lr"),
        ({"milestones": (5, -3)}, ConfigError, "milestones"),
        ({"seed": 1 << 70}, ConfigError, "seed"),
    ],
)
def test_bad_settings_are_refused_and_nothing_is_written(
    settings: dict[str, Any], changes: dict[str, Any], kind: type[FakdError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        run(settings, **changes)
    assert not settings["run"].exists()


def test_a_tilde_is_expanded(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert TrainConfig.build(**{**settings, "run": "~/run"}).run == tmp_path / "run"
    run(settings)
    assert load_model("~/run").spec.architecture == "rcan"


def test_all_validation_images_are_used_unless_limited(settings: dict[str, Any], photos: Path) -> None:
    separate = {**settings, "val_data": photos, "val_images": None, "steps": 1}
    (started,) = (event for event in run(separate) if isinstance(event, RunStarted))
    assert started.validation_images == 6


def test_a_run_is_never_overwritten(settings: dict[str, Any]) -> None:
    run(settings)
    before = (settings["run"] / "metrics.jsonl").read_bytes()
    with pytest.raises(RunError, match="--resume"):
        run(settings)
    assert (settings["run"] / "metrics.jsonl").read_bytes() == before
