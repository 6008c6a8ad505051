"""Cached teacher outputs equal online ones, are shared by processes, and never stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from external_networks import external_file
from stores import stored
from teacher_caches import CPU, Make, announcement, block_files, frozen, prepared

from fakd_core import create_model, load_model
from fakd_core.data.datasets import open_dataset
from fakd_core.data.patches import PatchPool, PatchSampler
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.models.layers import SRNetwork
from fakd_core.training.batches import OnlineTeacherBatches
from fakd_core.training.teacher_cache import TeacherCache


def test_cached_outputs_equal_online_ones_to_half_precision(make_batches: Make, teacher: SRNetwork) -> None:
    cached = make_batches()
    prepared(cached)
    for step in (0, 7):
        batch = cached.batch(step)
        sr, maps = teacher.forward_features(batch.lr)
        assert batch.teacher_sr is not None
        assert batch.teacher_maps is not None
        torch.testing.assert_close(batch.teacher_sr, sr, rtol=0, atol=1 / 32 + 1e-4)
        assert [kept is None for kept in batch.teacher_maps] == [True, False, True, False]
        for kept, live in zip(batch.teacher_maps, maps, strict=True):
            if kept is not None:
                torch.testing.assert_close(kept, live, rtol=1 / 2048 + 1e-4, atol=1e-4)
                assert kept.is_contiguous(memory_format=torch.channels_last)
        assert batch.lr.shape == (4, 3, 12, 12)
        assert batch.hr.shape == batch.teacher_sr.shape == (4, 3, 48, 48)


def test_the_teacher_runs_in_the_precision_of_the_run(make_batches: Make, teacher: SRNetwork) -> None:
    batches = make_batches(dtype=torch.bfloat16)
    prepared(batches)
    batch = batches.batch(0)
    with torch.autocast("cpu", torch.bfloat16):
        sr, maps = teacher.forward_features(batch.lr)
    assert batch.teacher_sr is not None
    assert batch.teacher_maps is not None
    torch.testing.assert_close(batch.teacher_sr, sr, rtol=0, atol=1 / 32 + 1e-4)
    for kept, live in zip(batch.teacher_maps, maps, strict=True):
        if kept is not None:
            torch.testing.assert_close(kept, live.float(), rtol=1 / 2048 + 1e-4, atol=1e-4)
    assert not torch.equal(batch.teacher_sr, teacher(batch.lr))


def test_a_sample_of_positions_is_all_that_is_kept_for_it(make_batches: Make, teacher: SRNetwork) -> None:
    whole, sampled = make_batches(), make_batches(share=0.25)
    prepared(whole)
    said = announcement(prepared(sampled))
    assert "already" not in said  # Another folder.
    loss = DistillationLoss(0.5, "10*SA(positions=0.25)", (1, 3))
    for step in (0, 7):
        full, part = whole.batch(step), sampled.batch(step)
        assert part.teacher_maps is not None
        assert [kept.shape for kept in part.teacher_maps if kept is not None] == [(4, 8, 36, 1)] * 2
        _, maps = teacher.forward_features(full.lr + 9)
        first, second = (
            loss(one.hr, one.teacher_sr, one.hr, maps, one.teacher_maps, one.draws).raw["SA"]
            for one in (full, part)
        )
        assert first == second > 0
    # Another sample for every patch, the same one whenever it comes again.
    patches = sampled.batch(0).draws
    assert patches is not None
    drawn = patches.draw(1, 144, 36).tolist()
    assert len({tuple(sorted(row)) for row in drawn}) == 4
    again = make_batches(share=0.25)
    prepared(again)
    assert again.batch(0).draws == patches


def test_the_same_teachers_are_drawn_as_online(
    make_batches: Make, teacher: SRNetwork, sampler: PatchSampler
) -> None:
    torch.manual_seed(1)
    other = frozen(create_model("edsr", n_feats=12, n_resblocks=4))
    cached = make_batches(teachers=[("teacher", teacher), ("other", other)])
    assert "of 2 teachers" in announcement(prepared(cached))
    live = OnlineTeacherBatches(
        sampler=sampler, teachers=(teacher, other), seed=5, device=CPU, dtype=torch.float32
    )
    widths = []
    for step in range(12):
        maps: list[Any] = [source.batch(step).teacher_maps for source in (cached, live)]
        cached_shape, online_shape = (tap[1].shape for tap in maps)
        assert cached_shape == online_shape
        widths.append(cached_shape[1])
    assert set(widths) == {8, 12}


def test_the_mean_of_teachers_is_that_of_their_outputs(
    make_batches: Make, teacher: SRNetwork, sampler: PatchSampler
) -> None:
    torch.manual_seed(1)
    teachers = (teacher, frozen(create_model("edsr", n_feats=12, n_resblocks=4)))
    cached = make_batches(teachers=[(str(n), one) for n, one in enumerate(teachers)], average=True)
    prepared(cached)
    live = OnlineTeacherBatches(
        sampler=sampler, teachers=teachers, seed=5, device=CPU, dtype=torch.float32, average=True
    )
    for step in range(2):
        for batch, tolerance in ((cached.batch(step), 1 / 32 + 1e-4), (live.batch(step), 1e-4)):
            expected = (teachers[0](batch.lr) + teachers[1](batch.lr)) / 2
            assert batch.teacher_sr is not None
            torch.testing.assert_close(batch.teacher_sr, expected, rtol=0, atol=tolerance)


def test_the_whole_pool_is_used_before_any_patch_repeats(sampler: PatchSampler) -> None:
    pool = PatchPool(sampler, 70)
    taken = np.concatenate([pool.batch(step, 4, seed=5) for step in range(35)])
    first, second = taken[:70], taken[70:]
    assert sorted(first) == sorted(second) == list(range(70))
    assert first.tolist() != second.tolist()
    lr, _ = sampler.cut(pool.specs(first))
    assert len({patch.tobytes() for patch in lr}) == 70


def test_processes_share_one_batch(make_batches: Make) -> None:
    cached = make_batches()
    prepared(cached)
    whole = cached.batch(3)
    parts = [cached.batch(3, rank, 2) for rank in range(2)]
    assert whole.teacher_sr is not None
    assert torch.equal(whole.lr, torch.cat([part.lr for part in parts]))
    assert torch.equal(
        whole.teacher_sr, torch.cat([part.teacher_sr for part in parts if part.teacher_sr is not None])
    )


def test_a_larger_pool_extends_the_smaller_one(make_batches: Make, tmp_path: Path) -> None:
    prepared(make_batches())
    before = {path: path.stat().st_mtime_ns for path in block_files(tmp_path)}
    assert len(before) == 3
    said = announcement(prepared(make_batches(patches=97)))
    assert "97 patches" in said
    assert "of it exists already" in said
    assert len(block_files(tmp_path / "cache")) == 4
    assert {path: path.stat().st_mtime_ns for path in before} == before
    prepared(make_batches(patches=40))
    assert len(block_files(tmp_path / "cache")) == 4


def test_a_complete_cache_needs_no_teacher(
    make_batches: Make, teacher: SRNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(make_batches())

    def forward_features(lr: torch.Tensor) -> None:
        raise AssertionError("the teacher was asked again")

    monkeypatch.setattr(teacher, "forward_features", forward_features)
    again = make_batches()
    prepared(again)
    assert again.batch(0).teacher_sr is not None


def test_the_key_depends_on_everything_that_the_outputs_depend_on(
    sampler: PatchSampler, teacher: SRNetwork, small_teacher: Path, photos: Path, tmp_path: Path
) -> None:
    store = stored(open_dataset(photos, 4))

    def key(
        network: SRNetwork = teacher,
        layers: tuple[int, ...] = (1, 3),
        patches: int = 70,
        indices: tuple[int, ...] = (0, 2, 3),
        share: float = 1,
        dtype: torch.dtype = torch.float32,
        **changes: Any,
    ) -> str:
        settings = {"patch": 12, "batch": 4, "seed": 5, **changes}
        pool = PatchPool(PatchSampler(store, indices, **settings), patches)
        cache = TeacherCache(
            folder=tmp_path,
            name="teacher",
            teacher=network,
            pool=pool,
            layers=layers,
            share=share,
            dtype=dtype,
        )
        return cache.key

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
        key(share=0.5),
        key(share=0.25),
        key(dtype=torch.bfloat16),
    ]
    assert len({key(), *others}) == 1 + len(others)
    assert key() == key(patches=500) == key(batch=2) == key(layers=(3, 1))


@pytest.mark.usefixtures("spandrel")
def test_the_key_of_an_external_teacher_depends_on_its_taps_and_not_on_its_place(
    sampler: PatchSampler, tmp_path: Path
) -> None:
    def key(ref: str) -> str:
        pool = PatchPool(sampler, 70)
        return TeacherCache(folder=tmp_path, name=ref, teacher=load_model(ref), pool=pool, layers=(1, 3)).key

    path = external_file(tmp_path, "Compact")
    keys = [key(str(path)), key(f"{path}@body.0,body.4,body.12,body.17")]
    moved = path.rename(tmp_path / "moved.pth")
    assert len({key(str(moved)), *keys}) == 2


def test_caches_of_other_teachers_are_left_alone(make_batches: Make, tmp_path: Path) -> None:
    prepared(make_batches())
    before = block_files(tmp_path)
    torch.manual_seed(1)
    said = announcement(
        prepared(make_batches(teachers=[("other", frozen(create_model("edsr", n_feats=12, n_resblocks=4)))]))
    )
    assert "already" not in said
    assert set(before) < set(block_files(tmp_path))
    assert len(block_files(tmp_path)) == 6
