"""Estimates of a run's time, memory and disk space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from external_networks import external_file

from fakd_core.events import Cancelled, CancelToken
from fakd_core.inference.upscale import upscale
from fakd_core.models.cost import profile
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.references import load_model, resolve_spec
from fakd_core.training.estimate import count_cache, estimate_run, format_bytes, format_duration
from fakd_core.training.step_timing import StepTimer, StepTiming


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(45.4, "45 s"), (110, "1 min 50 s"), (1500, "25 min"), (11_400, "3 h 10 min"), (432_000, "5 days")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(3.4e8, "340 MB"), (1.26e9, "1.3 GB"), (24e9, "24 GB"), (1, "1 MB")]
)
def test_sizes_in_words(size: float, words: str) -> None:
    assert format_bytes(size) == words


def test_time_includes_the_baseline_the_terms_and_the_cache() -> None:
    """A step of 2 patches of 10x10 px: teacher 0.1 s and student 0.3 s a patch, terms 0.5 s a patch."""
    timing = StepTiming(teacher=1e-3, student=3e-3, terms=0.5)
    base = {
        "student": "s",
        "train_data": "d",
        "run": "r",
        "teacher": "t",
        "batch": 2,
        "patch": 10,
        "steps": 10,
    }
    cached = {"teacher_cache": "c", "cache_patches": 50}
    assert timing.seconds(TrainConfig.build(**base)) == pytest.approx(10 * 2 * (0.1 + 0.3 + 0.5))
    assert timing.seconds(TrainConfig.build(**base, baseline=True)) == pytest.approx(
        10 * 2 * (0.1 + 0.6 + 0.5)
    )
    assert timing.seconds(TrainConfig.build(**base, **cached)) == pytest.approx(
        10 * 2 * (0.3 + 0.5) + 50 * 0.1
    )


def test_the_size_of_a_cache_is_that_of_its_files(small_teacher: Path) -> None:
    """150 patches are 5 blocks of 32; each patch: 48x48x3 and 3 maps of 12x12x8 elements of 2 bytes."""
    values = {"student": "s", "train_data": "d", "run": "r", "teacher": str(small_teacher), "patch": 12}
    config = TrainConfig.build(**values, teacher_cache="c", cache_patches=150)
    each = 2 * (48 * 48 * 3 + 3 * 12 * 12 * 8)
    assert count_cache(config, (resolve_spec(str(small_teacher)),)) == 160 * each
    # A quarter of the positions of every map.
    sampled = config.model_copy(update={"distill": "10*SA(positions=0.25)"})
    each = 2 * (48 * 48 * 3 + 3 * 36 * 8)
    assert count_cache(sampled, (resolve_spec(str(small_teacher)),)) == 160 * each


def test_timing_a_step_is_cancelled_within_a_pass() -> None:
    class Token(CancelToken):
        polls = 0

        def check(self) -> None:
            self.polls += 1
            if self.polls == 3:
                self.cancel()
            super().check()

    token = Token()
    config = TrainConfig.build(student="s", train_data="d", run="r", batch=1, patch=8, device="cpu")
    student = resolve_spec("rcan:n_feats=8,n_resgroups=1,n_resblocks=1,reduction=4", 4)
    with pytest.raises(Cancelled):
        StepTimer(config, token).measure(student, [])
    assert token.polls == 3


def test_a_teacher_that_only_gives_its_layers_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[int] = []

    def note(self: StepTimer, student: ModelSpec, teachers: Sequence[SRNetwork]) -> StepTiming:
        timed.append(len(teachers))
        return StepTiming(1.0, 1.0, 0.0)

    monkeypatch.setattr(StepTimer, "measure", note)
    student = resolve_spec("rcan:n_feats=8,n_resgroups=1,n_resblocks=1,reduction=4", 4)
    values = {"student": "s", "train_data": "d", "run": "r", "batch": 1, "patch": 16, "precision": "fp32"}
    config = TrainConfig.build(**values, teacher="t", init_from_teacher=True, alpha=0, distill="none")
    teachers = [load_model("rcan-g5-r5-c32-x4")]
    alone, taught = (
        estimate_run(one, student, teachers, timings={}, measure=True, token=CancelToken())
        for one in (config, config.model_copy(update={"alpha": 0.5}))
    )
    assert alone.memory < taught.memory
    assert timed == [0, 1]


@pytest.mark.usefixtures("spandrel")
@pytest.mark.parametrize("name", ["HAT", "SeemoRe"])
def test_the_file_of_a_loaded_teacher_is_not_read_again(name: str, tmp_path: Path) -> None:
    path = external_file(tmp_path, name)
    teacher = load_model(path)
    path.rename(tmp_path / "moved.pth")
    values = {"student": "s", "train_data": "d", "run": "r", "batch": 1, "patch": 16, "device": "cpu"}
    found = estimate_run(
        TrainConfig.build(**values, teacher=str(path)),
        resolve_spec("rcan:n_feats=8,n_resgroups=1,n_resblocks=1,reduction=4", 4),
        [teacher],
        timings={},
        measure=True,
        token=CancelToken(),
    )
    assert found.seconds is not None
    assert not any(module.training for module in teacher.modules())
    assert all(weight.requires_grad for weight in teacher.parameters()), "it stays as it is"
    for side in (17, 40):
        assert upscale(teacher, np.zeros((side, 16, 3), np.uint8)).shape[0] == 4 * side
        assert profile(teacher, (side, 16)).gmacs > 0


def test_terms_of_outputs_are_timed_at_their_size(small_teacher: Path) -> None:
    values = {"student": "s", "train_data": "d", "run": "r", "teacher": str(small_teacher), "patch": 12}
    config = TrainConfig.build(**values, distill="Haar(levels=5)+ZoomIn+10*SA@1", batch=2, precision="fp32")
    teacher = load_model(small_teacher)
    timing = StepTimer(config, CancelToken(), pass_seconds=0.01).measure(teacher.spec, [teacher])
    assert timing.terms > 0


def test_the_mean_of_teachers_takes_the_time_of_all() -> None:
    timing = StepTiming(teacher=1e-3, student=3e-3, terms=0.0)
    base = {"student": "s", "train_data": "d", "run": "r", "batch": 1, "patch": 10, "steps": 1}
    drawn = TrainConfig.build(**base, teacher=("t", "u", "v"))
    mean = TrainConfig.build(**base, teacher=("t", "u", "v"), average_teachers=True)
    assert timing.seconds(drawn) == pytest.approx(0.4)
    assert timing.seconds(mean) == pytest.approx(0.6)
