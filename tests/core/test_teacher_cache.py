"""The teacher's answers in files: what the live teacher says, kept, shared between processes, never stale."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from stores import stored

from fakd_core import create_model, load_model
from fakd_core.cached_lessons import CachedLessons
from fakd_core.config import TrainConfig
from fakd_core.datasets import open_dataset
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import Cancelled, CancelToken, Progress, RunEnd, StepEnd
from fakd_core.lessons import LiveLessons
from fakd_core.models import SRNetwork
from fakd_core.patch_pool import PATCHES_PER_BLOCK, PatchPool
from fakd_core.patches import PatchSampler
from fakd_core.teacher_cache import TeacherCache
from fakd_core.trainer import resume_training, train
from fakd_core.training_setup import anchored

CPU = torch.device("cpu")


def frozen(model: SRNetwork) -> SRNetwork:
    return model.eval().requires_grad_(False)


@pytest.fixture
def teacher(small_teacher: Path) -> SRNetwork:
    return frozen(load_model(small_teacher))


@pytest.fixture
def sampler(photos: Path) -> PatchSampler:
    return PatchSampler(stored(open_dataset(photos, 4)), (0, 2, 3), patch=12, batch=4, seed=5)


Make = Callable[..., CachedLessons]


@pytest.fixture
def lessons(sampler: PatchSampler, teacher: SRNetwork, tmp_path: Path) -> Make:
    """Lessons from a pool of 70 patches, which takes three blocks; not yet prepared."""

    def make(**changes: Any) -> CachedLessons:
        settings = {
            "folder": tmp_path / "cache",
            "sampler": sampler,
            "teachers": [("teacher", teacher)],
            "layers": (1, 3),
            "patches": 70,
            "batch": 4,
            "seed": 5,
            "device": CPU,
        }
        return CachedLessons(**{**settings, **changes})

    return make


def prepared(lessons: CachedLessons) -> list[Progress]:
    return list(lessons.prepare(CancelToken()))


def files(folder: Path) -> list[str]:
    """Every file of the one cache in `folder`."""
    (cache,) = folder.iterdir()
    return sorted(path.name for path in cache.iterdir())


def block_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("block-*.safetensors"))


THREE_BLOCKS = [*(f"block-{number:05d}.safetensors" for number in range(3)), "key.json"]


def test_the_cached_answers_are_the_live_ones_to_half_precision(lessons: Make, teacher: SRNetwork) -> None:
    cached = lessons()
    prepared(cached)
    for step in (0, 7):
        lesson = cached.lesson(step)
        sr, maps = teacher.forward_features(lesson.lr)
        assert lesson.teacher_sr is not None
        assert lesson.teacher_maps is not None
        torch.testing.assert_close(lesson.teacher_sr, sr, rtol=0, atol=1 / 32 + 1e-4)
        assert [kept is None for kept in lesson.teacher_maps] == [True, False, True, False]
        for kept, live in zip(lesson.teacher_maps, maps, strict=True):
            if kept is not None:
                torch.testing.assert_close(kept, live, rtol=1 / 2048 + 1e-4, atol=1e-4)
                assert kept.is_contiguous(memory_format=torch.channels_last)
        assert lesson.lr.shape == (4, 3, 12, 12)
        assert lesson.hr.shape == lesson.teacher_sr.shape == (4, 3, 48, 48)


def test_of_several_teachers_the_same_ones_are_drawn_as_live(
    lessons: Make, teacher: SRNetwork, sampler: PatchSampler
) -> None:
    torch.manual_seed(1)
    other = frozen(create_model("edsr", n_feats=12, n_resblocks=4))
    cached = lessons(teachers=[("teacher", teacher), ("other", other)])
    assert "of 2 teachers" in announcement(prepared(cached))
    live = LiveLessons(sampler, (teacher, other), 5, CPU, torch.float32)
    widths = []
    for step in range(12):
        maps: list[Any] = [source.lesson(step).teacher_maps for source in (cached, live)]
        kept, told = (tap[1].shape for tap in maps)
        assert kept == told
        widths.append(kept[1])
    assert set(widths) == {8, 12}


def test_every_turn_goes_through_the_whole_pool(sampler: PatchSampler) -> None:
    pool = PatchPool(sampler, 70)
    taken = np.concatenate([pool.batch(step, 4, seed=5) for step in range(35)])
    first, second = taken[:70], taken[70:]
    assert sorted(first) == sorted(second) == list(range(70))
    assert first.tolist() != second.tolist()
    lr, _ = sampler.cut(pool.draws(first))
    assert len({patch.tobytes() for patch in lr}) == 70


def test_processes_share_the_batch_of_one(lessons: Make) -> None:
    cached = lessons()
    prepared(cached)
    whole = cached.lesson(3)
    parts = [cached.lesson(3, rank, 2) for rank in range(2)]
    assert whole.teacher_sr is not None
    assert torch.equal(whole.lr, torch.cat([part.lr for part in parts]))
    assert torch.equal(
        whole.teacher_sr, torch.cat([part.teacher_sr for part in parts if part.teacher_sr is not None])
    )


def test_a_larger_pool_goes_on_with_the_smaller_one(lessons: Make, tmp_path: Path) -> None:
    prepared(lessons())
    before = {path: path.stat().st_mtime_ns for path in block_files(tmp_path)}
    assert len(before) == 3
    said = announcement(prepared(lessons(patches=97)))
    assert "97 patches" in said
    assert "of it there already" in said
    assert len(block_files(tmp_path / "cache")) == 4
    assert {path: path.stat().st_mtime_ns for path in before} == before
    prepared(lessons(patches=40))
    assert len(block_files(tmp_path / "cache")) == 4


def test_a_complete_cache_needs_no_teacher(
    lessons: Make, teacher: SRNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(lessons())

    def forward_features(lr: torch.Tensor) -> None:
        raise AssertionError("the teacher was asked again")

    monkeypatch.setattr(teacher, "forward_features", forward_features)
    again = lessons()
    prepared(again)
    assert again.lesson(0).teacher_sr is not None


def announcement(said: list[Progress]) -> str:
    (note,) = [progress.note for progress in said if progress.note]
    return note


def test_the_key_follows_all_that_the_answers_depend_on(
    sampler: PatchSampler, teacher: SRNetwork, small_teacher: Path, photos: Path, tmp_path: Path
) -> None:
    store = stored(open_dataset(photos, 4))

    def key(
        network: SRNetwork = teacher,
        layers: tuple[int, ...] = (1, 3),
        patches: int = 70,
        indices: tuple[int, ...] = (0, 2, 3),
        **changes: Any,
    ) -> str:
        settings = {"patch": 12, "batch": 4, "seed": 5, **changes}
        pool = PatchPool(PatchSampler(store, indices, **settings), patches)
        return TeacherCache(tmp_path, "teacher", network, pool, layers).key

    retrained = frozen(load_model(small_teacher))
    retrained.state_dict()["head.0.bias"][0] += 1e-6
    tapped = frozen(load_model(small_teacher))
    tapped.spec = tapped.spec.model_copy(update={"taps": (1, 2)})
    others = [
        key(retrained),
        key(tapped),
        key(layers=(1, 2)),
        key(indices=(0, 2)),
        key(patch=16),
        key(seed=6),
        key(augment=False),
    ]
    assert len({key(), *others}) == 1 + len(others)
    assert key() == key(patches=500) == key(batch=2) == key(layers=(3, 1))


def test_caches_of_other_teachers_are_left_alone(lessons: Make, tmp_path: Path) -> None:
    prepared(lessons())
    before = block_files(tmp_path)
    torch.manual_seed(1)
    said = announcement(
        prepared(lessons(teachers=[("other", frozen(create_model("edsr", n_feats=12, n_resblocks=4)))]))
    )
    assert "already" not in said
    assert set(before) < set(block_files(tmp_path))
    assert len(block_files(tmp_path)) == 6


def truncated(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path: Path, other: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def emptied(path: Path, other: Path) -> None:
    path.write_bytes(b"")


def taken_from_another_cache(path: Path, other: Path) -> None:
    shutil.copy(other, path)


@pytest.mark.parametrize("damage", [truncated, flipped, emptied, taken_from_another_cache])
def test_a_block_that_cannot_be_trusted_is_computed_anew(
    lessons: Make, teacher: SRNetwork, tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    prepared(lessons())
    retrained = frozen(create_model(teacher.spec))
    prepared(lessons(teachers=[("retrained", retrained)], folder=tmp_path / "other"))
    (other, *_), (first, second, third) = block_files(tmp_path / "other"), block_files(tmp_path / "cache")
    # Copies: what is mapped goes with the file.
    good = {name: tensor.clone() for name, tensor in load_file(second).items()}
    untouched = {path: path.stat().st_mtime_ns for path in (first, third)}
    damage(second, other)
    assert "1 files are damaged and made anew" in announcement(prepared(lessons()))
    again = load_file(second)
    assert all(torch.equal(again[name], tensor) for name, tensor in good.items())
    assert {path: path.stat().st_mtime_ns for path in untouched} == untouched


def test_no_room_is_said_before_anything_is_written(
    lessons: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    block = lessons()._caches[0].block_bytes
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2 * block))
    with pytest.raises(
        DataError,
        match=r"70 patches, 1\.8 MB in .*: no room, 1\.8 MB .* 1\.2 MB free; use --cache-patches 64 or fewer",
    ):
        prepared(lessons())
    assert not (tmp_path / "cache").exists()
    prepared(lessons(patches=64))
    # Now only what is missing counts.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=block))
    prepared(lessons())
    with pytest.raises(DataError, match="--cache-patches 128 or fewer"):
        prepared(lessons(patches=200))


def test_the_size_told_is_the_size_taken(lessons: Make, tmp_path: Path) -> None:
    cached = lessons()
    prepared(cached)
    taken = sum(path.stat().st_size for path in block_files(tmp_path))
    told = 3 * cached._caches[0].block_bytes
    assert told - 3 * 1024 <= taken <= told


def test_a_disk_that_fills_up_on_the_way_keeps_what_is_finished(lessons: Make, tmp_path: Path) -> None:
    building = lessons().prepare(CancelToken())
    while not block_files(tmp_path):
        next(building)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"can't be written .*what is finished stays"):
            list(building)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(files(tmp_path / "cache")) == 2
    prepared(lessons())
    assert files(tmp_path / "cache") == THREE_BLOCKS


def test_a_stop_keeps_what_is_finished(lessons: Make, tmp_path: Path) -> None:
    token = CancelToken()
    building = lessons().prepare(token)
    while not block_files(tmp_path):
        next(building)
    token.cancel()
    with pytest.raises(Cancelled):
        list(building)
    assert len(files(tmp_path / "cache")) == 2


def test_answers_beyond_half_precision_are_refused(
    lessons: Make, small_teacher: Path, tmp_path: Path
) -> None:
    loud = load_model(small_teacher)
    loud.state_dict()["head.0.weight"].mul_(1e6)
    with pytest.raises(ConfigError, match=r"loud: its SR reaches .*65504; train without --teacher-cache"):
        prepared(lessons(teachers=[("loud", frozen(loud))]))
    assert block_files(tmp_path) == []


def test_a_folder_that_is_a_file_is_refused(lessons: Make, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(ConfigError, match=r"cache: .*Not a directory.*--teacher-cache"):
        lessons()


def test_abandoned_parts_are_removed_and_those_in_the_making_are_not(lessons: Make, tmp_path: Path) -> None:
    prepared(lessons())
    (folder,) = (tmp_path / "cache").iterdir()
    old, new = folder / ".block-00000.aa.safetensors", folder / ".block-00001.bb.safetensors"
    for part in (old, new):
        part.write_bytes(b"part")
    os.utime(old, (time.time() - 7200,) * 2)
    prepared(lessons())
    assert files(tmp_path / "cache") == [new.name, *THREE_BLOCKS]


@pytest.fixture
def settings(photos: Path, small_teacher: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "teacher": str(small_teacher),
        "student": "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
        "train_data": photos,
        "run": tmp_path / "run",
        "steps": 6,
        "batch": 2,
        "patch": 12,
        "val_images": 2,
        "validate_every": 3,
        "teacher_cache": tmp_path / "cache",
        "cache_patches": 40,
    }


def losses(events: Iterator[Any]) -> list[float]:
    return [event.total for event in events if isinstance(event, StepEnd)]


def test_a_stopped_run_goes_on_exactly(settings: dict[str, Any], tmp_path: Path) -> None:
    whole = losses(train(TrainConfig.build(**{**settings, "run": tmp_path / "whole"})))
    token = CancelToken()
    before = []
    for event in train(TrainConfig.build(**settings), token):
        before.append(event)
        if isinstance(event, StepEnd) and event.step == 4:
            token.cancel()
    assert isinstance(before[-1], RunEnd)
    assert losses(iter(before)) + losses(resume_training(settings["run"])) == whole
    assert len(whole) == 6


def test_training_differs_from_live_by_half_precision_alone(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the live teacher put in the place of the cached answers, on the same patches."""
    cached = losses(train(TrainConfig.build(**settings)))
    teacher = frozen(load_model(settings["teacher"]))
    original = CachedLessons.lesson

    def lesson(self: CachedLessons, step: int, rank: int = 0, ranks: int = 1) -> Any:
        found = original(self, step, rank, ranks)
        sr, maps = teacher.forward_features(found.lr)
        return type(found)(found.lr, found.hr, sr, maps)

    monkeypatch.setattr(CachedLessons, "lesson", lesson)
    live = losses(train(TrainConfig.build(**{**settings, "run": tmp_path / "live"})))
    assert cached != live
    assert cached == pytest.approx(live, rel=1e-4)


