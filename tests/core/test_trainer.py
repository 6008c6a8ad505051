"""Real training on real images, tiny: the loss falls, a run resumes exactly, bad input writes nothing."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from fakd_core import load_model
from fakd_core.config import TrainConfig
from fakd_core.errors import ConfigError, DataError, FakdError, RunError
from fakd_core.events import (
    CancelToken,
    CheckpointSaved,
    Notice,
    Progress,
    RunEnd,
    RunStarted,
    StepEnd,
    TrainEvent,
    ValidationEnd,
)
from fakd_core.learner import Learner, Losses
from fakd_core.lessons import Lesson, LiveLessons
from fakd_core.run_record import read_config, read_metrics
from fakd_core.trainer import resume_training, train

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


@pytest.fixture
def settings(photos: Path, small_teacher: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "teacher": str(small_teacher),
        "student": STUDENT,
        "train_data": photos,
        "run": tmp_path / "run",
        "steps": 6,
        "batch": 2,
        "patch": 12,
        "lr": 1e-3,
        "val_images": 2,
        "validate_every": 3,
    }


def run(settings: dict[str, Any], **changes: Any) -> list[TrainEvent]:
    """The events of a whole run, less the progress of its preparation."""
    return told(train(TrainConfig.build(**{**settings, **changes})))


def told(events: Iterator[TrainEvent]) -> list[TrainEvent]:
    return [event for event in events if not isinstance(event, Progress)]


def losses(events: list[TrainEvent]) -> list[float]:
    return [event.total for event in events if isinstance(event, StepEnd)]


def test_a_run_tells_its_whole_story_in_order(settings: dict[str, Any]) -> None:
    events = run(settings)
    kinds = [type(event) for event in events]
    stretch = [StepEnd, StepEnd, StepEnd, ValidationEnd, CheckpointSaved]
    assert kinds == [RunStarted, *stretch, *stretch, RunEnd]
    started = events[0]
    assert isinstance(started, RunStarted)
    assert (started.train_images, started.validation_images) == (4, 2)
    assert started.preview.hr.shape == started.preview.bicubic.shape == events[-3].preview.shape
    for event in events:
        if isinstance(event, StepEnd):
            assert list(event.parts) == ["DS", "TS", "SA"]
            assert sum(event.parts.values()) == pytest.approx(event.total, rel=1e-5)
            assert event.parts["SA"] == pytest.approx(10 * event.raw["SA"], rel=1e-5)
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


def test_what_is_prepared_is_told_before_the_run_starts(settings: dict[str, Any]) -> None:
    kinds = [type(event) for event in train(TrainConfig.build(**settings))]
    start = kinds.index(RunStarted)
    assert start > 0
    assert set(kinds[:start]) == {Progress}
    assert Progress not in kinds[start:]


def raw_losses(events: list[TrainEvent], part: str) -> list[float]:
    return [event.raw[part] for event in events if isinstance(event, StepEnd)]


def test_the_student_learns_the_ground_truth(settings: dict[str, Any]) -> None:
    curve = raw_losses(run(settings, teacher=(), steps=60, validate_every=60, lr=3e-3), "DS")
    assert sum(curve[-10:]) < 0.6 * sum(curve[:10])


def test_the_student_learns_the_teachers_affinities(settings: dict[str, Any]) -> None:
    curve = raw_losses(run(settings, steps=60, validate_every=60, lr=3e-3), "SA")
    assert sum(curve[-10:]) < 0.7 * sum(curve[:10])


def test_ground_truth_alone_needs_no_teacher(settings: dict[str, Any]) -> None:
    events = run(settings, teacher=())
    assert events[0].teacher is None  # type: ignore[union-attr]
    assert all(list(event.parts) == ["DS"] for event in events if isinstance(event, StepEnd))


def test_several_teachers_are_drawn_at_random(settings: dict[str, Any], tmp_path: Path) -> None:
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


def test_a_stopped_run_resumes_exactly(settings: dict[str, Any], tmp_path: Path) -> None:
    whole = losses(run(settings, run=tmp_path / "whole"))
    token = CancelToken()
    before: list[TrainEvent] = []
    for event in train(TrainConfig.build(**settings), token):
        before.append(event)
        if isinstance(event, StepEnd) and event.step == 4:
            token.cancel()
    assert isinstance(before[-1], RunEnd)
    assert (before[-1].outcome, before[-1].step) == ("stopped", 4)
    after = list(resume_training(settings["run"]))
    assert losses(before) + losses(after) == whole
    folders = (settings["run"], tmp_path / "whole")
    final, expected = (load_file(folder / "student.safetensors") for folder in folders)
    assert all(torch.equal(final[key], expected[key]) for key in expected)
    steps = [line["step"] for line in read_metrics(settings["run"]) if line["event"] == "step"]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_validation_cut_short_by_a_stop_is_made_up(settings: dict[str, Any]) -> None:
    token = CancelToken()
    for event in train(TrainConfig.build(**settings), token):
        if isinstance(event, StepEnd) and event.step == 3:
            token.cancel()
    resumed = list(resume_training(settings["run"]))
    assert [event.step for event in resumed if isinstance(event, ValidationEnd)] == [3, 6]


def test_a_finished_run_is_not_validated_again(settings: dict[str, Any]) -> None:
    run(settings)
    before = read_metrics(settings["run"])
    assert [type(event) for event in told(resume_training(settings["run"]))] == [RunStarted, RunEnd]
    assert read_metrics(settings["run"]) == before


def test_a_killed_run_resumes_exactly(settings: dict[str, Any], tmp_path: Path) -> None:
    changes = {"steps": 400, "validate_every": 5}
    folder = settings["run"]
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in {**settings, **changes}.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "fakd_core.cli", "train", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 60
    while not (folder / "checkpoints" / "last.pt").exists():
        assert process.poll() is None, process.stderr.read().decode()  # type: ignore[union-attr]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    last = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["step"]
    assert 0 < last < 400
    token = CancelToken()
    for event in resume_training(folder, token):
        if isinstance(event, StepEnd) and event.step == last + 5:
            token.cancel()
    lines = [line for line in read_metrics(folder) if line["event"] == "step"]
    assert [line["step"] for line in lines] == list(range(1, last + 6))
    whole = losses(run(settings, steps=last + 5, validate_every=400, run=tmp_path / "whole"))
    assert [line["total"] for line in lines] == pytest.approx(whole, rel=1e-4)


def test_a_metrics_line_torn_by_a_crash_is_dropped(settings: dict[str, Any]) -> None:
    run(settings)
    metrics = settings["run"] / "metrics.jsonl"
    whole = read_metrics(settings["run"])
    metrics.write_text(metrics.read_text() + '{"event": "st')
    assert read_metrics(settings["run"]) == whole


def test_changed_training_images_are_not_resumed_on(
    settings: dict[str, Any], photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    run(settings, train_data=data)
    (data / "coffee1.png").unlink()
    with pytest.raises(RunError, match="changed since"):
        list(resume_training(settings["run"]))


def test_a_diverging_run_says_so(settings: dict[str, Any]) -> None:
    with pytest.raises(RunError, match=r"learning rate \(lr\) below") as caught:
        run(settings, lr=1e30, steps=20)
    assert "images: " in str(caught.value)
    lines = [line for line in read_metrics(settings["run"]) if line["event"] == "step"]
    assert [line["step"] for line in lines if line.get("skipped")] == [
        *range(lines[-1]["step"] - 8, lines[-1]["step"] + 1)
    ]
    assert (settings["run"] / "checkpoints" / "last.pt").exists()


def test_a_step_that_is_not_finite_leaves_the_weights_alone(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One poisoned batch: the others are learned from, and the weights are finite at the end."""
    whole = run(settings, run=settings["run"].with_name("whole"))
    take = LiveLessons.lesson

    def poisoned(self: LiveLessons, step: int, rank: int = 0, ranks: int = 1) -> Lesson:
        lesson = take(self, step, rank, ranks)
        return replace(lesson, hr=lesson.hr * float("nan")) if step == 3 else lesson

    monkeypatch.setattr(LiveLessons, "lesson", poisoned)
    events = run(settings)
    steps = [event for event in events if isinstance(event, StepEnd)]
    assert [event.step for event in steps] == [1, 2, 3, 4, 5, 6]
    assert [event.skipped for event in steps] == [None, None, None, "DS is nan, total is nan", None, None]
    assert losses(events)[:3] == losses(whole)[:3]
    assert all(map(math.isfinite, losses(events)[4:]))
    student = load_file(settings["run"] / "student.safetensors")
    assert all(weights.isfinite().all() for weights in student.values())
    line = next(line for line in read_metrics(settings["run"]) if line.get("skipped"))
    assert (line["step"], line["total"], line["parts"]["DS"]) == (4, None, None)
    assert "NaN" not in (settings["run"] / "metrics.jsonl").read_text()


