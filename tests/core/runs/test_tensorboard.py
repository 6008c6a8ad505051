"""TensorBoard's files of a run, read as TensorBoard reads them."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cmap import Colormap
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tiny_runs import notices

from fakd_core import create_model
from fakd_core.cli import main
from fakd_core.errors import ConfigError
from fakd_core.events import RunEnd, StepEnd, TrainEvent, ValidationEnd
from fakd_core.models.checkpoint import save_safetensors
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.runs.tensorboard import _EventLog
from fakd_core.runs.writer import RunWriter
from fakd_core.training import trainer


@pytest.fixture
def settings(photos: Path, small_teacher: Path) -> dict[str, Any]:
    return {
        "teacher": str(small_teacher),
        "student": "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
        "train_data": photos,
        **{"steps": 6, "batch": 2, "patch": 12, "lr": 1e-3, "val_images": 1, "validate_every": 3},
        "tensorboard": True,
    }


def train(settings: dict[str, Any], run: Path) -> list[TrainEvent]:
    return list(trainer.train(TrainConfig.build(**settings, run=run)))


def shown(run: Path) -> EventAccumulator:
    """The records that TensorBoard reads of the run."""
    everything = {"scalars": 0, "images": 0, "tensors": 0}
    return EventAccumulator(str(run / "tensorboard"), size_guidance=everything).Reload()


def curves(run: Path) -> dict[str, list[tuple[int, float]]]:
    found = shown(run)
    return {tag: [(s.step, s.value) for s in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def pictures(run: Path) -> dict[str, dict[int, np.ndarray]]:
    found = shown(run)
    images = {tag: found.Images(tag) for tag in found.Tags()["images"]}
    return {
        tag: {image.step: np.asarray(Image.open(io.BytesIO(image.encoded_image_string))) for image in several}
        for tag, several in images.items()
    }


def test_curves_are_the_metrics(settings: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    train({**settings, "ema": 0.5, "baseline": True}, run)
    found, lines = curves(run), read_metrics(run)
    steps = [line for line in lines if line["event"] == "step"]
    validations = [line for line in lines if line["event"] == "validation"]
    expected = {
        "loss/total": [(line["step"], line["losses"]["total"]) for line in steps],
        "loss/baseline": [(line["step"], line["losses"]["baseline"]) for line in steps],
        "learning rate": [(line["step"], line["lr"]) for line in steps],
        "validation/psnr": [(line["step"], line["psnr"]) for line in validations],
        "validation/ssim": [(line["step"], line["ssim"]) for line in validations],
    }
    for part in ("DS", "TS", "SA"):
        expected[f"loss/{part}"] = [(line["step"], line["losses"][part]) for line in steps]
        expected[f"loss unweighted/{part}"] = [
            (line["step"], line["losses"][f"raw {part}"]) for line in steps
        ]
    for other in ("ema", "baseline", "baseline-ema"):
        for score in ("psnr", "ssim"):
            expected[f"validation/{score} {other}"] = [
                (line["step"], line["others"][other][score]) for line in validations
            ]
    assert found.keys() == expected.keys()
    for tag, points in expected.items():
        assert [step for step, _ in found[tag]] == [step for step, _ in points], tag
        np.testing.assert_allclose([v for _, v in found[tag]], [v for _, v in points], rtol=1e-6, err_msg=tag)


def test_pictures_are_the_previews_and_affinities(settings: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    events = train(settings, run)
    found = pictures(run)
    assert {tag: list(steps) for tag, steps in found.items()} == {
        **{f"preview/{name}": [0] for name in ("bicubic", "hr", "teacher")},
        "preview/student": [3, 6],
        "affinity/teacher": [0],
        "affinity/student": [3, 6],
    }
    for name, path in RunLayout(run).crops().items():
        np.testing.assert_array_equal(found[f"preview/{name}"][0], np.asarray(Image.open(path)))
    for step, path in RunLayout(run).previews().items():
        np.testing.assert_array_equal(found["preview/student"][step], np.asarray(Image.open(path)))
    row = next(event.affinity for event in events if isinstance(event, ValidationEnd))
    assert row is not None
    height, width = row.shape
    assert row[height // 2, width // 2] == pytest.approx(1, abs=1e-5)
    assert np.ptp(row) > 0.01
    picture = found["affinity/student"][3]
    assert picture.shape == found["preview/student"][3].shape
    brightest = np.unravel_index(picture.sum(axis=2).argmax(), picture.shape[:2])
    assert row[brightest[0] // 4, brightest[1] // 4] > 0.99


def test_settings_are_hyperparameters(settings: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(settings, run)
    content = shown(run).summary_metadata["_hparams_/session_start_info"].plugin_data.content
    values = HParamsPluginData.FromString(content).session_start_info.hparams
    assert values["lr"].number_value == 1e-3
    assert values["distill"].string_value == "10*SA"
    assert values["layers"].string_value == "1, 2, 3"


@pytest.mark.parametrize("left_at", [2, 3, 5])
def test_a_resumed_run_has_every_point_once(settings: dict[str, Any], tmp_path: Path, left_at: int) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    train(settings, whole)
    for event in trainer.train(TrainConfig.build(**settings, run=run)):
        # Left without a word, as by a killed process; after step 3 before its validation.
        if isinstance(event, StepEnd) and event.step == left_at:
            break
    list(trainer.resume_training(run))
    assert curves(run) == curves(whole)
    mine, theirs = pictures(run), pictures(whole)
    assert mine.keys() == theirs.keys()
    for tag, steps in theirs.items():
        assert mine[tag].keys() == steps.keys(), tag
        assert all(np.array_equal(mine[tag][step], steps[step]) for step in steps), tag


def test_a_checkpoint_between_validations_repeats_nothing(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the validation of the checkpoint's step is still to come."""
    monkeypatch.setattr(RunWriter, "checkpoint_due", True)
    whole, run = tmp_path / "whole", tmp_path / "run"
    train(settings, whole)
    for event in trainer.train(TrainConfig.build(**settings, run=run)):
        if type(event).__name__ == "CheckpointSaved" and event.step == 3:
            break
    list(trainer.resume_training(run))
    assert curves(run) == curves(whole)


