"""The images of a run: several folders, images smaller than the patch, and folders that were moved."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_runs import losses, notices, run

from fakd_core.data.image_files import write_image
from fakd_core.errors import ConfigError, DataError, RunError
from fakd_core.events import CancelToken, RunEnd, StepEnd, TrainEvent
from fakd_core.runs.config import TrainConfig, read_config
from fakd_core.runtime.distributed import SINGLE_PROCESS
from fakd_core.training.images import TrainingImages, open_images
from fakd_core.training.trainer import resume_training, train


def opened(settings: dict[str, Any], **changes: Any) -> tuple[TrainingImages, list[str]]:
    """The images of a run, and the notices of opening them."""
    events: list[Any] = []

    def note() -> Any:
        found = yield from open_images(
            TrainConfig.build(**{**settings, **changes}), CancelToken(), SINGLE_PROCESS
        )
        return found

    job = note()
    while True:
        try:
            events.append(next(job))
        except StopIteration as end:
            return end.value, notices(events)


def drawn(images: TrainingImages) -> set[str]:
    """The names of the images that patches are cut from."""
    return {name for step in range(40) for name in images.sampler.image_names(images.sampler.specs(step))}


def test_all_folders_are_trained_on(settings: dict[str, Any], photos: Path, tmp_path: Path) -> None:
    for folder, names in (("one", ("astronaut0", "coffee0")), ("two", ("chelsea0", "coffee0"))):
        (tmp_path / folder).mkdir()
        for name in names:
            shutil.copy(photos / f"{name}.png", tmp_path / folder)
    folders = (tmp_path / "one", tmp_path / "two")
    images, _ = opened(settings, train_data=folders, val_data=photos)
    assert images.train_images == 4
    assert drawn(images) == {"astronaut0", "coffee0", "chelsea0", "coffee0 (2)"}
    images, _ = opened(settings, train_data=folders, val_images=1)
    assert (images.train_images, images.validator.images) == (3, 1)


def test_validation_images_that_are_trained_on_too_are_said(
    settings: dict[str, Any], photos: Path, tmp_path: Path
) -> None:
    shutil.copytree(photos, tmp_path / "again")
    _, (said,) = opened(settings, train_data=(photos, tmp_path / "again"), val_images=1)
    assert said.startswith("1 of 1 validation images are also trained on: ")


def test_images_smaller_than_the_patch_are_left_out_and_named(
    settings: dict[str, Any], photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    for name in ("icon", "logo"):
        write_image(data / f"{name}.png", np.zeros((47, 90, 3), np.uint8))
    separate = tmp_path / "separate"
    separate.mkdir()
    write_image(separate / "one.png", np.full((64, 64, 3), 9, np.uint8))
    images, said = opened(settings, train_data=data, val_data=separate)
    assert images.train_images == 6
    assert not {"icon", "logo"} & drawn(images)
    assert said == [
        "left out of the training: 2 of 8 images, whose LR image is smaller than the patch of 12x12: "
        "icon, logo"
    ]
    images, said = opened(settings, train_data=data, val_data=separate, patch=11)
    assert (images.train_images, said) == (8, [])
    with pytest.raises(DataError, match="at most 32"):
        opened(settings, train_data=data, val_data=photos, patch=33)


def test_transparent_and_unreadable_images_are_said(
    settings: dict[str, Any], photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    write_image(data / "clear.png", np.zeros((64, 64, 4), np.uint8))
    (data / "photo.heic").touch()
    _, said = opened(settings, train_data=data, val_data=photos)
    assert said[:2] == [
        f"{data.resolve()}: left out 1 .heic, which can't be read here; save them as PNG or JPEG",
        "1 of 7 training images have transparent pixels, which are white here",
    ]


def stopped_run(settings: dict[str, Any], **changes: Any) -> list[TrainEvent]:
    token, events = CancelToken(), []
    for event in train(TrainConfig.build(**{**settings, **changes}), token):
        events.append(event)
        if isinstance(event, StepEnd) and event.step == 2:
            token.cancel()
    return events


def test_a_run_whose_images_were_moved_is_resumed(
    settings: dict[str, Any], photos: Path, tmp_path: Path
) -> None:
    data, moved, folder = tmp_path / "data", tmp_path / "elsewhere" / "new", settings["run"]
    shutil.copytree(photos, data)
    changes = {"train_data": data, "val_data": data, "steps": 4, "validate_every": 4}
    whole = run(settings, **changes, run=tmp_path / "whole")
    before = stopped_run(settings, **changes)
    config = (folder / "config.toml").read_text()
    (folder / "config.toml").write_text(f"# mine\n{config}")
    moved.parent.mkdir()
    data.rename(moved)
    with pytest.raises(DataError, match=r"data: no such folder; .* with --train-data beside --resume"):
        list(resume_training(folder))
    with pytest.raises(DataError, match=r"data: no such folder; .* with --val-data beside --resume"):
        list(resume_training(folder, train_data=[moved]))
    assert "elsewhere" not in (folder / "config.toml").read_text()
    after = list(resume_training(folder, train_data=[moved], val_data=[moved]))
    assert isinstance(after[-1], RunEnd)
    assert losses([*before, *after]) == losses(whole)
    assert read_config(folder).train_data == read_config(folder).val_data == (moved,)
    assert (folder / "config.toml").read_text().startswith("# mine\n")


@pytest.mark.parametrize("option", ["train_data", "val_data"])
def test_other_images_are_refused(
    settings: dict[str, Any], photos: Path, tmp_path: Path, option: str
) -> None:
    """Files of the same names and sizes with other pixels, as BMP files may have."""
    for name in ("data", "other"):
        (tmp_path / name).mkdir()
        for path in sorted(photos.iterdir())[:2]:
            shutil.copy(path, tmp_path / name / path.name)
    for name, level in (("data", 10), ("other", 200)):
        write_image(tmp_path / name / "flat.bmp", np.full((64, 64, 3), level, np.uint8))
    data = {"train_data": tmp_path / "data", "val_data": tmp_path / "data", "val_images": None}
    stopped_run(settings, **data)
    config = (settings["run"] / "config.toml").read_bytes()
    kind = {"train_data": "training", "val_data": "validation"}[option]
    with pytest.raises(RunError, match=f"other: the {kind} images have changed since") as caught:
        list(resume_training(settings["run"], **{option: [tmp_path / "other"]}))
    assert "\n" not in str(caught.value)
    assert (settings["run"] / "config.toml").read_bytes() == config


def test_held_out_images_have_no_folder_of_their_own(settings: dict[str, Any], photos: Path) -> None:
    stopped_run(settings)
    with pytest.raises(ConfigError, match="held out of its training images; drop --val-data"):
        list(resume_training(settings["run"], val_data=[photos]))


def test_the_start_says_where_lr_images_come_from(settings: dict[str, Any], photos: Path) -> None:
    images, _ = opened(settings)
    assert images.lr_origin == "made from the HR images by MATLAB's bicubic"
