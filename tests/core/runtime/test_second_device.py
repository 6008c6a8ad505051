"""Whole trainings, figures and scores on another device than the CPU, and too little memory there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from second_device import NAME, second_device
from tiny_runs import losses, run

from fakd_core import load_model
from fakd_core.cli import main
from fakd_core.data.image_files import read_image
from fakd_core.evaluation.evaluate import collect_results, evaluate
from fakd_core.evaluation.features import Window, extract_features
from fakd_core.events import CancelToken, Progress, StepEnd
from fakd_core.export.checkpoints import export_model
from fakd_core.inference.upscale import upscale
from fakd_core.models.layers import SRNetwork
from fakd_core.models.meta import cpu_copy
from fakd_core.runs.config import TrainConfig
from fakd_core.runtime.device import choose_device, move_network
from fakd_core.training.trainer import resume_training, train


@pytest.fixture
def lr(photos: Path) -> np.ndarray:
    return read_image(photos / "coffee0.png")[:24, :30].copy()


def test_the_device_refuses_what_gpus_refuse() -> None:
    with second_device() as usage:
        there = torch.ones(3, device=NAME)
        with pytest.raises(RuntimeError, match="same device"):
            there + torch.ones(3)
        with pytest.raises(TypeError, match="float64"):
            there.double()
        with pytest.raises(RuntimeError, match="freed"):
            torch.ones(3).to(NAME, non_blocking=True)
        with pytest.raises(RuntimeError, match=r"numpy\(\)"):
            there.numpy()
        usage.to_cpu = usage.to_device = 0
        torch.testing.assert_close((there + torch.ones(3).to(NAME)).cpu(), torch.full((3,), 2.0))
        assert (usage.to_device, usage.to_cpu) == (1, 1)


def test_a_run_has_the_losses_of_the_cpu_and_resumes_exactly(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """With a baseline, averages, clipping, a teacher cache, validations and previews."""
    settings |= {"ema": 0.9, "clip": 1.0, "baseline": True, "distill": "10*SA(positions=0.25)", "steps": 4}
    settings |= {"teacher_cache": tmp_path / "cache", "cache_patches": 16, "validate_every": 2}
    on_cpu = run(settings, run=tmp_path / "cpu", device="cpu")
    shutil.rmtree(tmp_path / "cache")
    with second_device() as usage:
        whole = run(settings, run=tmp_path / "whole", device=NAME)
        assert usage.operations > 1000
        token, before = CancelToken(), list[Any]()
        for event in train(TrainConfig.build(**{**settings, "device": NAME}), token):
            before.append(event)
            if isinstance(event, StepEnd) and event.step == 3:
                token.cancel()
        after = list(resume_training(settings["run"]))
    assert losses([*before, *after]) == losses(whole)
    np.testing.assert_allclose(losses(whole), losses(on_cpu), rtol=1e-4)


def test_models_are_scored_and_drawn_there_as_on_the_cpu(
    small_teacher: Path, photos: Path, tmp_path: Path
) -> None:
    image = str(photos / "coffee0.png")
    at = ["--layer", "2", "--at", "5,6", "--teacher", f"T={small_teacher}", "--student", f"S={small_teacher}"]
    commands = {
        "affinity.png": ["affinity", image, *at, "--out"],
        "crops.png": ["figure", image, "--model", str(small_teacher), "--roi", "8,8,16,16", "--out"],
        "large.png": ["upscale", image, "--model", str(small_teacher), "--out"],
        "scores.csv": ["evaluate", "--data", str(photos), "--model", str(small_teacher), "--csv"],
    }
    for name, command in commands.items():
        with second_device() as usage:
            assert main([*command, str(tmp_path / name), "--device", NAME]) == 0
            assert usage.operations > 50, name
    (scored,) = collect_results(evaluate([str(small_teacher)], [photos]))
    mean = (tmp_path / "scores.csv").read_text().splitlines()[-1].split(",")
    assert float(mean[4]) == pytest.approx(scored.psnr_y, abs=0.01)


def test_an_export_is_checked_on_the_cpu_wherever_models_run(small_teacher: Path, tmp_path: Path) -> None:
    with second_device() as usage:
        list(export_model(str(small_teacher), tmp_path / "out.safetensors"))
        assert usage.operations == 0


def on_second(path: Path) -> SRNetwork:
    return move_network(load_model(path), choose_device(NAME), print)


def test_where_tiles_do_not_fit_the_cpu_goes_on(small_teacher: Path, lr: np.ndarray) -> None:
    with second_device():
        network = on_second(small_teacher)
    notes: list[Progress] = []
    with second_device(max_elements=5000):
        enlarged = upscale(network, lr, on_progress=notes.append)
        maps = extract_features(network, lr, Window(0, 0, 24, 30), name="teacher")
    assert [event.note for event in notes if event.note] == [
        f"{NAME}:0 ran out of memory, continuing on the CPU"
    ]
    assert maps.note == f"{NAME}:0 ran out of memory: the CPU computed the feature maps"
    np.testing.assert_array_equal(enlarged, upscale(cpu_copy(network), lr))
    assert next(network.parameters()).device.type == NAME, "it stays for what is smaller"


def test_a_network_that_does_not_fit_stays_on_the_cpu(small_teacher: Path) -> None:
    said: list[str] = []
    with second_device(max_elements=100):
        network = move_network(load_model(small_teacher), choose_device(NAME), said.append, "the teacher")
    assert {weights.device.type for weights in network.parameters()} == {"cpu"}
    assert said == [f"the teacher runs on the CPU: {NAME} has too little memory left for its weights"]
