"""Blank and transparent images, and the origin of LR images, are named beside the scores."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakd_core.data.datasets import open_dataset
from fakd_core.data.image_files import write_image
from fakd_core.errors import DataError
from fakd_core.evaluation import scoring
from fakd_core.evaluation.evaluate import collect_results, evaluate
from fakd_core.evaluation.metrics import Metric
from fakd_core.evaluation.results import Result, from_json, set_sentences, to_csv, to_json
from fakd_core.files import write_text


def score(folder: Path) -> Result:
    """Scores of bicubic x4."""
    (result,) = collect_results(evaluate({"bicubic": None}, [open_dataset(folder, 4)]))
    return result


@pytest.fixture
def blank_and_transparent(tmp_path: Path) -> Path:
    """A set of a white page, a picture, and a picture with transparent pixels."""
    rng = np.random.default_rng(3)
    folder = tmp_path / "flat"
    write_image(folder / "blank.png", np.full((32, 32, 3), 255, np.uint8))
    write_image(folder / "clear.png", rng.integers(0, 255, (32, 32, 4), dtype=np.uint8))
    write_image(folder / "photo.png", rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
    return folder


def test_a_blank_image_is_named_and_counts_in_no_mean(blank_and_transparent: Path) -> None:
    result = score(blank_and_transparent)
    blank, *others = result.per_image
    assert (blank.psnr_y, result.infinite_psnr) == (math.inf, ("blank",))
    assert result.psnr_y == pytest.approx(np.mean([image.psnr_y for image in others]))
    assert result.ssim_y == pytest.approx(np.mean([image.ssim_y for image in result.per_image]))
    (row,) = json.loads(json.dumps(to_json([result]), allow_nan=False))["results"]
    assert (row["infinite_psnr"], row["per_image"][0]["psnr_y"]) == (["blank"], None)
    assert from_json({"results": [row]}) == [result]
    *_, mean = to_csv([result]).splitlines()
    assert "SR equals HR on 1 of the 3 images of flat (blank): PSNR is infinite there" in mean
    assert ",inf," not in mean


def test_means_over_other_images_are_not_compared(blank_and_transparent: Path) -> None:
    result = score(blank_and_transparent)
    finite = replace(result, per_image=tuple(replace(image, psnr_y=60.0) for image in result.per_image))
    assert not result.compares_with(finite)
    assert result.compares_with(replace(result, model="other"))


def test_where_lr_came_from_and_transparency_are_said(blank_and_transparent: Path) -> None:
    result = score(blank_and_transparent)
    assert (result.transparent, result.lr) == (1, "made from the HR images by MATLAB's bicubic")
    assert list(set_sentences([result, result])) == [
        f"flat x4: LR images {result.lr}",
        "flat x4: 1 of 3 images have transparent pixels",
    ]
    (row,) = to_json([result])["results"]
    assert (row["lr"], row["transparent"]) == (result.lr, 1)


def test_a_metric_that_is_no_number_is_reported(
    blank_and_transparent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = Metric("odd", "no number", lambda sr, hr, border: math.nan)
    monkeypatch.setattr(scoring, "METRICS", [metric])
    with pytest.raises(DataError, match=r"the metric odd fails \(it gives nan\)"):
        score(blank_and_transparent)


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names there are Unicode")
def test_a_name_that_is_no_utf_8_can_be_exported(blank_and_transparent: Path, tmp_path: Path) -> None:
    (blank_and_transparent / "photo.png").rename(
        os.fsdecode(os.fsencode(blank_and_transparent) + b"/\xff.png")
    )
    write_text(tmp_path / "x.csv", to_csv([score(blank_and_transparent)]))
    assert "\\udcff" in (tmp_path / "x.csv").read_text(encoding="utf-8")