def test_a_gradient_that_is_not_finite_is_left_out_though_the_loss_is(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = Learner.measure
    count = 0

    def spoiled(self: Learner, lesson: Lesson) -> Losses:
        nonlocal count
        count += 1
        if count != 2:
            return measure(self, lesson)
        handle = next(self.student.parameters()).register_hook(lambda grad: grad * float("inf"))
        try:
            return measure(self, lesson)
        finally:
            handle.remove()

    monkeypatch.setattr(Learner, "measure", spoiled)
    steps = [event for event in run(settings, ema=0.9) if isinstance(event, StepEnd)]
    assert [event.skipped for event in steps] == [None, "a gradient is not finite", *[None] * 4]
    for name in ("student", "student-ema"):
        weights = load_file(settings["run"] / f"{name}.safetensors")
        assert all(tensor.isfinite().all() for tensor in weights.values())


def test_long_gradients_are_clipped(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[float] = []
    step = torch.optim.Adam.step

    def look(self: torch.optim.Adam, closure: None = None) -> None:
        grads = [weights.grad for group in self.param_groups for weights in group["params"]]
        lengths.append(float(torch.nn.utils.get_total_norm([grad for grad in grads if grad is not None])))
        step(self, closure)

    monkeypatch.setattr(torch.optim.Adam, "step", look)
    run(settings, run=settings["run"].with_name("free"))
    free, lengths[:] = max(lengths), []
    run(settings, clip=free / 10)
    assert max(lengths) == pytest.approx(free / 10, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"distill": "10*XA"}, ConfigError, "XA"),
        ({"scale": 5}, ConfigError, "scale"),
        ({"scale": 2}, ConfigError, "x4"),
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


def test_only_one_process_at_a_time_goes_on_with_a_run(settings: dict[str, Any]) -> None:
    events = train(TrainConfig.build(**settings))
    assert any(isinstance(event, RunStarted) for event in events)
    with pytest.raises(RunError, match="in use"):
        list(resume_training(settings["run"]))
    events.close()
    assert isinstance(list(resume_training(settings["run"]))[-1], RunEnd)
    assert [line["event"] for line in read_metrics(settings["run"])].count("start") == 1


def test_a_validation_after_the_last_checkpoint_is_recorded_once(settings: dict[str, Any]) -> None:
    for event in train(TrainConfig.build(**settings)):
        if isinstance(event, CheckpointSaved) and event.step == 3:
            break
    last = settings["run"] / "checkpoints" / "last.pt"
    state = torch.load(last, weights_only=True)
    torch.save({**state, "validated_step": 0}, last)
    list(resume_training(settings["run"]))
    lines = [line["step"] for line in read_metrics(settings["run"]) if line["event"] == "validation"]
    assert lines == [3, 6]


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_checkpoint_that_does_not_fit_is_one_line(settings: dict[str, Any], damage: bytes | None) -> None:
    run(settings)
    if damage is None:
        config = settings["run"] / "config.toml"
        config.write_text(config.read_text().replace("n_resgroups=2", "n_resgroups=3"))
    else:
        for saved in (settings["run"] / "checkpoints").glob("last*.pt"):
            saved.write_bytes(damage)
    with pytest.raises(RunError) as caught:
        list(resume_training(settings["run"]))
    assert "\n" not in str(caught.value)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(settings: dict[str, Any]) -> None:
    """One flipped bit in the weights, which torch itself would load."""
    run(settings, validate_every=2)
    student, last = settings["run"] / "student.safetensors", settings["run"] / "checkpoints" / "last.pt"
    whole = load_file(student)
    content = bytearray(last.read_bytes())
    content[content.index(whole["head.0.bias"].numpy().tobytes())] ^= 1
    last.write_bytes(content)
    torch.load(last, weights_only=True)
    events = list(resume_training(settings["run"]))
    note = next(event.text for event in events if isinstance(event, Notice))
    assert note == "last.pt: damaged; going on from the checkpoint before, after step 4"
    assert [line["step"] for line in read_metrics(settings["run"]) if line["event"] == "step"] == [
        *range(1, 7)
    ]
    again = load_file(student)
    assert all(torch.equal(again[key], whole[key]) for key in whole)


def test_tilde_is_the_home_folder(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert TrainConfig.build(**{**settings, "run": "~/run"}).run == tmp_path / "run"
    run(settings)
    assert load_model("~/run").spec.architecture == "rcan"


def test_all_validation_images_count_unless_limited(settings: dict[str, Any], photos: Path) -> None:
    separate = {**settings, "val_data": photos, "val_images": None, "steps": 1}
    assert run(separate)[0].validation_images == 6  # type: ignore[union-attr]


def test_a_run_resumes_from_another_folder(
    settings: dict[str, Any], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    relative = {**settings, "train_data": Path(photos.name), "teacher": os.path.relpath(settings["teacher"])}
    token = CancelToken()
    for event in train(TrainConfig.build(**relative), token):
        if isinstance(event, StepEnd):
            token.cancel()
    monkeypatch.chdir(tmp_path)
    assert isinstance(list(resume_training(settings["run"]))[-1], RunEnd)


def test_a_run_is_never_overwritten(settings: dict[str, Any]) -> None:
    run(settings)
    before = (settings["run"] / "metrics.jsonl").read_bytes()
    with pytest.raises(RunError, match="--resume"):
        run(settings)
    assert (settings["run"] / "metrics.jsonl").read_bytes() == before