def test_failed_writes_are_reported_once_and_lose_nothing(settings: dict[str, Any], tmp_path: Path) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    train(settings, whole)
    events = []
    hidden = run / "hidden"
    for event in trainer.train(TrainConfig.build(**settings, run=run)):
        events.append(event)
        if isinstance(event, StepEnd) and event.step == 1:
            (run / "tensorboard").rename(hidden)
            (run / "tensorboard").write_text("in the way")
        elif isinstance(event, StepEnd) and event.step == 4:
            (run / "tensorboard").unlink()
            hidden.rename(run / "tensorboard")
    assert isinstance(events[-1], RunEnd)
    failed, recovered = notices(events)
    assert "tensorboard" in failed
    assert "The training continues" in failed
    assert recovered == "saving works again"
    assert curves(run) == curves(whole)


def test_nothing_is_written_without_the_option(settings: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    events = train({**settings, "tensorboard": False, "steps": 1}, run)
    assert not (run / "tensorboard").exists()
    assert all(event.affinity is None for event in events if isinstance(event, ValidationEnd))


def test_without_tensorboard_installed_nothing_starts(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, without = tmp_path / "begun", tmp_path / "without"
    for run, wanted in ((begun, True), (without, False)):
        train({**settings, "steps": 1, "tensorboard": wanted}, run)
    for module in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, module)
    for module in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ConfigError, match=r'pip install "fakd-workbench\[tensorboard\]"'):
        next(trainer.train(TrainConfig.build(**settings, run=tmp_path / "run")))
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="can't be used here"):
        next(trainer.resume_training(begun))
    assert isinstance(list(trainer.resume_training(without))[-1], RunEnd)


def test_a_run_without_a_teacher(settings: dict[str, Any], photos: Path, tmp_path: Path) -> None:
    run, student = tmp_path / "run", tmp_path / "student.safetensors"
    save_safetensors(create_model("edsr", n_feats=8, n_resblocks=2), student)
    options = f"--student {student} --train-data {photos} --run {run} --steps 2 --batch 2 --patch 12"
    assert main(["train", *options.split(), "--val-images", "1", "--tensorboard"]) == 0
    assert curves(run).keys() == {
        *("loss/total", "loss/DS", "loss unweighted/DS", "learning rate"),
        *("validation/psnr", "validation/ssim"),
    }
    assert "affinity/teacher" not in pictures(run)


def test_an_affinity_map_has_the_colours_of_its_values() -> None:
    log = SimpleNamespace(_config=SimpleNamespace(scale=2))
    picture = _EventLog._colour(log, np.array([[-1.0, 0.0], [0.5, 1.0]], np.float32))  # type: ignore[arg-type]
    assert picture is not None
    expected = np.rint(255 * Colormap("bids:inferno")(np.array([[0, 0], [0.5, 1]]))[..., :3])
    assert np.array_equal(picture[::2, ::2], expected)
    assert np.array_equal(picture[1::2, 1::2], expected)
