"""LR images are found whatever the spelling of their folders and names."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from stores import fill

from fakd_core.data.datasets import open_dataset
from fakd_core.data.image_files import write_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.errors import DataError

NFC, NFD = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def make(folder: Path, hr: str, *lr: str, scale: int = 4) -> Path:
    """An HR image and LR images of `scale`, by their paths in `folder`."""
    place = folder / hr
    fill(place.parent, [place.name], 40, 52)
    image = open_dataset(place.parent, 1).load(0).hr
    for path in lr:
        write_image(folder / path, imresize_bicubic(image, 1 / scale))
    return folder


@pytest.mark.parametrize(
    ("hr", "lr"),
    [
        ("HR/a.png", "LR_bicubic/X4/ax4.png"),
        ("HR/a.png", "LR_bicubic/x4/ax4.png"),
        ("HR/a.png", "LR_BICUBIC/X4/A_X4.PNG"),
        ("HR/a.png", "lr-bicubic/4x/a.png"),
        ("hr/a.png", "lr/x4/a.jpg"),
        ("HR/a.png", "LR/a.png"),
        ("HR/a.png", "LR_bicubic_X4/a.png"),
        ("GT/a.png", "LRx4/a.png"),
        ("GTmod12/baby.png", "LRbicx4/baby.png"),
        ("HR/a_HR.png", "LR/X4/a_LR.png"),
        (f"HR/{NFC}.png", f"LR_bicubic/X4/{NFD}x4.png"),
        (f"HR/{NFD}.png", f"LR_bicubic/X4/{NFC}.png"),
        ("HR/img_x4.png", "LR_bicubic/X4/img_x4.png"),
        ("Flickr2K_HR/000001.png", "Flickr2K_LR_bicubic/X4/000001x4.png"),
        ("div2k_train_hr/0001.png", "div2k_train_lr_bicubic/x4/0001x4.png"),
        ("img_001_SRF_4_HR.png", "img_001_SRF_4_LR.png"),
        ("a_HR.png", "a_LR.png"),
        ("HR_a.png", "LR_a.png"),
        ("a-hr-2.png", "a-lr-2.png"),
        ("001HR.png", "001LR.png"),
        ("HR001.png", "LR001.png"),
        ("Canon_001_HR.png", "Canon_001_LR4.png"),
        ("a.png", "a_LRx4.png"),
        (f"{NFC}_HR.png", f"{NFD}_LR.png"),
        ("a.png", "ax4.png"),
        ("aHR.png", "aLR.png"),
        ("a_HR.png", "a_x4_LR.png"),
        ("a_HR_x4.png", "a_LR_x4.png"),
        ("a_HR_x4.png", "a_x4_LR.png"),
        ("a_highres.png", "a_lowres.png"),
        ("a_GT.png", "a_LQ.png"),
        ("GT/a.png", "LQ/a.png"),
    ],
)
def test_the_own_lr_image_is_found(tmp_path: Path, hr: str, lr: str) -> None:
    dataset = open_dataset(make(tmp_path, hr, lr), 4)
    assert dataset.hr_files == ((tmp_path / hr).resolve(),)
    assert dataset.lr_files == ((tmp_path / lr).resolve(),)
    assert dataset.lr_origin == f"read from {(tmp_path / lr).resolve().parent}"
    assert dataset.load(0).lr.shape == (10, 13, 3)


@pytest.mark.parametrize(
    ("hr", "lr"),
    [
        ("HR/a.png", "LR_bicubic/X2/ax2.png"),
        ("HR/a.png", "LR/a.png"),
        ("HR/a.png", "LR_unknown/X4/ax4.png"),
        ("img_SRF_2_HR.png", "img_SRF_2_LR.png"),
        ("a_HR.png", "a_LRx2.png"),
        ("a_HR.png", "a_LR.png"),
        ("a_HR_x4.png", "a_LR_x2.png"),
        ("a.png", "ax2.png"),
    ],
)
def test_an_lr_image_of_another_scale_is_neither_used_nor_scored(tmp_path: Path, hr: str, lr: str) -> None:
    dataset = open_dataset(make(tmp_path, hr, lr, scale=2), 4)
    assert (dataset.hr_files, dataset.lr_files) == (((tmp_path / hr).resolve(),), (None,))
    assert dataset.lr_origin == "made from the HR images by MATLAB's bicubic"


def test_images_that_only_look_like_a_pair_stay_images(tmp_path: Path) -> None:
    fill(tmp_path, ["a_LR.png", "b_HR.png", "chr.png", "clr.png", "d_x4.png", "d.png"])
    assert len(open_dataset(tmp_path, 4)) == 6


def test_equal_names_are_told_apart_by_case(tmp_path: Path) -> None:
    for name in ("a", "A"):
        make(tmp_path, f"HR/{name}.png", f"LR_bicubic/X4/{name}x4.png")
    dataset = open_dataset(tmp_path, 4)
    assert [path.stem for path in dataset.lr_files if path] == [f"{name}x4" for name in dataset.names]


def test_of_several_scales_each_has_its_own(tmp_path: Path) -> None:
    make(tmp_path, "a_HR.png", "a_LRx4.png")
    make(tmp_path, "a_HR.png", "a_LRx2.png", scale=2)
    for scale in (2, 4):
        [lr_file] = open_dataset(tmp_path, scale).lr_files
        assert lr_file is not None
        assert lr_file.name == f"a_LRx{scale}.png"


def test_an_enlarged_image_beside_its_source_is_no_lr_image(tmp_path: Path) -> None:
    fill(tmp_path, ["a.png"], 40, 52)
    fill(tmp_path, ["a_x4.png"], 160, 208)
    assert [path.name for path in open_dataset(tmp_path, 4).hr_files] == ["a.png", "a_x4.png"]


def test_an_lr_image_without_its_hr_image_is_named_rather_than_scored(tmp_path: Path) -> None:
    make(tmp_path, "a_HR.png", "a_LR.png", "b_LR.png")
    with pytest.raises(DataError, match=r"b_LR.png: an LR image without its HR image.*add the HR image"):
        open_dataset(tmp_path, 4)
