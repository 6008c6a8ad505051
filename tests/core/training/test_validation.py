"""Scores of validation images: blank ones, where PSNR is infinite, and teachers below bicubic."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_runs import run

from fakd_core import create_model
from fakd_core.data.datasets import ImagePair, open_dataset
from fakd_core.data.image_files import write_image
from fakd_core.events import CancelToken, Notice, RunStarted, ValidationEnd, run_to_end
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.runs.series import read_series
from fakd_core.runs.states import read_state
from fakd_core.training.validation import Validator

BLANK = ImagePair("blank", np.full((8, 8, 3), 255, np.uint8), np.full((32, 32, 3), 255, np.uint8))


@pytest.fixture
def photo(photos: Path) -> ImagePair:
    return open_dataset(photos, 4).load(0)


def validator(*pairs: ImagePair) -> Validator:
    return Validator(pairs=dict(enumerate(pairs)), images=len(pairs), scale=4)


def test_a_blank_image_does_not_count(photo: ImagePair) -> None:
    alone, both = validator(photo), validator(photo, BLANK)
    expected, found = (run_to_end(one.score_bicubic(CancelToken())) for one in (alone, both))
    assert found.scores == expected.scores
    assert found.exact == {1}
    student = create_model("edsr", n_feats=4, n_resblocks=1)
    expected, found = (
        run_to_end(one.evaluate(student, CancelToken(), left_out=left_out))
        for one, left_out in ((alone, ()), (both, {1}))
    )
    assert found.scores == expected.scores
    assert both.describe_blank({1}).startswith("1 of 2 validation images (blank) is reproduced exactly")


def test_if_all_are_blank_the_scores_are_infinite() -> None:
    result = run_to_end(validator(BLANK, BLANK).score_bicubic(CancelToken()))
    assert result.scores.psnr == math.inf
    assert result.scores.ssim == 1
    assert validator(BLANK, BLANK).describe_blank({0, 1}).endswith("validate on other images")


def test_a_run_with_a_blank_validation_image_reports_it(
    settings: dict[str, Any], tmp_path: Path, photo: ImagePair
) -> None:
    write_image(tmp_path / "val" / "blank.png", BLANK.hr)
    write_image(tmp_path / "val" / "photo.png", photo.hr)
    events = run(settings, val_data=tmp_path / "val", steps=1)
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert any("1 of 2 validation images (blank)" in text for text in notices)
    assert all(math.isfinite(event.student.psnr) for event in events if isinstance(event, ValidationEnd))


def test_infinite_scores_are_valid_json_and_read_back_as_such(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    write_image(tmp_path / "val" / "blank.png", BLANK.hr)
    run(settings, val_data=tmp_path / "val", steps=1, baseline=True)
    folder = settings["run"]

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    lines = [
        json.loads(line, parse_constant=refuse)
        for line in (folder / "metrics.jsonl").read_text().splitlines()
    ]
    assert lines[0]["bicubic"]["psnr"] is None
    assert read_metrics(folder)[0]["bicubic"]["psnr"] == math.inf
    bicubic = read_series(folder).bicubic
    assert bicubic is not None
    assert bicubic.psnr == math.inf
    assert "start,0,bicubic,inf,1.0" in (folder / "metrics.csv").read_text()
    (folder / "metrics.jsonl").write_text(json.dumps({**lines[-1], "psnr": None}) + "\n")
    assert read_state(folder).best == math.inf
    assert read_series(folder).psnr["student"] == [math.inf]


def test_a_teacher_below_bicubic_is_reported(settings: dict[str, Any]) -> None:
    """The teacher of these runs has random weights."""
    events = run(settings, teacher=(settings["teacher"], "rcan-g5-r1-c32-x4-fakd"), steps=1)
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert len(notices) == 1
    assert notices[0].startswith(f"{settings['teacher']} reaches")
    assert "less than bicubic" in notices[0]
    start = next(event for event in events if isinstance(event, RunStarted))
    assert start.teacher is not None
    assert start.teacher.psnr < start.bicubic.psnr