def test_the_cache_is_found_from_any_folder(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = TrainConfig.build(**{**settings, "teacher_cache": "cache"})
    assert anchored(relative).teacher_cache == tmp_path / "cache"


def test_a_recipe_without_terms_keeps_no_maps(settings: dict[str, Any], tmp_path: Path) -> None:
    losses(train(TrainConfig.build(**{**settings, "distill": "none", "steps": 1})))
    sizes = [path.stat().st_size for path in block_files(tmp_path)]
    assert max(sizes) < PATCHES_PER_BLOCK * 48 * 48 * 3 * 2 + 1024


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cache_patches": None}, "go together: give both or neither"),
        ({"teacher_cache": None}, "go together: give both or neither"),
        ({"cache_patches": 1}, r"at least batch, 2 \(found 1\)"),
        ({"teacher": ()}, "name a teacher, or drop it"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    settings: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig.build(**{**settings, **changes})


Start = Callable[[dict[str, Any]], "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `fakd train` with some settings, in a process that ends with the test."""
    started = []

    def begin(settings: dict[str, Any]) -> subprocess.Popen[str]:
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        process = subprocess.Popen(
            [sys.executable, "-m", "fakd_core.cli", "train", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def wait_for_blocks(number: int, folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 100
    while len(block_files(folder)) < number:
        assert not process.poll(), process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_process_leaves_its_finished_blocks_for_the_next(
    settings: dict[str, Any], start: Start, tmp_path: Path
) -> None:
    settings |= {"cache_patches": 10_000, "steps": 1}
    process = start(settings)
    wait_for_blocks(3, tmp_path, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = {path: path.stat().st_mtime_ns for path in block_files(tmp_path)}
    assert 3 <= len(before) < 313
    assert not settings["run"].exists()
    resumed = train(TrainConfig.build(**settings))
    while len(block_files(tmp_path)) < len(before) + 3:
        next(resumed)
    resumed.close()
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_two_processes_that_make_one_cache_end_with_a_good_one(
    settings: dict[str, Any], start: Start, tmp_path: Path
) -> None:
    settings |= {"cache_patches": 320, "steps": 2}
    other = start({**settings, "run": tmp_path / "other"})
    wait_for_blocks(1, tmp_path, other)
    said = [event for event in train(TrainConfig.build(**settings)) if isinstance(event, Progress)]
    assert "already" in announcement(said)
    _, errors = other.communicate(timeout=100)
    assert other.returncode == 0, errors
    made = {path: path.stat().st_mtime_ns for path in block_files(tmp_path)}
    assert len(made) == 10
    (folder,) = {path.parent for path in made}
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    again = train(TrainConfig.build(**{**settings, "run": tmp_path / "three"}))
    assert "damaged" not in announcement([event for event in again if isinstance(event, Progress)])
    assert {path: path.stat().st_mtime_ns for path in made} == made
