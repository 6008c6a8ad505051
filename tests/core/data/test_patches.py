"""Batches of patches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import fill, stored

from fakd_core.data.datasets import open_dataset
from fakd_core.data.patches import PatchPool, PatchSampler, Zoom
from fakd_core.data.resize import imresize_bicubic
from fakd_core.errors import ConfigError
from fakd_core.events import Image8


@pytest.fixture(scope="module")
def sampler(tmp_path_factory: pytest.TempPathFactory) -> PatchSampler:
    folder = fill(tmp_path_factory.mktemp("patches"), ["a.png", "b.png"], 64, 96)
    return PatchSampler(stored(open_dataset(folder, 2)), (0, 1), patch=12, batch=6, seed=3)


def test_batch_shapes_and_range(sampler: PatchSampler) -> None:
    lr, hr = sampler.batch(0)
    assert (lr.shape, hr.shape) == ((6, 12, 12, 3), (6, 24, 24, 3))
    assert lr.dtype == hr.dtype == np.uint8
    assert 40 <= hr.min() < 60 < 190 < hr.max() <= 205


@given(step=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_batch_depends_on_seed_and_step_alone(sampler: PatchSampler, step: int) -> None:
    lr, hr = sampler.batch(step)
    sampler.batch(step + 1)
    for again, before in zip(sampler.batch(step), (lr, hr), strict=True):
        assert np.array_equal(again, before)
    assert not np.array_equal(sampler.batch(step + 1)[0], lr)


@pytest.mark.parametrize("ranks", [2, 3, 6])
def test_ranks_share_the_one_batch(sampler: PatchSampler, ranks: int) -> None:
    whole = sampler.batch(5)
    parts = [sampler.batch(5, rank, ranks) for rank in range(ranks)]
    for position in (0, 1):
        assert np.array_equal(np.concatenate([part[position] for part in parts]), whole[position])


def test_zoomed_patches_are_hr_pixels_and_halved_lr_pixels(tmp_path: Path) -> None:
    folder = fill(tmp_path, ["a.png"], 64, 96)
    store = stored(open_dataset(folder, 2))
    whole_lr, whole_hr = store[0]
    zooms = (Zoom.NONE, Zoom.IN, Zoom.OUT, Zoom.IN)
    zoomed = PatchSampler(store, (0,), patch=12, batch=6, seed=3, augment=False, zooms=zooms)
    plain = PatchSampler(store, (0,), patch=12, batch=6, seed=3, augment=False)
    specs, (lr, hr) = zoomed.specs(0), zoomed.batch(0)
    assert specs.zooms.tolist() == [0, 1, 2, 1, 0, 1]
    for row in (0, 4):
        assert all(np.array_equal(z[row], p[row]) for z, p in zip((lr, hr), plain.batch(0), strict=True))
    assert all(any(np.array_equal(window, lr[row]) for window in windows(whole_hr, 12)) for row in (1, 3, 5))
    halves = (imresize_bicubic(window, 1 / 2) for window in windows(whole_lr, 24))
    assert any(np.array_equal(half, lr[2]) for half in halves)
    assert not hr[[1, 2, 3, 5]].any()


def windows(image: Image8, side: int) -> Iterator[Image8]:
    height, width = image.shape[:2]
    for top in range(height - side + 1):
        for left in range(width - side + 1):
            yield np.ascontiguousarray(image[top : top + side, left : left + side])


def test_a_pool_of_zoomed_patches_is_used_evenly(tmp_path: Path) -> None:
    store = stored(open_dataset(fill(tmp_path, ["a.png"], 64, 96), 2))
    zooms = (Zoom.NONE, Zoom.IN, Zoom.OUT)
    pool = PatchPool(PatchSampler(store, (0,), patch=12, batch=6, seed=3, zooms=zooms), 70)
    batches = [pool.batch(step, 6, seed=1) for step in range(23)]
    for numbers in batches:
        assert pool.specs(numbers).zooms.tolist() == [0, 1, 2, 0, 1, 2]
    taken = np.concatenate(batches)
    assert sorted(taken[taken % 3 == 1].tolist()) == sorted([*range(1, 70, 3)] * 2)


def test_uneven_share_is_refused(sampler: PatchSampler) -> None:
    with pytest.raises(ConfigError, match="multiple of 4"):
        sampler.batch(0, 0, 4)


@given(step=st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_patches_stay_aligned_under_augmentation(sampler: PatchSampler, step: int) -> None:
    """Away from the patch's border, downscaling the HR patch gives the LR patch, whatever the symmetry."""
    for lr, hr in zip(*sampler.batch(step), strict=True):
        made = imresize_bicubic(hr, 1 / 2)
        inner = (slice(3, -3), slice(3, -3))
        # Vertical first, then rounding: a transposed patch may differ by rounding alone.
        assert np.abs(made[inner].astype(int) - lr[inner]).max() <= 2


def test_augmentation_reaches_all_eight_symmetries(tmp_path: Path) -> None:
    dataset = open_dataset(fill(tmp_path, ["a.png"], 24, 24), 2)
    patches = PatchSampler(stored(dataset), (0,), patch=12, batch=64, seed=0).batch(0)[0]
    assert len({patch.tobytes() for patch in patches}) == 8
    plain = PatchSampler(stored(dataset), (0,), patch=12, batch=64, seed=0, augment=False).batch(0)[0]
    assert np.array_equal(plain[63], dataset.load(0).lr)


def test_patches_come_from_all_images_and_reach_every_corner(tmp_path: Path) -> None:
    dataset = open_dataset(fill(tmp_path, ["a.png", "b.png"], 20, 22), 2)
    patches = PatchSampler(stored(dataset), (0, 1), patch=9, batch=400, seed=0, augment=False).batch(0)[0]
    # 2x3 positions in each of the two images
    assert len({patch.tobytes() for patch in patches}) == 12


def test_patches_come_from_the_given_images_alone(tmp_path: Path) -> None:
    dataset = open_dataset(fill(tmp_path, ["a.png", "b.png", "c.png"], 20, 20), 2)
    patches = PatchSampler(stored(dataset), (2, 1), patch=10, batch=50, seed=0, augment=False).batch(0)[0]
    given = [dataset.load(index).lr for index in (1, 2)]
    assert {patch.tobytes() for patch in patches} == {image.tobytes() for image in given}


def test_the_identity_says_what_decides_the_patches(tmp_path: Path) -> None:
    store = stored(open_dataset(fill(tmp_path, ["a.png", "b.png", "c.png"]), 2))
    same = PatchSampler(store, (0, 2), patch=10, batch=4, seed=0)
    assert same.identity() == PatchSampler(store, (0, 2), patch=10, batch=8, seed=0).identity()
    others = [
        PatchSampler(store, (0, 1), patch=10, batch=4, seed=0),
        PatchSampler(store, (0,), patch=10, batch=4, seed=0),
        PatchSampler(store, (0, 2), patch=11, batch=4, seed=0),
        PatchSampler(store, (0, 2), patch=10, batch=4, seed=1),
        PatchSampler(store, (0, 2), patch=10, batch=4, seed=0, augment=False),
        PatchSampler(stored(open_dataset(tmp_path, 4)), (0, 2), patch=10, batch=4, seed=0),
    ]
    assert all(other.identity() != same.identity() for other in others)
