"""Folder layouts, pairs and the validation split."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import fill

from fakd_core.data.datasets import (
    check_patch,
    fingerprint,
    lr_sides,
    open_dataset,
    open_datasets,
    split_validation,
)
from fakd_core.data.folders import find_images
from fakd_core.data.image_files import write_image
from fakd_core.data.pixel_store import lock_path
from fakd_core.data.resize import imresize_bicubic
from fakd_core.errors import DataError

Shared = Callable[[str], Path]


def test_find_images_sorts_naturally_and_takes_only_visible_images(tmp_path: Path) -> None:
    fill(tmp_path, ["img10.png", "img2.PNG", "Img1.png", ".hidden.png"])
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in find_images(tmp_path)] == ["Img1.png", "img2.PNG", "img10.png"]


def test_plain_folder_makes_its_lr_images(tmp_path: Path) -> None:
    dataset = open_dataset(fill(tmp_path / "photos", ["a.png", "b.png"], 41, 54), 4)
    assert (dataset.name, dataset.names, len(dataset)) == ("photos", ("a", "b"), 2)
    assert dataset.lr_files == (None, None)
    pair = dataset.load(1)
    assert (pair.name, pair.lr.shape, pair.hr.shape) == ("b", (10, 13, 3), (40, 52, 3))
    assert np.array_equal(pair.lr, imresize_bicubic(pair.hr, 1 / 4))


def test_names_differ_when_only_the_suffix_differs(tmp_path: Path) -> None:
    fill(tmp_path, ["a.png", "b.png"])
    shutil.copy(tmp_path / "a.png", tmp_path / "a.bmp")
    assert open_dataset(tmp_path, 2).names == ("a.bmp", "a.png", "b")


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("given_folder", ["", "HR"])
def test_benchmark_layout(shared: Shared, scale: int, given_folder: str) -> None:
    root = shared("data/benchmark/Set5")
    dataset = open_dataset(root / given_folder, scale)
    assert dataset.name == "Set5"
    assert dataset.hr_files[0] == root.resolve() / "HR/baby.png"
    assert dataset.names == ("baby", "bird", "butterfly", "head", "woman")
    assert dataset.lr_files[0] == root.resolve() / f"LR_bicubic/X{scale}/babyx{scale}.png"
    pair = dataset.load(4)
    assert pair.hr.shape == (pair.lr.shape[0] * scale, pair.lr.shape[1] * scale, 3)


def test_benchmark_scale_without_lr_folder_is_made(shared: Shared) -> None:
    dataset = open_dataset(shared("data/benchmark/B100"), 8)
    assert dataset.lr_files == (None,) * 100
    assert dataset.load(0).lr.shape == (321 // 8, 481 // 8, 3)


@pytest.mark.parametrize("given_folder", ["", "DIV2K", "DIV2K/DIV2K_train_HR"])
def test_div2k_layout_from_root_parent_or_hr_folder(shared: Shared, given_folder: str) -> None:
    dataset = open_dataset(shared("data/DIV2K_mini") / given_folder, 4)
    assert (dataset.name, len(dataset)) == ("DIV2K_train", 12)
    assert dataset.hr_files[0].parent.name == "DIV2K_train_HR"
    assert dataset.lr_files[0] is not None
    assert dataset.lr_files[0].name == "0001x4.png"


def test_div2k_validation_part(tmp_path: Path) -> None:
    fill(tmp_path / "DIV2K_train_HR", ["0001.png"])
    fill(tmp_path / "DIV2K_valid_HR", ["0801.png"])
    assert open_dataset(tmp_path, 2).names == ("0001",)
    assert open_dataset(tmp_path / "DIV2K_valid_HR", 2).names == ("0801",)
    shutil.rmtree(tmp_path / "DIV2K_train_HR")
    assert open_dataset(tmp_path, 2).name == "DIV2K_valid"


@pytest.mark.parametrize("given_folder", ["BSDS400", "BSDS400/HR"])
def test_folder_with_only_hr_in_it(shared: Shared, given_folder: str) -> None:
    dataset = open_dataset(shared("data") / given_folder, 4)
    assert (dataset.name, len(dataset), set(dataset.lr_files)) == ("BSDS400", 399, {None})


def test_lr_of_an_uncropped_hr_image_is_cropped(tmp_path: Path) -> None:
    fill(tmp_path / "HR", ["a.png"], 41, 54)
    hr = open_dataset(tmp_path / "HR", 1).load(0).hr
    write_image(tmp_path / "LR_bicubic/X4/ax4.png", imresize_bicubic(hr, 1 / 4))
    pair = open_dataset(tmp_path, 4).load(0)
    assert (pair.lr.shape, pair.hr.shape) == ((10, 13, 3), (40, 52, 3))


def test_unusable_folders_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty" / "inside").mkdir(parents=True)
    with pytest.raises(DataError, match=r"no images found \(it holds the folders inside"):
        open_dataset(tmp_path / "empty", 4)
    with pytest.raises(DataError, match="no such folder"):
        open_dataset(tmp_path / "absent", 4)
    (tmp_path / "a.png").write_text("not an image")
    with pytest.raises(DataError, match="found a file"):
        open_dataset(tmp_path / "a.png", 4)
    with pytest.raises(DataError, match=r"a\.png: expected an image"):
        open_dataset(tmp_path, 4).load(0)


def test_lr_files_of_wrong_size_or_missing(tmp_path: Path) -> None:
    fill(tmp_path / "HR", ["a.png", "b.png"])
    fill(tmp_path / "LR_bicubic/X4", ["ax4.png"], 20, 26)
    with pytest.raises(DataError, match=r"1 of 2 LR images are missing \(bx4"):
        open_dataset(tmp_path, 4)
    fill(tmp_path / "LR_bicubic/X4", ["bx4.png"], 10, 13)
    dataset = open_dataset(tmp_path, 4)
    assert dataset.load(1).lr.shape == (10, 13, 3)
    with pytest.raises(DataError, match=r"expected 13x10.*found 26x20"):
        dataset.load(0)
    with pytest.raises(DataError, match="too small for scale 8"):
        open_dataset(fill(tmp_path / "tiny", ["t.png"], 5, 5), 8).load(0)


@given(n=st.integers(0, 11), seed=st.integers(0, 99))
@settings(deadline=None)
def test_split_is_a_partition_and_repeats(shared: Shared, n: int, seed: int) -> None:
    dataset = open_dataset(shared("data/DIV2K_mini"), 4)
    train, validation = split_validation(dataset, n, seed)
    assert len(validation) == n
    assert sorted(train + validation) == list(range(12))
    assert split_validation(dataset, n, seed) == (train, validation)


def test_split_leaves_something_to_train_on(tmp_path: Path) -> None:
    dataset = open_dataset(fill(tmp_path, ["a.png", "b.png"]), 2)
    with pytest.raises(DataError, match="leaves none to train"):
        split_validation(dataset, 2, 0)


def test_the_split_has_a_random_stream_of_its_own(tmp_path: Path) -> None:
    """Not that of the patches of any step, nor of another draw."""
    dataset = open_dataset(fill(tmp_path, [f"{number}.png" for number in range(12)], 8, 8), 4)
    _, held_out = split_validation(dataset, 6, seed=5)
    for key in (5, (5, 0), *((5, step, use) for step in range(9) for use in range(4))):
        order = np.random.default_rng(key).permutation(12)
        assert held_out != tuple(sorted(order[:6].tolist())), key


def test_fingerprint_depends_on_the_files_not_their_folder(tmp_path: Path) -> None:
    first = fingerprint(open_dataset(fill(tmp_path / "one", ["a.png", "b.png"]), 2))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert fingerprint(open_dataset(tmp_path / "two", 2)) == first
    assert fingerprint(open_dataset(tmp_path / "two", 4)) != first
    fill(tmp_path / "two", ["b.png"], 44, 52)
    assert fingerprint(open_dataset(tmp_path / "two", 2)) != first


def test_a_patch_larger_than_all_images_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, ["a.png"])
    fill(tmp_path, ["b.png"], 24, 52)
    (tmp_path / "broken.png").write_bytes(b"x")
    dataset = open_dataset(tmp_path, 4)
    sides = list(lr_sides(dataset, range(len(dataset))))
    assert sides == [10, 6]
    check_patch(dataset, sides, 10)
    with pytest.raises(DataError, match=r"all LR images are smaller than the patch of 11x11; .* at most 10"):
        check_patch(dataset, sides, 11)
    check_patch(dataset, [], 11)


def test_several_folders_are_one_data_set(tmp_path: Path) -> None:
    one, two = fill(tmp_path / "one", ["a.png", "b.png"]), fill(tmp_path / "two", ["b.png", "c.png"])
    both = open_datasets([one, two], 4)
    assert (both.name, both.names) == ("one+two", ("a", "b", "b (2)", "c"))
    assert both.hr_files == (one / "a.png", one / "b.png", two / "b.png", two / "c.png")
    assert both.lr_files == (None,) * 4
    assert lock_path(both) not in (lock_path(open_dataset(one, 4)), lock_path(open_dataset(two, 4)))
    assert open_datasets([one], 4) == open_dataset(one, 4)
    with pytest.raises(DataError, match="one: its images are given twice"):
        open_datasets([one, two, two / ".." / "one"], 4)


def test_the_origin_of_lr_images_is_named(tmp_path: Path) -> None:
    dataset = open_dataset(fill(tmp_path / "one", ["a.png"]), 4)
    assert dataset.lr_origin == "made from the HR images by MATLAB's bicubic"
    read = replace(dataset, lr_files=(tmp_path / "X4" / "ax4.png",))
    assert read.lr_origin == f"read from {tmp_path / 'X4'}"
